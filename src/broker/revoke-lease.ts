import type { LeaseId } from '../core/id.ts'
import type { Lease } from '../core/lease.ts'
import { err, ok, type Result } from '../core/result.ts'
import { actorOf } from './audit-entries.ts'
import type { OperatorCaller } from './caller.ts'
import { closeLease } from './close-lease.ts'
import { endLease } from './end-lease.ts'
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
  const origin = { actor: actorOf(call.operator), requestId: call.requestId, now: broker.time.believed() }
  return endLease(broker, {
    lease: call.lease,
    origin,
    reason: call.reason,
    step: (tx, lease) => {
      if (lease.state === 'pending' || lease.state === 'active') {
        const ended = closeLease(tx, lease, { outcome: 'revoked', reason: call.reason }, origin)
        if (ended) return ok(ended)
      }
      if (lease.outcome === 'revoked') return ok(lease)
      const detail = `The lease has already ended (${lease.outcome ?? lease.state}).`
      return err({ reason: 'conflict', detail, state: lease.state })
    },
  })
}
