import { err, ok, type Result } from '../core/result.ts'
import type { CredentialId } from '../core/id.ts'
import type { Lease } from '../core/lease.ts'
import { credentialEntry, type Origin } from './audit-entries.ts'
import { askBack } from './ask-back.ts'
import { takeBack } from './close-lease.ts'
import { keepMinted, mintAll, planMint, type Minting, type Planned } from './mint.ts'
import type { Broker } from './ports.ts'
import type { Refusal } from './refusal.ts'
import type { ResolvedAccess } from './resolve-access.ts'
import { frozen, isGrantFrozen, notUsable, standing } from './standing.ts'
import type { Transaction } from './store-port.ts'

export interface Issue {
  /** As it is, or as it will be stored. */
  readonly lease: Lease
  readonly entries: readonly ResolvedAccess[]
  readonly origin: Origin
  /** In the commit before the first call to an upstream; skipped where everything is signed here. */
  readonly intend: (tx: Transaction) => Refusal | undefined
  /** In the commit that releases the credentials. `intended`: there was a first commit. */
  readonly release: (tx: Transaction, intended: boolean, made: readonly Minting[]) => Refusal | undefined
  /** In the commit that takes a failed mint back, when its rows have begun to be revoked. */
  readonly undo: (tx: Transaction) => void
}

class LostToAnother extends Error {}

const FAILED: Refusal = {
  reason: 'provider-unavailable',
  detail: 'A credential could not be minted. What may exist of it is being taken back; ask again later.',
}

/**
 * The mint protocol (ledger.md). Intent is durable, with a handle chosen here, before any upstream is called; what came
 * back is verified; the commit that makes it `active` looks again at everything that may have ended it meanwhile; only
 * then do the secrets leave, and only if nothing has ended it since: that is asked in the turn of the loop in which the
 * answer is on its way. Where everything is signed here there is exactly one commit.
 */
export async function issueCredentials(broker: Broker, issue: Issue): Promise<Result<readonly Minting[], Refusal>> {
  const { lease, entries, origin } = issue
  const planned = planMint(broker, { lease, entries, now: origin.now })
  if (!planned.ok) return planned
  const intended = planned.value.some(({ kind }) => kind === 'upstream')
  if (intended) {
    const stop = await broker.store.commit((tx) => intend(tx, issue, planned.value))
    if (stop) return err(stop)
  }
  const minted = await mintAll(broker, planned.value).catch((error: unknown) => {
    broker.log.warn({ err: error, lease: lease.id }, 'a mint failed and is taken back')
    return null
  })
  const stopped = minted ? await release(broker, issue, { minted, intended }) : FAILED
  const refusal = stopped ?? tooLate(broker, issue)
  if (minted && !refusal) return ok(minted)
  // What was only signed here is stored with the release: without one there is nothing to take back.
  if (intended || !stopped) {
    const ids = planned.value.map(({ row }) => row.id)
    await unmint(broker, issue, ids)
  }
  return err(refusal ?? FAILED)
}

/** What ended, or froze, between the commit that released the credentials and the answer that would hold them. */
function tooLate(broker: Broker, { lease: { id }, entries }: Issue): Refusal | undefined {
  const { reads } = broker.store
  const lease = reads.lease(id)
  if (!lease) return { reason: 'not-found' }
  const found = standing(broker, reads, lease, broker.clock())
  if (found !== 'usable') return notUsable(lease, found)
  const stopped = entries.find(({ grant }) =>
    isGrantFrozen(broker, reads, { grant: grant.name, provider: grant.provider }),
  )
  return stopped && frozen(`Grant ${stopped.grant.name}`)
}

/** Step 1. A refusal leaves nothing: the rows come last. */
function intend(
  tx: Transaction,
  { lease, origin, intend: first }: Issue,
  planned: readonly Planned[],
): Refusal | undefined {
  const stop = first(tx)
  if (stop) return stop
  for (const each of planned) {
    if (each.kind === 'local') continue
    tx.insertCredential(each.row)
    tx.append(credentialEntry('credential.intended', lease, each.row, origin))
  }
  return undefined
}

interface Made {
  readonly minted: readonly Minting[]
  readonly intended: boolean
}

/** Step 4. Whoever was faster wins: then nothing of this commit stays, and what was minted is taken back. */
async function release(broker: Broker, issue: Issue, { minted, intended }: Made): Promise<Refusal | undefined> {
  try {
    return await broker.store.commit((tx) => {
      const stop = issue.release(tx, intended, minted)
      if (stop) return stop
      if (!keepMinted(tx, minted)) throw new LostToAnother('A credential was taken back while it was minted')
      for (const { credential } of minted)
        tx.append(credentialEntry('credential.minted', issue.lease, credential, issue.origin))
      return undefined
    })
  } catch (error) {
    if (error instanceof LostToAnother) return FAILED
    // The caller hears it once that has been asked back. The rows stay in `minting` until they are older than any mint.
    await askBack(
      broker,
      minted.map(({ credential }) => credential),
    )
    throw error
  }
}

/** Whatever may exist upstream is revoked by its handle: an unanswered mint counts as minted. */
async function unmint(broker: Broker, issue: Issue, rows: readonly CredentialId[]): Promise<void> {
  const origin: Origin = { ...issue.origin, now: broker.time.believed() }
  try {
    await broker.store.commit((tx) => {
      for (const id of rows) {
        const row = tx.credential(id)
        if (row?.state === 'minting')
          tx.moveCredential(row, { state: 'revoking', nextAttemptAt: origin.now, revokingAt: origin.now })
        else if (row) takeBack(tx, issue.lease, row, origin)
      }
      issue.undo(tx)
    })
  } catch (error) {
    await askBack(
      broker,
      rows.flatMap((id) => broker.store.reads.credential(id) ?? []),
    )
    throw error
  }
  broker.kick()
}
