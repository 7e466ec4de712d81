import type { LeaseId } from '../core/id.ts'
import type { Broker } from './ports.ts'

/** Somebody has come with this lease's token: its agent is alive, and the answer that held the token has arrived. */
export async function hearOf(broker: Pick<Broker, 'store' | 'heard' | 'time' | 'log'>, id: LeaseId): Promise<void> {
  const lease = broker.store.reads.lease(id)
  if (!lease) return
  if (lease.heartbeatSeconds !== null) broker.heard.note(id, broker.time.believed())
  if (lease.tokenUsed) return
  // On record before the call goes on: from here on nobody gets a second token by saying that the first was lost. A
  // ledger that cannot be written gives out no second token either, and still tells what it knows.
  try {
    await broker.store.commit((tx) => {
      const current = tx.lease(id)
      if (current && !current.tokenUsed) tx.moveLease(current, { tokenUsed: true })
    })
  } catch (error) {
    broker.log.warn({ err: error, lease: id }, 'the first use of a lease token could not be recorded')
  }
}
