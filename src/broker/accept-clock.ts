import type { Instant } from '../core/time.ts'
import { rfc3339 } from '../core/time.ts'
import { actorOf, type Origin } from './audit-entries.ts'
import type { OperatorCaller } from './caller.ts'
import type { Broker } from './ports.ts'
import { sweep } from './sweep.ts'

/**
 * An operator says that the wall clock is right. What has ended by the time that was believed is closed first, so that a
 * clock which is set back revives nothing; what is due by the accepted one follows with the sweep.
 */
export async function acceptClock(
  broker: Broker,
  { operator, requestId }: { readonly operator: OperatorCaller; readonly requestId: string },
): Promise<Instant> {
  await sweep(broker)
  const before = broker.time.sweepClock()
  const now = broker.time.accept()
  const origin: Origin = { actor: actorOf(operator), requestId, now }
  const subject = { id: 'clock', outcome: 'accepted', reason: `${rfc3339(before)} is now ${rfc3339(now)}` }
  await broker.store.commit((tx) => {
    tx.keepClockMark(now)
    tx.append({ kind: 'clock.accepted', time: now, actor: origin.actor, subject, requestId })
  })
  return now
}
