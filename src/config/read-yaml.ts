import { isScalar, LineCounter, parseDocument, type Document, type Scalar } from 'yaml'

import type { Fault } from '../core/fault.ts'
import type { Json } from '../core/json.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { SourceDocument, Step } from '../core/source-document.ts'

/** Aliases may stand for at most this many nodes: without a bound a few lines can unfold into gigabytes. */
const MAX_ALIASES = 50

/** YAML 1.2 (so JSON too), with the place of every value kept for messages. Duplicate names and unknown tags are faults. */
export function readYaml(file: string, text: string): Result<SourceDocument, readonly Fault[]> {
  const lines = new LineCounter()
  const document = parseDocument(text, {
    lineCounter: lines,
    version: '1.2',
    uniqueKeys: true,
    strict: true,
    stringKeys: true,
  })
  const problems = [...document.errors, ...document.warnings]
  if (problems.length > 0) {
    return err(
      problems.map(({ pos, message }) => {
        const { line, col } = lines.linePos(pos[0])
        const said = message.split('\n')[0]?.replace(/ at line \d+, column \d+:?$/, '') ?? 'is not YAML'
        return { file, line, column: col, message: said, mend: 'Mend the YAML there.' }
      }),
    )
  }
  try {
    const value = document.toJS({ maxAliasCount: MAX_ALIASES }) as Json
    return ok({ file, value, at: (path, offset) => place(document, lines, path, offset) })
  } catch {
    return err([{ file, line: 1, column: 1, message: 'Too many aliases', mend: 'Write the values out.' }])
  }
}

function place(document: Document.Parsed, lines: LineCounter, path: readonly Step[], offset = 0) {
  for (let length = path.length; length >= 0; length -= 1) {
    const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true)
    if (!isScalar(node) && !(node !== null && typeof node === 'object' && 'range' in node)) continue
    const range = node.range as readonly [number, number, number] | null | undefined
    if (!range) continue
    const inside = length === path.length && isScalar(node) ? offsetInside(node, offset) : 0
    const { line, col } = lines.linePos(range[0] + inside)
    return { line, column: col }
  }
  return { line: 1, column: 1 }
}

/** Where a character of a text stands in the file: exact for texts on one line, the start for folded and block ones. */
function offsetInside(node: Scalar, offset: number): number {
  switch (node.type) {
    case 'PLAIN':
      return offset
    case 'QUOTE_SINGLE':
    case 'QUOTE_DOUBLE':
      return offset + 1
    default:
      return 0
  }
}
