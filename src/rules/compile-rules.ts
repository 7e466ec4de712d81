import canonicalize from 'canonicalize'
import { createHash } from 'node:crypto'

import type { ConfiguredNames } from '../core/configured-names.ts'
import { faultAt, type Fault } from '../core/fault.ts'
import type { ActionRule, RuleSet } from '../core/judge.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { SourceDocument } from '../core/source-document.ts'
import { compileRule, type CompiledRule } from './compile-rule.ts'
import { compileTiers } from './compile-tiers.ts'
import { parseRuleFile, type ParsedRuleFile } from './parse-rule-file.ts'
import { ruleWarnings } from './rule-warnings.ts'

export interface CompiledRules {
  readonly rules: RuleSet
  /** What loads and does nothing, by name. */
  readonly warnings: readonly Fault[]
}

interface Against {
  readonly names: ConfiguredNames
  /** False where a rule file could not be read: then nobody knows what is missing. */
  readonly allRules: boolean
}

/** Compiles every rule file together, once, into a value that cannot be wrong; or says every fault at once. */
export function compileRules(
  documents: readonly SourceDocument[],
  { names, allRules }: Against,
): Result<CompiledRules, readonly Fault[]> {
  const files = documents.map(parseRuleFile)
  const entries = files.flatMap(({ document, rules }) =>
    rules.map(({ entry, index }) => ({ entry, place: { document, index } })),
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
  const compiled = entries.map(({ entry, place }) => compileRule(entry, place, names))
  const tiers = compileTiers(files, { names, allRules })
  const faults = [
    ...files.flatMap((file) => file.faults),
    ...twice,
    ...compiled.flatMap((rule) => (rule.ok ? [] : rule.error)),
    ...(tiers.ok ? [] : tiers.error),
  ]
  if (faults.length > 0 || !tiers.ok) return err(faults)
  const rules = compiled.flatMap((rule) => (rule.ok ? [rule.value] : []))
  const lease = rules.flatMap(({ rule }) => rule ?? [])
  const actions = rules.flatMap(({ action }) => action ?? [])
  return ok({
    rules: { digest: digestOf(files), lease, about: indexed(actions), tiers: tiers.value },
    warnings: ruleWarnings(rules, names),
  })
}

/** Over what the rules say, not how they are laid out: comments, blanks and quotes do not change it; order does. */
function digestOf(files: readonly ParsedRuleFile[]): string {
  const rules = files.flatMap((file) => file.rules.map(({ entry }) => entry))
  const tiers = files.find((file) => file.tiers !== 'none')?.tiers
  // Members that were left out are undefined, which has no canonical form: JSON drops them.
  const text = canonicalize(JSON.parse(JSON.stringify({ rules, tiers })))
  return `sha256:${createHash('sha256')
    .update(text ?? '')
    .digest('hex')}`
}

type Speaking = NonNullable<CompiledRule['action']>

/** More names than this are no catalogue of ours: they are looked up each time and not kept. */
const MOST_NAMES = 10_000

/** Which rules speak about what, worked out once for each name: a decision then evaluates only those that can match. */
function indexed(actions: readonly Speaking[]): RuleSet['about'] {
  const known = new Map<string, readonly ActionRule[]>()
  return (resource) => {
    const key = `${resource.type} ${resource.id}`
    const found = known.get(key)
    if (found) return found
    const about = actions.flatMap(({ rule, speaksOf }) => (speaksOf(resource) ? [rule] : []))
    if (known.size < MOST_NAMES) known.set(key, about)
    return about
  }
}
