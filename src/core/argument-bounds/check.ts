import type { Json } from '../json.ts'
import type { ArgumentBounds } from '../tool-access.ts'

export type CompareAs = NonNullable<ArgumentBounds['as']>

/**
 * One constraint on one value: undefined where it holds, otherwise why it does not, in words that follow the value ("is
 * more than that"). A check reads the value as it is and never turns one type into another.
 */
export type Check = (bound: Json, value: Json, as: CompareAs | undefined) => string | undefined

/** The bound itself makes no sense, so nothing can be inside it. */
export const UNREADABLE = 'cannot be compared, because the bound itself is not one that can hold'

/** Why a value of the wrong type is outside: what it is, and what it would have to be. */
export const isNot = (wanted: string, value: Json): string => `is ${typeOf(value)}, not ${wanted}`

function typeOf(value: Json): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'string') return 'text'
  if (typeof value === 'object') return 'an object'
  return typeof value === 'number' ? 'a number' : 'true or false'
}

/** The texts of a bound that takes one or a list of them; undefined where it is neither, or an empty list. */
export function textsOf(bound: Json): readonly string[] | undefined {
  const all: readonly Json[] = Array.isArray(bound) ? bound : [bound]
  const texts = all.filter((each) => typeof each === 'string')
  return texts.length > 0 && texts.length === all.length ? texts : undefined
}
