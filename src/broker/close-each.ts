import type { AuditActor } from '../core/audit.ts'
import type { Lease } from '../core/lease.ts'
import { announceLease } from './announce-lease.ts'
import { closeLease, type Closing } from './close-lease.ts'
import type { Broker } from './ports.ts'

/** What is asked meanwhile waits for no more than one batch. */
const BATCH = 100

interface Many {
  /** The leases that are to be closed now, at most that many. */
  readonly next: (limit: number) => readonly Lease[]
  readonly closing: (lease: Lease) => Closing
  readonly actor: AuditActor
}

/**
 * Closes leases in batches until none is left. Each is a step of its own, which the store commits together: one that
 * fails is rolled back alone, stays due, and never stops the others. The loop turns between batches.
 */
export async function closeEach(broker: Broker, { next, closing, actor }: Many): Promise<number> {
  let closed = 0
  for (;;) {
    const leases = next(BATCH)
    const ended = await Promise.all(leases.map((lease) => close(broker, lease, { closing: closing(lease), actor })))
    const done = ended.filter(Boolean).length
    closed += done
    if (done > 0) {
      broker.kick()
      broker.gettingOn()
    }
    if (leases.length < BATCH || done === 0) return closed
  }
}

async function close(
  broker: Broker,
  lease: Lease,
  { closing, actor }: { readonly closing: Closing; readonly actor: AuditActor },
): Promise<boolean> {
  const origin = { actor, requestId: null, now: broker.time.believed() }
  try {
    const closed = await broker.store.commit((tx) => {
      const current = tx.lease(lease.id)
      return current?.state === 'pending' || current?.state === 'active'
        ? closeLease(tx, current, closing, origin)
        : undefined
    })
    announceLease(broker, lease)
    return closed !== undefined
  } catch (error) {
    broker.log.error({ err: error, lease: lease.id }, 'a lease could not be closed; it is tried again')
    return false
  }
}
