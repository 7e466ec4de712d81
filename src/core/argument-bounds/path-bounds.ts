import { err, ok, type Result } from '../result.ts'
import { isNot, UNREADABLE, type Check } from './check.ts'
import { detourIn } from './path-text.ts'
import { normalised, TOO_MANY_MARKS } from './plain-text.ts'

/**
 * The path itself, or anything below it, by whole segments. Compared exactly: to most file systems two spellings of one
 * word are two names. What symbolic links do is for the tool to know.
 */
export const withinPath: Check = (bound, value) => {
  if (typeof value !== 'string') return isNot('text', value)
  const outer = typeof bound === 'string' ? parsePath(bound) : undefined
  if (!outer?.ok) return UNREADABLE
  const path = parsePath(value)
  if (!path.ok) return path.error
  return path.value === outer.value || path.value.startsWith(`${outer.value}/`) ? undefined : 'is not below that'
}

/** A normalised absolute path, without a slash at its end; the root is empty. */
export function parsePath(text: string): Result<string, string> {
  if (!text.startsWith('/')) return err('is not an absolute path')
  if (/\p{Cc}/u.test(text)) return err('holds a control character')
  // Some software folds full-width dots and slashes into plain ones before it opens the file.
  const folded = normalised(text, 'NFKC')
  if (folded === undefined) return err(TOO_MANY_MARKS)
  const detour = detourIn(text) ?? detourIn(folded)
  if (detour !== undefined) return err(detour)
  if (folded.includes('//')) return err('holds an empty segment')
  return ok(text.endsWith('/') ? text.slice(0, -1) : text)
}
