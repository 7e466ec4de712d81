import { isScalar, type Node } from 'yaml'

/**
 * Where in the file a character of a text stands. Quotes, escapes, indentation and folding make the source longer than
 * the text, so both are walked side by side: what the text does not have is skipped in the source.
 */
export function offsetInText(source: string, node: Node, offset: number): number {
  const [start, end] = node.range ?? [0, 0]
  if (!isScalar(node) || typeof node.value !== 'string' || (offset === 0 && node.type === 'PLAIN')) return start
  let at = start + headOf(source, node.type, start)
  for (const sign of node.value.slice(0, offset)) {
    const next = nextAlike(source, sign, at, end)
    if (next === undefined) return start
    at = next + sign.length
  }
  const wanted = node.value.charAt(offset)
  return (wanted === '' ? undefined : nextAlike(source, wanted, at, end)) ?? Math.min(at, end)
}

/** What stands before the first character: a quote, or the line of `|` or `>`. */
function headOf(source: string, type: string | undefined, start: number): number {
  if (type === 'BLOCK_LITERAL' || type === 'BLOCK_FOLDED') return source.indexOf('\n', start) + 1 - start
  return type === 'PLAIN' ? 0 : 1
}

/** A line break may stand for a blank. */
function nextAlike(source: string, sign: string, from: number, end: number): number | undefined {
  for (let at = from; at < end; at += 1) {
    if (source.startsWith(sign, at) || (sign === ' ' && source.charAt(at) === '\n')) return at
  }
  return undefined
}
