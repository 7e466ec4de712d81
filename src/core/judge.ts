import type { Ask, FiredRule, Verdict } from './decision.ts'
import type { ActionFacts, LeaseFacts } from './facts.ts'

/** What a rule does when its condition holds. */
export type RuleEffect =
  | { readonly kind: 'deny' }
  | { readonly kind: 'ask'; readonly approvals: number; readonly approvers: string | null }
  | { readonly kind: 'risk'; readonly points: number }

/** One operator-written condition, compiled. `matches` is pure; it throws when it cannot be evaluated on these facts. */
export interface LeaseRule extends Rule<LeaseFacts> {
  readonly effect: RuleEffect
}

/** A rule about one action. It has no points: a call is inside the task, or it is not. */
export interface ActionRule extends Rule<ActionFacts> {
  readonly effect: Exclude<RuleEffect, { readonly kind: 'risk' }>
}

interface Rule<F> {
  readonly id: string
  readonly mode: 'enforce' | 'observe'
  readonly reason: string
  readonly answers: readonly string[]
  readonly matches: (facts: F) => boolean
}

/** Where a score lands. The last tier has no `below`. */
export interface Tier {
  readonly name: string
  readonly below: number | null
  readonly effect: 'allow' | 'deny' | 'ask'
  readonly approvals: number
  readonly approvers: string | null
  readonly maxTtlSeconds: number | null
}

/** What an action is on. */
export interface ActionResource {
  readonly type: 'tool' | 'grant'
  readonly id: string
}

/** Rules compiled once into a value that cannot be wrong. `tiers` is never empty and covers every score. */
export interface RuleSet {
  /** `sha256:` and hex over the canonical form of every rule and tier. */
  readonly digest: string
  readonly lease: readonly LeaseRule[]
  /** The rules that may speak about a call of this tool, or a use of this grant, in file order: few of many, or none. */
  readonly about: (resource: ActionResource) => readonly ActionRule[]
  readonly tiers: readonly Tier[]
}

interface Fired<R> {
  readonly rule: R
  readonly effect: RuleEffect
  readonly reason: string
}

/**
 * Judges a lease request. Deny outranks ask; nothing "allows" but the tier that the score picks. A rule that cannot be
 * evaluated is a deny that names it, never a skip. A rule in `observe` is in the answer and changes nothing.
 */
export function judgeLease(rules: RuleSet, facts: LeaseFacts): Verdict {
  const fired = rules.lease.flatMap((rule) => fire(rule, facts))
  const enforced = fired.filter(({ rule }) => rule.mode === 'enforce')
  const factors = enforced.flatMap(({ rule, effect, reason }) =>
    effect.kind === 'risk' ? [{ rule: rule.id, points: effect.points, reason }] : [],
  )
  const score = factors.reduce((sum, { points }) => sum + points, 0)
  const tier = tierOf(rules.tiers, score)
  const asks = [...enforced.flatMap(askOf), ...askOfTier(tier)]
  const denied = tier.effect === 'deny' || enforced.some(({ effect }) => effect.kind === 'deny')
  return {
    effect: denied ? 'deny' : asks.length > 0 ? 'ask' : 'allow',
    risk: { score, tier: tier.name, factors },
    rules: fired.map(shown),
    asks: denied ? [] : asks,
    maxTtlSeconds: tier.maxTtlSeconds,
    rulesDigest: rules.digest,
  }
}

/** What the rules say of one action. */
export interface ActionVerdict {
  readonly effect: 'allow' | 'deny' | 'ask'
  readonly rules: readonly FiredRule[]
  readonly asks: readonly Ask[]
}

/**
 * Judges one action that is inside its lease. A tool that no rule speaks about costs one look-up: its facts are never
 * gathered.
 */
export function judgeAction(rules: RuleSet, resource: ActionResource, facts: () => ActionFacts): ActionVerdict {
  const about = rules.about(resource)
  if (about.length === 0) return { effect: 'allow', rules: [], asks: [] }
  const known = facts()
  const fired = about.flatMap((rule) => fire(rule, known))
  const enforced = fired.filter(({ rule }) => rule.mode === 'enforce')
  const denied = enforced.some(({ effect }) => effect.kind === 'deny')
  const asks = denied ? [] : enforced.flatMap(askOf)
  return { effect: denied ? 'deny' : asks.length > 0 ? 'ask' : 'allow', rules: fired.map(shown), asks }
}

interface Judged<F> {
  readonly id: string
  readonly mode: 'enforce' | 'observe'
  readonly effect: RuleEffect
  readonly reason: string
  readonly matches: (facts: F) => boolean
}

function fire<F, R extends Judged<F>>(rule: R, facts: F): readonly Fired<R>[] {
  try {
    return rule.matches(facts) ? [{ rule, effect: rule.effect, reason: rule.reason }] : []
  } catch {
    // Which fact was missing is for the rule's author: `mayfly rules explain` tells, the caller learns the rule's name.
    return [{ rule, effect: { kind: 'deny' }, reason: `Rule ${rule.id} cannot be evaluated on this request` }]
  }
}

function tierOf(tiers: readonly Tier[], score: number): Tier {
  const tier = tiers.find(({ below }) => below === null || score < below)
  if (!tier) throw new Error('The tiers do not cover every score: the rule set was not compiled by its loader')
  return tier
}

function askOf({ rule, effect, reason }: Fired<{ readonly id: string }>): readonly Ask[] {
  return effect.kind === 'ask'
    ? [{ by: rule.id, reason, approvals: effect.approvals, approvers: effect.approvers }]
    : []
}

function askOfTier(tier: Tier): readonly Ask[] {
  const { name, approvals, approvers } = tier
  return tier.effect === 'ask' ? [{ by: `tier:${name}`, reason: `Risk tier ${name}`, approvals, approvers }] : []
}

function shown({ rule, effect, reason }: Fired<Pick<LeaseRule, 'id' | 'mode'>>): FiredRule {
  return { id: rule.id, effect: effect.kind, reason, mode: rule.mode }
}
