import type { Mark } from '../core/mark.ts'
import { BROKER } from './audit-entries.ts'
import { closeEach } from './close-each.ts'
import type { Broker } from './ports.ts'

const MANY = 500

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

/** Ends the descendants of leases that have ended: a lease is found here once its parent is marked, and never before. */
export async function closeDescendants(broker: Broker): Promise<number> {
  let closed = 0
  for (;;) {
    const done = await closeEach(broker, {
      next: (limit) => broker.store.reads.cascading(limit),
      closing: ({ parent }) => ({ outcome: 'cascaded', reason: `Lease ${String(parent)} ended` }),
      actor: BROKER,
    })
    closed += done
    if (done + (await endCascades(broker)) === 0) return closed
  }
}

/** Forgets the ended leases that have no open children left. */
function endCascades(broker: Broker): Promise<number> {
  const ended = broker.store.reads.cascades(MANY)
  if (ended.length === 0) return Promise.resolve(0)
  return broker.store.commit((tx) => {
    const over = ended.filter((parent) => tx.openChildren(parent, 1).length === 0)
    for (const parent of over) tx.endCascade(parent)
    return over.length
  })
}

const actor = ({ by }: Mark) => ({ type: 'operator', id: by }) as const
