import { isJsonObject, type Json } from './json.ts'

type Path = readonly PropertyKey[]

/** The value without the members at those paths. */
export function without(value: Json, paths: readonly Path[]): Json {
  if (paths.length === 0) return value
  if (Array.isArray(value)) return value.map((item: Json, at) => without(item, below(paths, at)))
  if (!isJsonObject(value)) return value
  const gone = new Set(paths.flatMap((path) => (path.length === 1 ? [path[0]] : [])))
  const kept = Object.entries(value).filter(([name]) => !gone.has(name))
  return Object.fromEntries(kept.map(([name, item]) => [name, without(item, below(paths, name))]))
}

/** The value with that name at those paths. */
export function withNames(value: Json, paths: readonly Path[], name: string): Json {
  if (paths.some((path) => path.length === 0)) return name
  if (Array.isArray(value)) return value.map((item: Json, at) => withNames(item, below(paths, at), name))
  if (!isJsonObject(value)) return value
  const members = new Set([...Object.keys(value), ...paths.map(([step]) => String(step))])
  return Object.fromEntries(
    [...members].map((member) => [member, withNames(value[member] ?? null, below(paths, member), name)]),
  )
}

const below = (paths: readonly Path[], step: PropertyKey): readonly Path[] =>
  paths.flatMap((path) => (path[0] === step && path.length > 0 ? [path.slice(1)] : []))
