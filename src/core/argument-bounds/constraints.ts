import type { ArgumentBounds } from '../tool-access.ts'
import type { Check } from './check.ts'
import { equals, oneOf } from './equality.ts'
import { maxItems, subsetOf } from './list-bounds.ts'
import { max, min } from './number-bounds.ts'
import { withinPath } from './path-bounds.ts'
import { recipientDomain } from './recipient-bounds.ts'
import { contains, maxLength, prefix, suffix } from './text-bounds.ts'
import { host, urlPrefix } from './url-bounds.ts'

/** Every constraint that compares a value, by its name. `as` says how some of them do, `absent` is about having none. */
const CONSTRAINTS: Readonly<Record<Exclude<keyof ArgumentBounds, 'as' | 'absent'>, Check>> = {
  equals,
  one_of: oneOf,
  prefix,
  suffix,
  contains,
  max,
  min,
  max_length: maxLength,
  max_items: maxItems,
  within_path: withinPath,
  host,
  url_prefix: urlPrefix,
  recipient_domain: recipientDomain,
  subset_of: subsetOf,
}

const BY_NAME: ReadonlyMap<string, Check> = new Map(Object.entries(CONSTRAINTS))

/** The constraint of this name; undefined where nobody knows it. */
export const constraint = (name: string): Check | undefined => BY_NAME.get(name)
