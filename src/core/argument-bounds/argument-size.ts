import type { Json, JsonObject } from '../json.ts'

/** The largest arguments that anything reads. What lies beyond could be the part that matters, so it refuses. */
export const ARGUMENT_LIMITS = { bytes: 16_384, depth: 8, items: 256, textBytes: 8192 } as const

/**
 * Why these arguments are too large to judge; undefined where they are not. Bytes are UTF-8, of all arguments as compact
 * JSON; depth counts the arguments themselves as one; items are those of a list and the members of an object.
 */
export function oversize(args: JsonObject): string | undefined {
  const { bytes } = ARGUMENT_LIMITS
  return oversizePart(args, 1) ?? (longerThan(JSON.stringify(args), bytes) ? `more than ${bytes} bytes` : undefined)
}

function oversizePart(value: Json, level: number): string | undefined {
  const { depth, items, textBytes } = ARGUMENT_LIMITS
  if (typeof value === 'string')
    return longerThan(value, textBytes) ? `a text of more than ${textBytes} bytes` : undefined
  if (typeof value !== 'object' || value === null) return undefined
  if (level > depth) return `lists and objects more than ${depth} deep`
  const names = Array.isArray(value) ? [] : Object.keys(value)
  const parts: readonly Json[] = Array.isArray(value) ? value : Object.values(value)
  if (parts.length > items) return `more than ${items} items in a list or object`
  for (const part of [...names, ...parts]) {
    const fault = oversizePart(part, level + 1)
    if (fault !== undefined) return fault
  }
  return undefined
}

/** No UTF-16 unit takes less than one byte, and none more than three: most texts need no counting. */
function longerThan(text: string, bytes: number): boolean {
  if (text.length > bytes) return true
  return text.length * 3 > bytes && new TextEncoder().encode(text).length > bytes
}
