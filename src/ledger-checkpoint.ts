import { join } from 'node:path'

import type { Clock } from './broker/ports.ts'
import type { Reads } from './broker/store-port.ts'
import { AUDIT_STREAMS } from './core/audit.ts'
import { MINUTE_MS } from './core/time.ts'
import type { Keys } from './store/keys/open-key-ring.ts'
import { readPrivateFile, writePrivateFile } from './store/keys/private-file.ts'
import { publicKeySet } from './store/keys/public-key-set.ts'
import { signCheckpoint } from './store/keys/sign-checkpoint.ts'
import { verifyCheckpoint, type ChainHeads } from './store/keys/verify-checkpoint.ts'

interface Parts {
  readonly dataDir: string
  readonly reads: Reads
  /** The keys of the audit. */
  readonly keys: Keys
  readonly clock: Clock
  readonly monotonic: () => number
}

/** A signed checkpoint of the audit in a file beside the ledger: a ledger that somebody put back is older than it. */
export interface LedgerCheckpoint extends AsyncDisposable {
  /** Why the ledger cannot be the one that was there last, as a clause that goes on from "because"; undefined where it may be. */
  readonly fault: () => Promise<string | undefined>
  /** Writes it, at most once a minute. Disposing writes the last one. */
  readonly keep: () => Promise<void>
}

export function ledgerCheckpoint({ dataDir, reads, keys, clock, monotonic }: Parts): LedgerCheckpoint {
  const file = join(dataDir, 'checkpoint')
  let keptAt = -Infinity
  let writing: Promise<void> = Promise.resolve()

  async function write(): Promise<void> {
    const [approved, denied, operations] = AUDIT_STREAMS.map((stream) => reads.auditHead(stream))
    if (!approved || !denied || !operations) return
    const signed = await signCheckpoint(keys, { approved, denied, operations }, clock())
    await writePrivateFile(file, `${signed}\n`, 'replace')
  }

  return {
    fault: async () => {
      const text = await readPrivateFile(file)
      if (text === undefined) return undefined
      const read = await verifyCheckpoint(text, publicKeySet(keys.published(clock())))
      if (!read.ok) return `the checkpoint beside its ledger does not hold (${read.error})`
      const { streams, time } = read.value
      const behind = AUDIT_STREAMS.find((stream) => !reaches(reads, stream, streams))
      return (
        behind &&
        `its ledger is older than the checkpoint of ${time} beside it, or another one: the audit stream ${behind} ends before it`
      )
    },
    keep: () => {
      if (monotonic() - keptAt < MINUTE_MS) return writing
      keptAt = monotonic()
      writing = write()
      return writing
    },
    [Symbol.asyncDispose]: async () => {
      keptAt = Infinity
      await writing.catch(() => undefined)
      // Where it cannot be written the last one goes on to hold.
      await write().catch(() => undefined)
    },
  }
}

/** The record that the checkpoint names is there, and is that one. */
function reaches(reads: Reads, stream: keyof ChainHeads, heads: ChainHeads): boolean {
  const { seq, hash } = heads[stream]
  return seq === 0 || reads.audit(stream, seq - 1, 1)[0]?.hash === hash
}
