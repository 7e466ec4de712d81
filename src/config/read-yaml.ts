import { isMap, isNode, isScalar, LineCounter, parseDocument, visit, type Document, type Node } from 'yaml'

import type { Fault } from '../core/fault.ts'
import type { Json } from '../core/json.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { SourceDocument, Step } from '../core/source-document.ts'
import { offsetInText } from './offset-in-text.ts'

/** Aliases may stand for at most this many nodes: without a bound a few lines can unfold into gigabytes. */
const MAX_ALIASES = 50

type Said = (at: number, message: string, mend: string) => Fault

/** YAML 1.2 (so JSON too), with the place of every value kept for messages. Duplicate names and unknown tags are faults. */
export function readYaml(file: string, text: string): Result<SourceDocument, readonly Fault[]> {
  const lines = new LineCounter()
  const placeOf = (at: number) => {
    const { line, col } = lines.linePos(at)
    return { line, column: col }
  }
  const said: Said = (at, message, mend) => ({ file, ...placeOf(at), message, mend })
  // Known tags are not resolved either: one such as !!binary makes values that are not JSON.
  const document = parseDocument(text, {
    lineCounter: lines,
    version: '1.2',
    uniqueKeys: true,
    strict: true,
    stringKeys: true,
    resolveKnownTags: false,
  })
  const problems = [...document.errors, ...document.warnings].map(({ code, pos, message }) =>
    code === 'MULTIPLE_DOCS'
      ? said(pos[0], 'A second document starts here', 'Keep one a file.')
      : said(pos[0], firstLine(message), 'Mend the YAML there.'),
  )
  const faults = [...problems, ...letPass(document, said)]
  if (faults.length > 0) return err(faults)
  try {
    const value = document.toJS({ maxAliasCount: MAX_ALIASES }) as Json
    return ok({
      file,
      value,
      at: (path, offset) =>
        placeOf(startOf(document, path, offset === undefined ? undefined : (node) => offsetInText(text, node, offset))),
      keyAt: (path) => placeOf(keyOf(document, path)?.range?.[0] ?? startOf(document, path)),
    })
  } catch {
    return err([said(0, 'Its aliases stand for too much', `Write the values out: ${MAX_ALIASES} are the most.`)])
  }
}

const firstLine = (message: string): string =>
  message.split('\n')[0]?.replace(/ at line \d+, column \d+:?$/, '') ?? 'is not YAML'

/** What the parser lets pass: aliases of nothing or of themselves, and a name that some reader takes for the prototype. */
function letPass(document: Document.Parsed, said: Said): readonly Fault[] {
  const faults: Fault[] = []
  visit(document, {
    Alias: (_, alias) => {
      const at = alias.range?.[0] ?? 0
      const named = alias.resolve(document)
      if (!named) faults.push(said(at, `There is no anchor &${alias.source} above`, 'Set it, or quote the text.'))
      if (named?.range && named.range[0] <= at && at < named.range[2])
        faults.push(said(at, `*${alias.source} stands inside itself`, 'Write the values out.'))
    },
    Pair: (_, { key }) => {
      if (isScalar(key) && key.value === '__proto__')
        faults.push(said(key.range?.[0] ?? 0, '__proto__ is not a name', 'Take it out.'))
    },
  })
  return faults
}

/** Where the value at a path starts, or its nearest parent that is there. */
function startOf(document: Document.Parsed, path: readonly Step[], inside?: (node: Node) => number): number {
  for (let length = path.length; length > 0; length -= 1) {
    const node = document.getIn(path.slice(0, length), true)
    if (!isNode(node) || !node.range) continue
    return length === path.length && inside ? inside(node) : node.range[0]
  }
  return document.contents?.range[0] ?? 0
}

function keyOf(document: Document.Parsed, path: readonly Step[]): Node | undefined {
  const parent = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true)
  if (!isMap(parent)) return undefined
  const key = parent.items.find((pair) => isScalar(pair.key) && pair.key.value === path.at(-1))?.key
  return isNode(key) ? key : undefined
}
