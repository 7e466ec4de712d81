import type { LeaseId } from '../core/id.ts'
import type { Lease } from '../core/lease.ts'
import type { Mark } from '../core/mark.ts'
import { err, type Result } from '../core/result.ts'
import { announceLease } from './announce-lease.ts'
import { askBack } from './ask-back.ts'
import type { Origin } from './audit-entries.ts'
import { closeDescendants } from './close-marked.ts'
import type { Broker } from './ports.ts'
import type { Refusal } from './refusal.ts'
import type { Transaction } from './store-port.ts'

interface End {
  readonly lease: LeaseId
  readonly origin: Origin
  readonly reason: string
  /** Closes it, or says what it found instead. */
  readonly step: (tx: Transaction, lease: Lease) => Result<Lease, Refusal>
}

/**
 * Ends one lease because somebody says so. Revocation waits for nothing: where the ledger cannot be written the lease is
 * stopped in this process at once, its credentials are taken back upstream all the same, and the caller hears that it is
 * not on record yet and is to ask again.
 */
export async function endLease(
  broker: Broker,
  { lease: id, origin, reason, step }: End,
): Promise<Result<Lease, Refusal>> {
  const write = () =>
    broker.store.commit((tx): Result<Lease, Refusal> => {
      const lease = tx.lease(id)
      return lease ? step(tx, lease) : err({ reason: 'not-found' })
    })
  const result = await write().catch(async (error: unknown) => {
    stopHere(broker, { id, origin, reason, write })
    await askBack(broker, broker.store.reads.credentialsOf(id))
    throw error
  })
  if (result.ok) announceLease(broker, result.value)
  if (result.ok && result.value.state === 'closing') broker.kick()
  // The subtree is dead from the commit on; its rows follow on their own, and after a crash with the next sweep.
  if (broker.store.reads.cascades(1).length > 0) {
    closeDescendants(broker).catch((error: unknown) => {
      broker.log.error({ err: error, lease: id }, 'the descendants of a lease could not be closed; it is tried again')
    })
  }
  return result
}

function stopHere(
  broker: Broker,
  {
    id,
    origin,
    reason,
    write,
  }: { readonly id: LeaseId; readonly origin: Origin; readonly reason: string; readonly write: () => Promise<unknown> },
): void {
  const mark: Mark = {
    id: broker.ids.revocationMark(),
    kind: 'revoked',
    scope: { kind: 'lease', value: id },
    since: origin.now,
    by: origin.actor.id,
    reason,
  }
  broker.unsaved.add(mark, write)
}
