import { BUILT_IN_LABELS, type Catalogue } from '../core/catalogue.ts'
import { faultAt, type Fault } from '../core/fault.ts'
import type { LeaseFacts } from '../core/facts.ts'
import type { LeaseRule, RuleEffect } from '../core/judge.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { SourceDocument } from '../core/source-document.ts'
import { celFacts } from './cel-facts.ts'
import { identifiers, parseExpression, type Expression } from './expression.ts'
import { actionEnvironment, leaseEnvironment } from './fact-types.ts'
import { closedFacts, labelWords, neverTrue } from './never-true.ts'
import type { RuleEntry } from './rule-file.ts'

/** What the rules are compiled against. */
export interface RuleWorld {
  readonly catalogue: Catalogue
  /** Labels that the operator declared beside the built-in ones. */
  readonly labels: readonly string[]
}

export interface RulePlace {
  readonly document: SourceDocument
  readonly index: number
}

const ENVIRONMENTS = { lease: leaseEnvironment(), action: actionEnvironment() }

/** One rule as a function of facts, or everything that is wrong with it. */
export function compileRule(entry: RuleEntry, place: RulePlace, world: RuleWorld): Result<LeaseRule, readonly Fault[]> {
  const at = (member: keyof RuleEntry, message: string, mend: string, offset?: number): Fault =>
    faultAt(place.document, ['rules', place.index, member], { message: `Rule ${entry.id}: ${message}`, mend }, offset)
  const selectors = [
    ...selectorFaults(entry, 'tools', [...world.catalogue.tools.keys()], at),
    ...selectorFaults(entry, 'grants', [...world.catalogue.grants.keys()], at),
  ]
  const parsed = parseExpression(ENVIRONMENTS[entry.on], entry.when)
  if (!parsed.ok) return err([...selectors, at('when', parsed.error.message, parsed.error.mend, parsed.error.offset)])
  const faults = [...selectors, ...conditionFaults(entry, parsed.value, world, at)]
  return faults.length > 0 ? err(faults) : ok(toRule(entry, parsed.value))
}

type At = (member: keyof RuleEntry, message: string, mend: string, offset?: number) => Fault

function conditionFaults(
  entry: RuleEntry,
  condition: Expression,
  { catalogue, labels }: RuleWorld,
  at: At,
): readonly Fault[] {
  const faults: Fault[] = []
  if (neverTrue(condition, closedFacts(catalogue))) {
    faults.push(at('when', 'it can never match', 'Compare with a value that the fact can have, or take the rule out.'))
  }
  const read = identifiers(condition.ast)
  const said = ['declared', 'context'].find((name) => read.has(name))
  if (entry.effect === 'deny' && said !== undefined) {
    faults.push(
      at(
        'effect',
        `it reads ${said}, which is only what the caller says, so it may only ask or charge`,
        'Use effect: ask or risk, or read intent, which is the worse of what was said and what is configured.',
      ),
    )
  }
  const words: readonly string[] = [...BUILT_IN_LABELS, ...labels]
  for (const { word, offset } of labelWords(condition.ast)) {
    if (!words.includes(word))
      faults.push(
        at(
          'when',
          `there is no label ${word}`,
          `The labels are ${words.join(', ')}; declare more under labels in the configuration.`,
          offset,
        ),
      )
  }
  return faults
}

function selectorFaults(
  entry: RuleEntry,
  member: 'tools' | 'grants',
  names: readonly string[],
  at: At,
): readonly Fault[] {
  const dead = (entry[member] ?? []).filter((pattern) => !names.some((name) => selects(pattern, name)))
  return dead.map((pattern) =>
    at(
      member,
      `${pattern} names nothing that is configured, so it can never match`,
      'Mend the name, or add what it names.',
    ),
  )
}

/** Exact, or everything below a trailing `.*`. */
const selects = (pattern: string, name: string): boolean =>
  pattern.endsWith('.*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern

function toRule(entry: RuleEntry, condition: Expression): LeaseRule {
  return {
    id: entry.id,
    mode: entry.mode,
    effect: effectOf(entry),
    reason: entry.reason,
    answers: entry.answers,
    matches: (facts) => selected(entry, facts) && holds(entry.id, condition.evaluate(celFacts(facts))),
  }
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
