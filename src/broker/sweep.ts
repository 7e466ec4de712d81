import type { Lease } from '../core/lease.ts'
import { announceLease } from './announce-lease.ts'
import { BROKER } from './audit-entries.ts'
import { closeLease } from './close-lease.ts'
import type { Broker } from './ports.ts'

const BATCH = 500

export interface Swept {
  readonly closed: number
  /** Rows that could not be closed now: they stay due, and never stop the others. */
  readonly failed: number
}

/**
 * Closes everything that is due, in batches. There is no timer per lease: a tick that is lost, late or doubled costs
 * nothing, because each pass takes whatever is due by then and every close is a compare-and-set.
 */
export async function sweep(broker: Broker): Promise<Swept> {
  let swept: Swept = { closed: 0, failed: 0 }
  for (;;) {
    const due = broker.store.reads.due(broker.clock(), BATCH)
    // Each lease is a step of its own: one that throws is rolled back alone, and the store commits them together.
    const closed = await Promise.all(due.map((lease) => expire(broker, lease).catch(() => false)))
    const done = closed.filter(Boolean).length
    swept = { closed: swept.closed + done, failed: swept.failed + closed.length - done }
    if (due.length < BATCH || done === 0) return swept
  }
}

async function expire(broker: Broker, lease: Lease): Promise<boolean> {
  const origin = { actor: BROKER, requestId: null, now: broker.clock() }
  const reason = lease.state === 'pending' ? 'Nobody answered the approval in time' : null
  const closed = await broker.store.commit((tx) => closeLease(tx, lease, { outcome: 'expired', reason }, origin))
  announceLease(broker, lease)
  return closed !== undefined
}
