import type { LeaseId } from '../core/id.ts'
import type { Lease } from '../core/lease.ts'
import { err, ok, type Result } from '../core/result.ts'
import { actorOf } from './audit-entries.ts'
import type { Caller } from './caller.ts'
import { closeLease } from './close-lease.ts'
import { endLease } from './end-lease.ts'
import { findLease } from './find-lease.ts'
import type { Broker } from './ports.ts'
import type { Refusal } from './refusal.ts'

interface Completion {
  readonly caller: Caller
  readonly lease: LeaseId
  readonly outcome: 'success' | 'failure'
  readonly summary: string | null
  readonly requestId: string
}

/**
 * The agent says that its task is over. A pending lease becomes `cancelled`. Repeating it answers with the same lease;
 * a lease that ended some other way is a conflict.
 */
export async function completeLease(broker: Broker, call: Completion): Promise<Result<Lease, Refusal>> {
  if (call.caller.type === 'operator') {
    return err({ reason: 'forbidden', detail: 'Only the agent completes its lease. An operator revokes it.' })
  }
  const found = findLease(broker, call.caller, call.lease)
  if (!found.ok) return found
  const origin = { actor: actorOf(call.caller), requestId: call.requestId, now: broker.time.believed() }
  return endLease(broker, {
    lease: call.lease,
    origin,
    reason: call.summary ?? 'Completed',
    step: (tx, lease) => {
      const outcome = lease.state === 'pending' ? 'cancelled' : call.outcome === 'success' ? 'completed' : 'failed'
      const open = lease.state === 'pending' || lease.state === 'active'
      const ended = open ? closeLease(tx, lease, { outcome, reason: call.summary }, origin) : undefined
      if (ended) return ok(ended)
      if (lease.outcome === 'cancelled' || lease.outcome === outcome) return ok(lease)
      const detail = `The lease is ${lease.state} (${lease.outcome ?? 'open'}).`
      return err({ reason: 'conflict', detail, state: lease.state })
    },
  })
}
