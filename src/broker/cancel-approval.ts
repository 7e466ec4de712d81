import type { Approval } from '../core/approval.ts'
import type { ApprovalId } from '../core/id.ts'
import { err, ok, type Result } from '../core/result.ts'
import { actorOf } from './audit-entries.ts'
import type { LeaseCaller } from './caller.ts'
import { closeLease } from './close-lease.ts'
import type { Broker } from './ports.ts'
import type { Refusal } from './refusal.ts'

interface Cancelling {
  readonly caller: LeaseCaller
  readonly approval: ApprovalId
  readonly requestId: string
}

/** The agent takes its question back: approval and lease are `cancelled`. Repeating it changes nothing. */
export async function cancelApproval(broker: Broker, call: Cancelling): Promise<Result<Approval, Refusal>> {
  const origin = { actor: actorOf(call.caller), requestId: call.requestId, now: broker.time.believed() }
  const result = await broker.store.commit((tx): Result<Approval, Refusal> => {
    const approval = tx.approval(call.approval)
    const lease = approval && tx.lease(approval.lease)
    if (!lease || lease.id !== call.caller.lease || approval.abandon) return err({ reason: 'not-found' })
    if (approval.state === 'pending' && approval.kind === 'lease')
      closeLease(tx, lease, { outcome: 'cancelled', reason: null }, origin)
    // The question alone is taken back; the lease goes on without what it asked for.
    if (approval.state === 'pending' && approval.kind === 'action') tx.moveApproval(approval, { state: 'cancelled' })
    const now = tx.approval(call.approval) ?? approval
    if (now.state === 'cancelled') return ok(now)
    return err({ reason: 'conflict', detail: `The approval has been answered: ${now.state}.`, state: now.state })
  })
  broker.changes.announce(call.approval)
  broker.changes.announce(call.caller.lease)
  return result
}
