import { approvalEntry, BROKER } from './audit-entries.ts'
import type { Broker } from './ports.ts'

const BATCH = 500

/** Approvals that no lease waits for lapse by themselves: an unanswered question is a no. */
export async function lapseApprovals(broker: Broker): Promise<void> {
  const origin = { actor: BROKER, requestId: null, now: broker.time.believed() }
  const lapsed = broker.store.reads.lapsedApprovals(origin.now, BATCH)
  if (lapsed.length === 0) return
  await broker.store.commit((tx) => {
    for (const approval of lapsed) {
      if (tx.moveApproval(approval, { state: 'expired' })) {
        tx.append(approvalEntry('approval.expired', { ...approval, state: 'expired' }, null, origin))
      }
    }
  })
  for (const { id } of lapsed) broker.changes.announce(id)
}
