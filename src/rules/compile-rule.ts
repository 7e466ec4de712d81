import { BUILT_IN_LABELS } from '../core/catalogue.ts'
import type { ConfiguredNames } from '../core/configured-names.ts'
import { faultAt, type Fault } from '../core/fault.ts'
import type { LeaseFacts } from '../core/facts.ts'
import type { ActionResource, ActionRule, LeaseRule, RuleEffect } from '../core/judge.ts'
import { selects } from '../core/name-pattern.ts'
import { nearest } from '../core/nearest.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { SourceDocument } from '../core/source-document.ts'
import { celActionFacts, celFacts } from './cel-facts.ts'
import { closedFacts } from './closed-facts.ts'
import { parseExpression, type Expression } from './expression.ts'
import { actionEnvironment, leaseEnvironment } from './fact-types.ts'
import { labelWords } from './label-words.ts'
import { neverTrue } from './never-true.ts'
import type { RuleEntry } from './rule-file.ts'
import { identifiers } from './syntax-tree.ts'

export interface RulePlace {
  readonly document: SourceDocument
  readonly index: number
}

export interface CompiledRule {
  readonly entry: RuleEntry
  readonly place: RulePlace
  readonly condition: Expression
  readonly rule: LeaseRule | null
  /** What it is of a rule `on: action`, and whether it may speak about a resource at all. */
  readonly action: { readonly rule: ActionRule; readonly speaksOf: (resource: ActionResource) => boolean } | null
}

type At = (member: keyof RuleEntry, message: string, mend: string, offset?: number) => Fault

const ENVIRONMENTS = { lease: leaseEnvironment(), action: actionEnvironment() }

/** One rule as a function of facts, or everything that is wrong with it. */
export function compileRule(
  entry: RuleEntry,
  place: RulePlace,
  names: ConfiguredNames,
): Result<CompiledRule, readonly Fault[]> {
  const at: At = (member, message, mend, offset) =>
    faultAt(place.document, ['rules', place.index, member], { message: `Rule ${entry.id}: ${message}`, mend }, offset)
  const referred = [
    ...selectorFaults(entry.tools, names.tools, (message, mend) => at('tools', message, mend)),
    ...selectorFaults(entry.grants, names.grants, (message, mend) => at('grants', message, mend)),
    ...groupFaults(entry.approvers, names.groups, (message, mend) => at('approvers', message, mend)),
  ]
  const parsed = parseExpression(ENVIRONMENTS[entry.on], entry.when)
  const condition = parsed.ok
    ? conditionFaults(entry, parsed.value, names, at)
    : parsed.error.map(({ message, mend, offset }) => at('when', message, mend, offset))
  const faults = [...referred, ...condition]
  if (faults.length > 0 || !parsed.ok) return err(faults)
  const lease = entry.on === 'lease'
  return ok({
    entry,
    place,
    condition: parsed.value,
    rule: lease ? toLeaseRule(entry, parsed.value) : null,
    action: lease
      ? null
      : { rule: toActionRule(entry, parsed.value), speaksOf: (resource) => speaksOf(entry, resource) },
  })
}

function conditionFaults(entry: RuleEntry, condition: Expression, names: ConfiguredNames, at: At): readonly Fault[] {
  const faults: Fault[] = []
  const read = identifiers(condition.ast)
  if (read.size === 0 && alwaysFails(condition))
    faults.push(at('when', 'it can never be evaluated', 'Mend the condition: as it is, every request would be denied.'))
  else if (neverTrue(condition, closedFacts(names)))
    faults.push(at('when', 'it can never match', 'Compare with a value that the fact can have, or take the rule out.'))
  const said = ['declared', 'context'].find((name) => read.has(name))
  if (entry.effect === 'deny' && said !== undefined)
    faults.push(
      at(
        'effect',
        `it reads ${said}, which is only what the caller says, so it may only ask or charge`,
        'Use effect: ask or risk, or read intent, which is the worse of what was said and what is configured.',
      ),
    )
  const words = names.labels && [...BUILT_IN_LABELS, ...names.labels]
  for (const { word, offset } of labelWords(condition.ast)) {
    if (words === null || words.includes(word)) continue
    const close = nearest(word, words)
    const mend = `${close === undefined ? '' : `Did you mean ${close}? `}The labels are ${words.join(', ')}; declare more under labels in the configuration.`
    faults.push(at('when', `there is no label ${word}`, mend, offset))
  }
  return faults
}

function alwaysFails(condition: Expression): boolean {
  try {
    condition.evaluate({})
    return false
  } catch {
    return true
  }
}

type Says = (message: string, mend: string) => Fault

function selectorFaults(
  patterns: readonly string[] = [],
  names: readonly string[] | null,
  says: Says,
): readonly Fault[] {
  if (names === null) return []
  const dead = patterns.filter((pattern) => !names.some((name) => selects(pattern, name)))
  return dead.map((pattern) => {
    const close = nearest(pattern, names)
    const mend = close === undefined ? 'Mend the name, or add what it names.' : `Did you mean ${close}?`
    return says(`${pattern} names nothing that is configured, so it can never match`, mend)
  })
}

function groupFaults(group: string | undefined, groups: readonly string[] | null, says: Says): readonly Fault[] {
  if (group === undefined || groups === null || groups.includes(group)) return []
  return [says(`no operator is in the group ${group}, so nobody could answer`, 'Put some there: operators[].groups.')]
}

function toLeaseRule(entry: RuleEntry, condition: Expression): LeaseRule {
  const { id, mode, reason, answers } = entry
  const matches = (facts: LeaseFacts): boolean =>
    selected(entry, facts) && holds(id, condition.evaluate(celFacts(facts)))
  return { id, mode, reason, answers, effect: effectOf(entry), matches }
}

function toActionRule(entry: RuleEntry, condition: Expression): ActionRule {
  const { id, mode, reason, answers } = entry
  const effect = effectOf(entry)
  if (effect.kind === 'risk') throw new Error(`Rule ${id} has points, and is on: action`)
  return { id, mode, reason, answers, effect, matches: (facts) => holds(id, condition.evaluate(celActionFacts(facts))) }
}

/** Without a selector it speaks about every action; with one, about what the selectors name. */
function speaksOf({ tools, grants }: RuleEntry, { type, id }: ActionResource): boolean {
  if (tools === undefined && grants === undefined) return true
  return (type === 'tool' ? tools : grants)?.some((pattern) => selects(pattern, id)) ?? false
}

function holds(id: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw new Error(`Rule ${id} gave no truth value`)
  return value
}

/** Without a selector a rule speaks about every request; with both kinds it wants a hit of each. */
function selected({ tools, grants }: RuleEntry, facts: LeaseFacts): boolean {
  const tool = tools === undefined || facts.tools.some((entry) => tools.some((pattern) => selects(pattern, entry.tool)))
  return (
    tool &&
    (grants === undefined || facts.access.some((entry) => grants.some((pattern) => selects(pattern, entry.grant))))
  )
}

function effectOf({ effect, risk, approvals, approvers }: RuleEntry): RuleEffect {
  if (effect === 'deny') return { kind: 'deny' }
  if (effect === 'ask') return { kind: 'ask', approvals: approvals ?? 1, approvers: approvers ?? null }
  return { kind: 'risk', points: risk ?? 0 }
}
