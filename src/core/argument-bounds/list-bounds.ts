import type { Json } from '../json.ts'
import { isNot, UNREADABLE, type Check } from './check.ts'
import { matcherOf } from './equality.ts'

export const maxItems: Check = (bound, value) => {
  if (!Array.isArray(value)) return isNot('a list', value)
  if (typeof bound !== 'number') return UNREADABLE
  return value.length <= bound ? undefined : `has ${value.length} items`
}

/** Every item is one of those of the bound; an empty list is. */
export const subsetOf: Check = (bound, value, as) => {
  if (!Array.isArray(value)) return isNot('a list', value)
  if (!Array.isArray(bound)) return UNREADABLE
  const isOne = matcherOf(bound, as)
  const items: readonly Json[] = value
  const outside = items.findIndex((item) => !isOne(item))
  return outside < 0 ? undefined : `has an item that is none of these, at ${outside}`
}
