import type { Lease } from '../core/lease.ts'
import { coversGrant, coversLease, type Mark } from '../core/mark.ts'
import { standingOf, type Standing } from '../core/standing.ts'
import type { Instant } from '../core/time.ts'
import { recoveryMark } from './in-recovery.ts'
import type { Broker } from './ports.ts'
import type { Refusal } from './refusal.ts'
import type { Reads } from './store-port.ts'

type Stops = Pick<Broker, 'unsaved'>

/** Every mark that holds now: those on record, those that could not be written yet, and what a recovery comes to. */
export const marksInForce = (broker: Stops, reads: Reads): readonly Mark[] => [
  ...reads.marks(),
  ...broker.unsaved.marks(),
  ...recoveryMark(reads),
]

/** Whether the lease may be used now, or why not. Every use asks this, inside the transaction where there is one. */
export function standing(broker: Stops, reads: Reads, lease: Lease, now: Instant): Standing {
  return standingOf({ lease, ancestors: reads.ancestors(lease), marks: marksInForce(broker, reads), now })
}

/** Whether a freeze covers the lease, or one above it. */
export function isFrozen(broker: Stops, reads: Reads, lease: Lease): boolean {
  const freezes = marksInForce(broker, reads).filter(({ kind }) => kind === 'freeze')
  if (freezes.length === 0) return false
  return [lease, ...reads.ancestors(lease)].some((each) => freezes.some(({ scope }) => coversLease(scope, each)))
}

/** Whether a freeze covers the credentials of this grant. */
export function isGrantFrozen(
  broker: Stops,
  reads: Reads,
  grant: { readonly grant: string; readonly provider: string },
): boolean {
  return marksInForce(broker, reads).some(({ kind, scope }) => kind === 'freeze' && coversGrant(scope, grant))
}

/** A standing other than usable, as the refusal of a verb. */
export function notUsable(lease: Lease, found: Exclude<Standing, 'usable'>): Refusal {
  switch (found) {
    case 'frozen':
    case 'ancestor_waiting':
      return frozen('The lease')
    case 'lease_not_active':
      return {
        reason: 'conflict',
        detail: `The lease is ${lease.state}; this needs an active one.`,
        state: lease.state,
      }
    case 'lease_expired':
    case 'ancestor_closed':
      return { reason: 'conflict', detail: 'The lease is at its end; ask for a new one.', state: 'closing' }
  }
}

export const frozen = (what: string): Refusal => ({
  reason: 'frozen',
  detail: `${what} is frozen. Nothing is lost: ask again once an operator has lifted the freeze.`,
})
