import type { Lease } from '../core/lease.ts'
import { HOUR_MS } from '../core/time.ts'
import { BROKER } from './audit-entries.ts'
import { closeEach } from './close-each.ts'
import { closeDescendants, closeMarked } from './close-marked.ts'
import { lostAt } from './heartbeat.ts'
import { lapseApprovals } from './lapse-approvals.ts'
import type { Broker } from './ports.ts'
import { recoverMints } from './recover-mints.ts'

const BATCH = 500
/** A heartbeat is at most an hour, and a lease is lost after two. */
const HEARD_KEPT_MS = 3 * HOUR_MS

export interface Swept {
  readonly closed: number
}

/**
 * Closes everything that is due, in batches. There is no timer per lease: a tick that is lost, late or doubled costs
 * nothing, because each pass takes whatever is due by then and every close is a compare-and-set. What is due goes by the
 * time that is believed; uses are checked by the clock themselves, so a late sweep never prolongs anything.
 */
export async function sweep(broker: Broker): Promise<Swept> {
  await broker.unsaved.retry()
  const expired = await closeEach(broker, {
    next: (limit) => broker.store.reads.due(broker.time.believed(), limit),
    closing: (lease) => ({
      outcome: 'expired',
      reason: lease.state === 'pending' ? 'Nobody answered the approval in time' : null,
    }),
    actor: BROKER,
  })
  const lost = await closeLost(broker)
  const marked = await closeMarked(broker)
  const cascaded = await closeDescendants(broker)
  await recoverMints(broker)
  await lapseApprovals(broker)
  await broker.store.commit((tx) => {
    tx.keepClockMark(broker.time.believed())
  })
  broker.heard.prune(broker.time.believed() - HEARD_KEPT_MS)
  return { closed: expired + lost + marked + cascaded }
}

/** Those that were heard of since their deadline was written down get a new one; the rest are lost. */
async function closeLost(broker: Broker): Promise<number> {
  const { reads } = broker.store
  if (broker.heard.since() === null) return 0
  let closed = 0
  for (;;) {
    const now = broker.time.believed()
    const silent = reads.silent(now, BATCH)
    const isLost = (lease: Lease): boolean => (lostAt(broker.heard, lease) ?? Infinity) <= now
    const heard = silent.filter((lease) => !isLost(lease))
    const moved = await Promise.all(heard.map((lease) => putOff(broker, lease)))
    const lost = silent.filter(isLost)
    let given = false
    const done = await closeEach(broker, {
      next: () => (given ? [] : ((given = true), lost)),
      closing: () => ({ outcome: 'lost', reason: 'Nothing was heard of its agent for two intervals' }),
      actor: BROKER,
    })
    closed += done
    if (silent.length < BATCH || moved.filter(Boolean).length + done === 0) return closed
  }
}

async function putOff(broker: Broker, lease: Lease): Promise<boolean> {
  const silentAt = lostAt(broker.heard, lease)
  try {
    return await broker.store.commit((tx) => tx.moveLease(lease, { silentAt }))
  } catch (error) {
    broker.log.error({ err: error, lease: lease.id }, 'a sign of life could not be recorded; it is tried again')
    return false
  }
}
