import { jsonEquals, type Json, type JsonObject } from './json.ts'

/** How values are compared: by their meaning as one of these, so that an honest rewording is not refused. */
export const COMPARE_AS = ['time', 'email', 'url', 'decimal'] as const

/** The bounds on one argument; all of them hold. The table in docs/reference says when each does. */
export interface ArgumentBounds {
  readonly equals?: Json
  readonly one_of?: readonly Json[]
  readonly as?: (typeof COMPARE_AS)[number]
  readonly prefix?: string | readonly string[]
  readonly suffix?: string | readonly string[]
  readonly contains?: string | readonly string[]
  readonly max?: number | string
  readonly min?: number | string
  readonly max_length?: number
  readonly max_items?: number
  readonly within_path?: string
  readonly host?: string | readonly string[]
  readonly url_prefix?: string | readonly string[]
  readonly recipient_domain?: string | readonly string[]
  readonly subset_of?: readonly Json[]
  readonly absent?: true
}

/** One tool that a lease may call. `only`: arguments that no bound names are refused. `max_calls` null: unlimited. */
export interface ToolAccess {
  readonly tool: string
  readonly arguments: Readonly<Record<string, ArgumentBounds>>
  readonly max_calls: number | null
  readonly only: boolean
}

/** Bounds that loosen the others beside them: `as` takes rewordings for equal, `absent` lets the argument be left out. */
const LOOSENING = ['as', 'absent'] as const

/**
 * Whether everything that `inner` allows, `outer` allows too. Deliberately syntactic: each bound of `outer` must stand
 * in `inner` as it is, and `inner` may add to it what does not loosen. Sound without evaluating a single bound.
 */
export function toolInside(inner: ToolAccess, outer: ToolAccess): boolean {
  const calls = outer.max_calls === null || (inner.max_calls !== null && inner.max_calls <= outer.max_calls)
  if (inner.tool !== outer.tool || !calls || (outer.only && !inner.only)) return false
  if (outer.only && Object.keys(inner.arguments).some((name) => !Object.hasOwn(outer.arguments, name))) return false
  return Object.entries(outer.arguments).every(([name, bounds]) => {
    const kept = Object.hasOwn(inner.arguments, name) ? inner.arguments[name] : undefined
    // Alone, `absent` allows nothing to be there; another bound beside it would.
    if (kept && bounds.absent && Object.keys(bounds).length === 1 && Object.keys(kept).length > 1) return false
    if (kept === undefined || LOOSENING.some((bound) => kept[bound] !== bounds[bound])) return false
    return Object.entries(bounds).every(([bound, value]) => sameBound(kept, bound, value as Json))
  })
}

function sameBound(bounds: ArgumentBounds, name: string, value: Json): boolean {
  const kept = Object.hasOwn(bounds, name) ? (bounds as Record<string, Json | undefined>)[name] : undefined
  return kept !== undefined && jsonEquals(kept, value)
}

/** A tool entry as the API and the audit show it. */
export const toolOnWire = (entry: ToolAccess): JsonObject => ({
  tool: entry.tool,
  arguments: Object.fromEntries(Object.entries(entry.arguments).map(([name, bounds]) => [name, { ...bounds }])),
  max_calls: entry.max_calls,
  only: entry.only,
})
