import type { LeaseId } from '../core/id.ts'
import type { Mark } from '../core/mark.ts'
import { BROKER } from './audit-entries.ts'
import { closeEach } from './close-each.ts'
import type { Broker } from './ports.ts'

/** Ends the leases under every revocation that sticks. Nothing to do costs one look-up a mark, and there are few marks. */
export async function closeMarked(broker: Broker): Promise<number> {
  let closed = 0
  for (const mark of broker.store.reads.marks()) {
    if (mark.kind !== 'revoked') continue
    closed += await closeEach(broker, {
      next: (limit) => broker.store.reads.liveUnder(mark.scope, limit),
      closing: () => ({ outcome: 'revoked', reason: mark.reason }),
      actor: actor(mark),
    })
  }
  return closed
}

/** Ends the descendants of leases that have ended, a level at a time: parents are marked before their children. */
export async function closeDescendants(broker: Broker): Promise<number> {
  let closed = 0
  for (;;) {
    const ended = broker.store.reads.cascades(100)
    let progress = 0
    for (const parent of ended) {
      const done = await closeEach(broker, {
        next: (limit) => broker.store.reads.openChildren(parent, limit),
        closing: () => ({ outcome: 'cascaded', reason: `Lease ${parent} ended` }),
        actor: BROKER,
      })
      closed += done
      progress += done + (await endCascade(broker, parent))
    }
    if (progress === 0) return closed
  }
}

function endCascade(broker: Broker, parent: LeaseId): Promise<number> {
  return broker.store.commit((tx) => {
    if (tx.openChildren(parent, 1).length > 0) return 0
    tx.endCascade(parent)
    return 1
  })
}

const actor = ({ by }: Mark) => ({ type: 'operator', id: by }) as const
