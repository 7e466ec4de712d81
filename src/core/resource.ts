/**
 * A resource is exact, or ends in one `*` after a segment boundary (`/`, `:` or the start). Nothing else is a pattern:
 * `?`, an inner `*`, `${...}`, dot segments, blanks and control characters are refused, because somebody downstream
 * would read them as more than what was judged.
 */
export function isResource(text: string): boolean {
  const exact = text.endsWith('*') ? text.slice(0, -1) : text
  if (text === '*') return true
  if (text.endsWith('*') && !/[/:]$/.test(exact)) return false
  // eslint-disable-next-line no-control-regex -- control characters are what is being refused
  return exact.length > 0 && !/[*?\\\s\u0000-\u001f\u007f]|\$\{/u.test(exact) && !/(^|[/:])\.{1,2}([/:]|$)/.test(exact)
}

/** Whether everything that `asked` names is inside `ceiling`. Both must be resources. */
export function resourceInside(asked: string, ceiling: string): boolean {
  return ceiling.endsWith('*') ? asked.startsWith(ceiling.slice(0, -1)) : asked === ceiling
}
