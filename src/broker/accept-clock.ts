import type { Lease } from '../core/lease.ts'
import { rfc3339, type Instant } from '../core/time.ts'
import { actorOf, type Origin } from './audit-entries.ts'
import type { OperatorCaller } from './caller.ts'
import { closeEach } from './close-each.ts'
import type { Broker } from './ports.ts'
import { sweep } from './sweep.ts'

const BATCH = 500

interface Call {
  readonly operator: OperatorCaller
  readonly requestId: string
}

/**
 * An operator says that the wall clock is right. What has ended by the time that was believed is closed first, so that a
 * clock which is set back revives nothing; what is due by the accepted one follows with the sweep.
 */
export async function acceptClock(broker: Broker, { operator, requestId }: Call): Promise<Instant> {
  await sweep(broker)
  const before = broker.time.believed()
  const now = broker.time.accept()
  const origin: Origin = { actor: actorOf(operator), requestId, now }
  const subject = { id: 'clock', outcome: 'accepted', reason: `${rfc3339(before)} is now ${rfc3339(now)}` }
  await broker.store.commit((tx) => {
    tx.keepClockMark(now)
    tx.append({ kind: 'clock.accepted', time: now, actor: origin.actor, subject, requestId })
  })
  if (now < before) {
    await closeTheFuture(broker, origin)
    await bringForward(broker, now)
  }
  return now
}

/** A lease of a time that has not come yet would last until then, and as long again as it was granted for. */
async function closeTheFuture(broker: Broker, { actor, now }: Origin): Promise<void> {
  let after: Lease['id'] | null = null
  for (;;) {
    const live: readonly Lease[] = broker.store.reads.live(after, BATCH)
    const future = live.filter(({ createdAt, activatedAt }) => Math.max(createdAt, activatedAt ?? createdAt) > now)
    let given = false
    await closeEach(broker, {
      next: () => (given ? [] : ((given = true), future)),
      closing: () => ({ outcome: 'expired', reason: 'The clock was set back to before it began' }),
      actor,
    })
    after = live.at(-1)?.id ?? null
    if (after === null || live.length < BATCH) return
  }
}

/** Nor does a revocation wait for a time that has been taken back. */
async function bringForward(broker: Broker, now: Instant): Promise<void> {
  const { reads } = broker.store
  let after: { readonly createdAt: Instant; readonly id: string } | null = null
  for (;;) {
    const { rows, resume } = reads.credentials({ state: 'revoking' }, { limit: BATCH, after })
    const late = rows.filter(({ nextAttemptAt }) => nextAttemptAt !== null && nextAttemptAt > now)
    await broker.store.commit((tx) => {
      for (const row of late) tx.moveCredential(row, { nextAttemptAt: now })
    })
    if (resume === null) break
    after = resume
  }
  broker.kick()
}
