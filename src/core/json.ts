/** A value that JSON (RFC 8259) can hold. What callers send and what the audit records is never anything else. */
export type Json = string | number | boolean | null | readonly Json[] | JsonObject
export interface JsonObject {
  readonly [name: string]: Json
}

/** Deep equality as JSON sees it: the order of members does not matter, the order of items does. */
export function jsonEquals(left: Json, right: Json): boolean {
  if (left === right) return true
  if (left === null || right === null || typeof left !== 'object' || typeof right !== 'object') return false
  if (Array.isArray(left) || Array.isArray(right)) {
    if (!Array.isArray(left) || !Array.isArray(right) || left.length !== right.length) return false
    return left.every((item: Json, at) => jsonEquals(item, right[at] as Json))
  }
  const [a, b] = [left as JsonObject, right as JsonObject]
  const names = Object.keys(a)
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && jsonEquals(a[name] as Json, b[name] as Json))
  )
}

/** Whether it is an object, as opposed to a list, a scalar or nothing. */
export function isJsonObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
