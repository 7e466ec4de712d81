import type { Approval } from '../core/approval.ts'
import { err, ok, type Result } from '../core/result.ts'
import { answerable, type Answer } from './answer-approval.ts'
import { actorOf, approvalEntry, type Origin } from './audit-entries.ts'
import { closeLease } from './close-lease.ts'
import type { Broker } from './ports.ts'
import type { Refusal } from './refusal.ts'

/** One operator's no ends it: approval `denied`, lease closed as `denied`. Anyone may say no, the agent's owner too. */
export async function denyApproval(
  broker: Broker,
  no: Answer & { readonly reason: string },
): Promise<Result<Approval, Refusal>> {
  const origin: Origin = { actor: actorOf(no.operator), requestId: no.requestId, now: broker.time.believed() }
  const result = await broker.store.commit((tx): Result<Approval, Refusal> => {
    const open = answerable(broker, tx, no)
    if (!open.ok) return open
    const { approval, lease } = open.value
    const change = { state: 'denied', deniedBy: no.operator.id, reason: no.reason } as const
    if (!tx.moveApproval(approval, change))
      return err({ reason: 'conflict', detail: 'Somebody else answered first.', state: approval.state })
    const denied: Approval = { ...approval, ...change, fence: approval.fence + 1 }
    tx.append(approvalEntry('approval.denied', denied, no.reason, origin))
    if (denied.kind === 'lease') closeLease(tx, lease, { outcome: 'denied', reason: no.reason }, origin)
    return ok(denied)
  })
  broker.changes.announce(no.approval)
  if (result.ok) broker.changes.announce(result.value.lease)
  return result
}
