import type { DecisionId } from './id.ts'

type Effect = 'allow' | 'deny' | 'ask'

/** One rule that fired, or the tier that did, as the caller sees it. */
export interface FiredRule {
  readonly id: string
  readonly effect: 'deny' | 'ask' | 'risk'
  readonly reason: string
  readonly mode: 'enforce' | 'observe'
}

interface RiskFactor {
  readonly rule: string
  readonly points: number
  readonly reason: string
}

interface Risk {
  readonly score: number
  readonly tier: string
  readonly factors: readonly RiskFactor[]
}

/** One thing that wants a human: a rule (`by` is its id) or a tier (`by` is `tier:NAME`). */
export interface Ask {
  readonly by: string
  readonly reason: string
  /** How many people must approve. */
  readonly approvals: number
  /** The group that may answer; null: any approver. */
  readonly approvers: string | null
}

/** What the rules say of one set of facts, before anyone gives it an id. */
export interface Verdict {
  readonly effect: Effect
  readonly risk: Risk
  /** Every rule that fired, in file order, those that only observe included. */
  readonly rules: readonly FiredRule[]
  readonly asks: readonly Ask[]
  /** The tier's cap on the lease's lifetime, in seconds. */
  readonly maxTtlSeconds: number | null
  readonly rulesDigest: string
}

/** A verdict on record. Names the rules that made it and the digest of the rule set (invariant 6). */
export interface Decision extends Verdict {
  readonly id: DecisionId
  /** Grants whose access entry named nothing narrower. */
  readonly broad: readonly string[]
}
