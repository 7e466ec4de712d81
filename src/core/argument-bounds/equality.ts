import { jsonEquals, type Json } from '../json.ts'
import { UNREADABLE, type Check, type CompareAs } from './check.ts'
import { readingsOf } from './readings.ts'

/** Deep equality, or with `as` equality of what both mean. */
export const equals: Check = (bound, value, as) =>
  matcherOf([bound], as)(value) ? undefined : `is not equal to that${comparedAs(as)}`

export const oneOf: Check = (bound, value, as) => {
  if (!Array.isArray(bound)) return UNREADABLE
  return matcherOf(bound, as)(value) ? undefined : `is none of these${comparedAs(as)}`
}

const comparedAs = (as: CompareAs | undefined): string => (as ? `, compared as ${as}` : '')

/**
 * Whether a value equals one of these. With `as`, two values are equal if they have a reading in common; what cannot be
 * read as that equals nothing, not even itself.
 */
export function matcherOf(wanted: readonly Json[], as: CompareAs | undefined): (value: Json) => boolean {
  if (!as) return (value) => wanted.some((each) => jsonEquals(each, value))
  const readings = new Set(wanted.flatMap((each) => readingsOf(each, as)))
  return (value) => readingsOf(value, as).some((reading) => readings.has(reading))
}
