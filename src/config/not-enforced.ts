import type { Fault } from '../core/fault.ts'
import { faultAt } from '../core/fault.ts'
import type { Json } from '../core/json.ts'
import type { SourceDocument, Step } from '../core/source-document.ts'

/** Members that the schema holds and nothing enforces yet. Whoever builds one deletes its line. `*` is every item. */
const NOT_ENFORCED: readonly (readonly string[])[] = [
  ['directory'],
  ['retention'],
  ['limits', 'max_depth'],
  ['limits', 'max_children'],
  ['agents', '*', 'reporter'],
  ['tools', '*', 'recipients'],
  ['tools', '*', 'payees'],
  ['tools', '*', 'urls'],
  ['tools', '*', 'targets'],
  ['tools', '*', 'values'],
  ['tools', '*', 'content'],
  ['tools', '*', 'record_arguments'],
]

/** A warning for each member that the operator wrote and that does nothing yet: silence would pass for protection. */
export function notEnforced(document: SourceDocument): readonly Fault[] {
  return NOT_ENFORCED.flatMap((pattern) => {
    const [first] = written(document.value, pattern)
    if (!first) return []
    const message = `${pattern.join('.').replaceAll('.*', '[]')} is read, and nothing enforces it yet`
    return [faultAt(document, first, { message, mend: 'Do not rely on it in this version.' })]
  })
}

function written(
  value: Json | undefined,
  pattern: readonly string[],
  path: readonly Step[] = [],
): readonly (readonly Step[])[] {
  const [step, ...rest] = pattern
  if (step === undefined) return value === undefined || value === null ? [] : [path]
  if (step === '*')
    return Array.isArray(value) ? value.flatMap((item: Json, at) => written(item, rest, [...path, at])) : []
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return []
  return written((value as Readonly<Record<string, Json>>)[step], rest, [...path, step])
}
