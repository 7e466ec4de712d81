import type { Lease } from './lease.ts'
import { coversLease, type Mark } from './mark.ts'
import type { Instant } from './time.ts'

/**
 * Whether a lease may be used now, or the first reason why not, in the order of the API. Invariant 3 in one place: every
 * use asks this, so a closing lease, an ancestor's end, a mark or the clock is felt by all of them in the same commit.
 */
export type Standing =
  'usable' | 'lease_not_active' | 'lease_expired' | 'ancestor_closed' | 'frozen' | 'ancestor_waiting'

export interface Situation {
  readonly lease: Lease
  /** Nearest first. */
  readonly ancestors: readonly Lease[]
  readonly marks: readonly Mark[]
  readonly now: Instant
}

export function standingOf({ lease, ancestors, marks, now }: Situation): Standing {
  const marked = (each: Lease, kind: Mark['kind']): boolean =>
    marks.some((mark) => mark.kind === kind && coversLease(mark.scope, each))
  // Without `activatedAt` its credentials are still being minted, and nobody holds its token.
  if (lease.state !== 'active' || lease.activatedAt === null || marked(lease, 'revoked')) return 'lease_not_active'
  if (now >= lease.expiresAt) return 'lease_expired'
  if (ancestors.some((each) => hasEnded(each, now) || marked(each, 'revoked'))) return 'ancestor_closed'
  if (marked(lease, 'freeze')) return 'frozen'
  if (ancestors.some((each) => each.state === 'pending' || each.activatedAt === null || marked(each, 'freeze'))) {
    return 'ancestor_waiting'
  }
  return 'usable'
}

function hasEnded(lease: Lease, now: Instant): boolean {
  return lease.state === 'closing' || lease.state === 'closed' || now >= lease.expiresAt
}
