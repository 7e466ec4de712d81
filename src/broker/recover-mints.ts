import type { Credential } from '../core/credential.ts'
import { MINUTE_MS } from '../core/time.ts'
import { BROKER } from './audit-entries.ts'
import { closeLease } from './close-lease.ts'
import type { Broker } from './ports.ts'

const BATCH = 500
/** A mint of this start that is older than this has no one left who settles it. No provider may take that long. */
const STALE_MS = 2 * MINUTE_MS

/**
 * Rows in `minting` that nobody will settle: of an older start, which the lock on the data folder proves dead, or of this
 * one and far too old. What may exist of them is revoked by handle, and a lease whose token never left is closed: nobody
 * holds it.
 */
export async function recoverMints(broker: Broker): Promise<number> {
  let recovered = 0
  for (;;) {
    const stale = broker.store.reads.staleMinting(broker.boot, broker.time.believed() - STALE_MS, BATCH)
    const done = await Promise.all(stale.map((row) => recover(broker, row)))
    const count = done.filter(Boolean).length
    recovered += count
    if (count > 0) broker.kick()
    if (stale.length < BATCH || count === 0) return recovered
  }
}

async function recover(broker: Broker, row: Credential): Promise<boolean> {
  const origin = { actor: BROKER, requestId: null, now: broker.time.believed() }
  try {
    return await broker.store.commit((tx) => {
      if (!tx.moveCredential(row, { state: 'revoking', nextAttemptAt: origin.now, revokingAt: origin.now }))
        return false
      const lease = tx.lease(row.lease)
      if (lease?.state === 'active' && lease.activatedAt === null) {
        closeLease(
          tx,
          lease,
          { outcome: 'not_minted', reason: 'The broker stopped while it was being granted' },
          origin,
        )
      }
      return true
    })
  } catch (error) {
    broker.log.error(
      { err: error, credential: row.id },
      'a mint that was left behind could not be recovered; it is tried again',
    )
    return false
  }
}
