import type { Ask, Verdict } from '../core/decision.ts'
import { HOUR_MS, type Instant } from '../core/time.ts'
import type { Reads } from './store-port.ts'

/** For this long after an operator revoked a lease, a new one for the same task is a human's decision. */
const ASKS_FOR_MS = 24 * HOUR_MS

export const REVOKED_BEFORE: Ask = {
  by: 'guard:revoked',
  reason: 'An operator revoked a lease of this agent for this task less than 24 hours ago',
  approvals: 1,
  approvers: null,
}

interface Judged {
  readonly reads: Reads
  readonly agent: string
  readonly task: string
  readonly now: Instant
}

/** What the rules say, and what the broker itself adds: an agent that was stopped does not simply ask again. */
export function withGuards(verdict: Verdict, { reads, agent, task, now }: Judged): Verdict {
  if (verdict.effect === 'deny' || !reads.wasRevoked(agent, task, now - ASKS_FOR_MS)) return verdict
  const { by, reason } = REVOKED_BEFORE
  const fired = { id: by, effect: 'ask', reason, mode: 'enforce' } as const
  return {
    ...verdict,
    effect: 'ask',
    rules: [...verdict.rules, fired],
    asks: [...verdict.asks, REVOKED_BEFORE],
  }
}
