import { BROKER, recoveryEntry } from './broker/audit-entries.ts'
import type { Clock } from './broker/ports.ts'
import type { Store } from './broker/store-port.ts'
import type { Recovery, RecoveryCause } from './core/recovery.ts'
import type { HttpLog } from './http/services.ts'
import type { LedgerCheckpoint } from './ledger-checkpoint.ts'
import type { KeyRing } from './store/keys/open-key-ring.ts'

interface Parts {
  readonly store: Store
  readonly ring: KeyRing
  readonly checkpoint: LedgerCheckpoint
  readonly clock: Clock
  readonly log: HttpLog
}

/**
 * At every start, before anything is signed or granted: whether this ledger may have forgotten what was handed out. It
 * says so itself where it came from a backup; where it was put back some other way, what lies beside it tells.
 */
export async function requireRecovery({ store, ring, checkpoint, clock, log }: Parts): Promise<void> {
  const there = new Set(ring.places(clock()).map(({ key }) => key.kid))
  const known = store.reads.signingKeys()
  const lost = [...known.keys()].filter((kid) => !there.has(kid))
  const standing = store.reads.recovery()
  const found = standing ?? foundBy(await checkpoint.fault(), lost)
  if (lost.length > 0 || (found && found.since === null)) {
    const origin = { actor: BROKER, requestId: null, now: clock() }
    await store.commit((tx) => {
      for (const kid of lost) {
        const subject = { id: kid, outcome: 'lost', reason: 'its file is missing' }
        tx.append({ kind: 'key.lost', time: origin.now, actor: BROKER, subject })
      }
      tx.keepSigningKeys(new Map([...known].filter(([kid]) => there.has(kid))))
      if (!found || found.since !== null) return
      tx.keepRecovery({ ...found, since: origin.now })
      tx.append(recoveryEntry('recovery.required', { outcome: found.cause, reason: found.detail }, origin))
    })
  }
  if (found) log.error({ cause: found.cause }, `in recovery, because ${found.detail}: an operator runs mayfly recover`)
}

function foundBy(older: string | undefined, lost: readonly string[]): Recovery | null {
  if (older !== undefined) return recovery('rolled_back', older)
  if (lost.length > 0)
    return recovery('key_lost', `signing keys that its ledger knows are missing (${lost.join(', ')})`)
  return null
}

const recovery = (cause: RecoveryCause, detail: string): Recovery => ({
  cause,
  detail,
  since: null,
  begun: null,
  cutOffs: {},
})
