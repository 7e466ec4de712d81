import { isNot, textsOf, UNREADABLE, type Check } from './check.ts'
import { holdsAny } from './holds-any.ts'
import { normalised, TOO_MANY_MARKS } from './plain-text.ts'

/** Compares texts after Unicode NFC, so that one word in two encodings is one word. A list means any of them. */
const comparing =
  (holds: (text: string, wanted: readonly string[]) => boolean, otherwise: string): Check =>
  (bound, value) => {
    if (typeof value !== 'string') return isNot('text', value)
    const wanted = textsOf(bound)
    if (!wanted) return UNREADABLE
    const text = normalised(value, 'NFC')
    if (text === undefined) return TOO_MANY_MARKS
    const normal = wanted.map((each) => normalised(each, 'NFC')).filter((each) => each !== undefined)
    return holds(text, normal) ? undefined : otherwise
  }

export const prefix = comparing(
  (text, wanted) => wanted.some((each) => text.startsWith(each)),
  'does not begin with that',
)
export const suffix = comparing((text, wanted) => wanted.some((each) => text.endsWith(each)), 'does not end with that')
export const contains = comparing(holdsAny, 'does not contain that')

/** Length of a text in Unicode code points, as JSON Schema counts `maxLength`: not UTF-16 units, not bytes. */
export const maxLength: Check = (bound, value) => {
  if (typeof value !== 'string') return isNot('text', value)
  if (typeof bound !== 'number') return UNREADABLE
  const length = Array.from(value).length
  return length <= bound ? undefined : `is ${length} characters long`
}
