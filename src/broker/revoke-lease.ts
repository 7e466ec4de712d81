import type { LeaseId } from '../core/id.ts'
import type { Lease } from '../core/lease.ts'
import { err, ok, type Result } from '../core/result.ts'
import { announceLease } from './announce-lease.ts'
import { actorOf } from './audit-entries.ts'
import type { OperatorCaller } from './caller.ts'
import { closeLease } from './close-lease.ts'
import type { Broker } from './ports.ts'
import type { Refusal } from './refusal.ts'

interface Revocation {
  readonly operator: OperatorCaller
  readonly lease: LeaseId
  readonly reason: string
  readonly requestId: string
}

/** An operator takes a lease back, whatever its state. Repeating it changes nothing; a lease that ended otherwise is a conflict. */
export async function revokeLease(broker: Broker, call: Revocation): Promise<Result<Lease, Refusal>> {
  const origin = { actor: actorOf(call.operator), requestId: call.requestId, now: broker.clock() }
  const result = await broker.store.commit((tx): Result<Lease, Refusal> => {
    const lease = tx.lease(call.lease)
    if (!lease) return err({ reason: 'not-found' })
    if (lease.state === 'closed') {
      return lease.outcome === 'revoked'
        ? ok(lease)
        : err({
            reason: 'conflict',
            detail: `The lease has already ended (${lease.outcome ?? 'closed'}).`,
            state: lease.state,
          })
    }
    const closed = closeLease(tx, lease, { outcome: 'revoked', reason: call.reason }, origin)
    return closed
      ? ok(closed)
      : err({ reason: 'conflict', detail: 'The lease changed meanwhile. Ask again.', state: lease.state })
  })
  if (result.ok) announceLease(broker, result.value)
  return result
}
