import type { Ask, FiredRule, Verdict } from './decision.ts'
import type { LeaseFacts } from './facts.ts'

/** What a rule does when its condition holds. */
export type RuleEffect =
  | { readonly kind: 'deny' }
  | { readonly kind: 'ask'; readonly approvals: number; readonly approvers: string | null }
  | { readonly kind: 'risk'; readonly points: number }

/** One operator-written condition, compiled. `matches` is pure; it throws when it cannot be evaluated on these facts. */
export interface LeaseRule {
  readonly id: string
  readonly mode: 'enforce' | 'observe'
  readonly effect: RuleEffect
  readonly reason: string
  readonly answers: readonly string[]
  readonly matches: (facts: LeaseFacts) => boolean
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

/** Rules compiled once into a value that cannot be wrong. `tiers` is never empty and covers every score. */
export interface RuleSet {
  /** `sha256:` and hex over the canonical form of every rule and tier. */
  readonly digest: string
  readonly lease: readonly LeaseRule[]
  readonly tiers: readonly Tier[]
}

interface Fired {
  readonly rule: LeaseRule
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

function fire(rule: LeaseRule, facts: LeaseFacts): readonly Fired[] {
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

function askOf({ rule, effect, reason }: Fired): readonly Ask[] {
  return effect.kind === 'ask'
    ? [{ by: rule.id, reason, approvals: effect.approvals, approvers: effect.approvers }]
    : []
}

function askOfTier(tier: Tier): readonly Ask[] {
  const { name, approvals, approvers } = tier
  return tier.effect === 'ask' ? [{ by: `tier:${name}`, reason: `Risk tier ${name}`, approvals, approvers }] : []
}

function shown({ rule, effect, reason }: Fired): FiredRule {
  return { id: rule.id, effect: effect.kind, reason, mode: rule.mode }
}
