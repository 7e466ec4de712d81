import type { LeaseId } from '../core/id.ts'
import type { Lease } from '../core/lease.ts'
import { err, ok, type Result } from '../core/result.ts'
import { announceLease } from './announce-lease.ts'
import { actorOf } from './audit-entries.ts'
import type { Caller } from './caller.ts'
import { closeLease } from './close-lease.ts'
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
  const origin = { actor: actorOf(call.caller), requestId: call.requestId, now: broker.clock() }
  const result = await broker.store.commit((tx): Result<Lease, Refusal> => {
    const lease = tx.lease(call.lease)
    if (!lease) return err({ reason: 'not-found' })
    const outcome = lease.state === 'pending' ? 'cancelled' : call.outcome === 'success' ? 'completed' : 'failed'
    const closed =
      lease.state === 'closed' ? undefined : closeLease(tx, lease, { outcome, reason: call.summary }, origin)
    if (closed) return ok(closed)
    const same = lease.outcome === 'cancelled' || lease.outcome === outcome
    return same
      ? ok(lease)
      : err({
          reason: 'conflict',
          detail: `The lease is ${lease.state} (${lease.outcome ?? 'open'}).`,
          state: lease.state,
        })
  })
  if (result.ok) announceLease(broker, result.value)
  return result
}
