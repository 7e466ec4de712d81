/**
 * A dot, slash, backslash or NUL in percent-encoding, encoded once or many times, or a byte that only the overlong
 * spellings of those begin with. Somebody downstream may decode it after it was judged.
 */
const ENCODED = /%(?:25)*(?:2e|2f|5c|00|c[01])/i

/** Tomcat and its kin drop what follows a semicolon, so `..;x` goes up as `..` does. */
const DOT_SEGMENT = /(?:^|\/)\.{1,2}(?:[/;]|$)/

/** Why a path may lead somewhere else than it says; undefined where it can't. */
export function detourIn(path: string): string | undefined {
  if (path.includes('\\')) return 'holds a backslash'
  if (ENCODED.test(path)) return 'holds a percent-encoded dot, slash or backslash'
  return DOT_SEGMENT.test(path) ? 'holds a dot segment' : undefined
}
