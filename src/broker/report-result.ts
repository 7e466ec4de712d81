import { joined } from '../core/lease-use.ts'
import type { LeaseId } from '../core/id.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { Broker } from './ports.ts'
import type { Refusal } from './refusal.ts'

interface Report {
  readonly lease: LeaseId
  readonly callId: string
  readonly labels: readonly string[]
}

/** What the result of an allowed call contained joins the history of the whole tree, and never leaves it. */
export function reportResult(broker: Broker, { lease: id, callId, labels }: Report): Promise<Result<null, Refusal>> {
  return broker.store.commit((tx): Result<null, Refusal> => {
    const lease = tx.lease(id)
    if (!lease || !tx.call(id, callId)) return err({ reason: 'not-found' })
    const use = tx.use(lease.root)
    tx.keepUse(lease.root, { ...use, history: joined(use.history, { labels, tool: null }) })
    return ok(null)
  })
}
