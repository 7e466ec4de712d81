import canonicalize from 'canonicalize'
import { createHash } from 'node:crypto'
import type * as z from 'zod'

import { faultAt, type Fault } from '../core/fault.ts'
import type { RuleSet } from '../core/judge.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { SourceDocument, Step } from '../core/source-document.ts'
import { compileRule, type RuleWorld } from './compile-rule.ts'
import { compileTiers } from './compile-tiers.ts'
import { RuleFile } from './rule-file.ts'

export interface CompiledRules {
  readonly rules: RuleSet
  /** What loads and does nothing, by name. */
  readonly warnings: readonly Fault[]
}

interface ParsedFile {
  readonly document: SourceDocument
  readonly file: RuleFile
}

/** Compiles every rule file together, once, into a value that cannot be wrong; or says every fault at once. */
export function compileRules(
  documents: readonly SourceDocument[],
  world: RuleWorld,
): Result<CompiledRules, readonly Fault[]> {
  const parsed = documents.map((document) => ({ document, file: RuleFile.safeParse(document.value) }))
  const malformed = parsed.flatMap(({ document, file }) =>
    file.success ? [] : file.error.issues.map((issue) => schemaFault(document, issue)),
  )
  const files = parsed.flatMap(({ document, file }): readonly ParsedFile[] =>
    file.success ? [{ document, file: file.data }] : [],
  )
  if (malformed.length > 0) return err(malformed)

  const entries = files.flatMap(({ document, file }) =>
    file.rules.map((entry, index) => ({ entry, place: { document, index } })),
  )
  const twice = entries.flatMap(({ entry, place }, at) =>
    entries.findIndex((other) => other.entry.id === entry.id) < at
      ? [
          faultAt(place.document, ['rules', place.index, 'id'], {
            message: `There are two rules ${entry.id}`,
            mend: 'Give one of them another id.',
          }),
        ]
      : [],
  )
  const compiled = entries.map(({ entry, place }) => ({ entry, place, rule: compileRule(entry, place, world) }))
  const tiers = compileTiers(files)
  const faults = [
    ...twice,
    ...compiled.flatMap(({ rule }) => (rule.ok ? [] : rule.error)),
    ...(tiers.ok ? [] : tiers.error),
  ]
  if (faults.length > 0 || !tiers.ok) return err(faults)
  const lease = compiled.flatMap(({ entry, rule }) => (rule.ok && entry.on === 'lease' ? [rule.value] : []))
  return ok({
    rules: { digest: digestOf(files.map(({ file }) => file)), lease, tiers: tiers.value },
    warnings: compiled.flatMap(({ entry, place }) => warningsOf(entry, place)),
  })
}

function schemaFault(document: SourceDocument, issue: z.core.$ZodIssue): Fault {
  const path = issue.path.filter((step): step is Step => typeof step !== 'symbol')
  const keys = issue.code === 'unrecognized_keys' ? issue.keys : []
  const message =
    keys.length > 0 ? `${keys.join(', ')} is not a member there` : `${path.join('.') || 'The file'}: ${issue.message}`
  return faultAt(document, [...path, ...keys.slice(0, 1)], {
    message,
    mend: 'See config/rules.schema.json for what a rule file holds.',
  })
}

function warningsOf(
  entry: RuleFile['rules'][number],
  place: { readonly document: SourceDocument; readonly index: number },
): readonly Fault[] {
  const at = (member: string, message: string): Fault =>
    faultAt(place.document, ['rules', place.index, member], {
      message: `Rule ${entry.id}: ${message}`,
      mend: 'Do not rely on it in this version.',
    })
  return [
    ...(entry.on === 'action' ? [at('on', 'on: action is checked, and nothing decides on actions yet')] : []),
    ...(entry.escalate_to !== undefined ? [at('escalate_to', 'nothing escalates yet')] : []),
  ]
}

/** Over what the rules say, not how they are laid out: comments, blanks and quotes do not change it; order does. */
function digestOf(files: readonly RuleFile[]): string {
  const text = canonicalize(
    JSON.parse(
      JSON.stringify({ rules: files.flatMap(({ rules }) => rules), tiers: files.find(({ tiers }) => tiers)?.tiers }),
    ),
  )
  return `sha256:${createHash('sha256')
    .update(text ?? '')
    .digest('hex')}`
}
