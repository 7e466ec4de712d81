import { chmodSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import type { Store, Transaction } from '../../broker/ports.ts'
import { sqliteApprovals } from './approvals.ts'
import { sqliteAudit } from './audit-chains.ts'
import { holdDataFolder } from './broker-lock.ts'
import { checkIntegrity } from './check-integrity.ts'
import { sqliteCredentials } from './credentials.ts'
import { groupCommit } from './group-commit.ts'
import { sqliteIdempotency } from './idempotency.ts'
import { sqliteLeases } from './leases.ts'
import { openDatabase } from './open-database.ts'

export interface SqliteStore extends Store, AsyncDisposable {
  /** Durable commits so far. */
  readonly commits: () => number
  /** Settled once the database is known to be whole; rejects when it is not. Only an unclean stop makes it take long. */
  readonly integrity: Promise<void>
}

/**
 * The ledger in one folder. Takes the folder for this process, brings the schema up to date, and throws rather than
 * start on a database that it cannot trust.
 */
export function openStore({ dataDir }: { readonly dataDir: string }): SqliteStore {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  chmodSync(dataDir, 0o700)
  // Whatever stops the start lets go of the folder again.
  using opened = new DisposableStack()
  opened.use(holdDataFolder(dataDir))
  const path = join(dataDir, 'mayfly.db')
  const running = join(dataDir, 'running')
  // Left behind by a process that was killed: its database is looked at before anything is granted, and it stays until
  // that has found nothing.
  const unclean = statSync(running, { throwIfNoEntry: false }) !== undefined
  let clean = false
  opened.defer(() => {
    if (clean) rmSync(running, { force: true })
  })
  const db = opened.adopt(openDatabase(path), (each) => each.close())
  writeFileSync(running, '', { mode: 0o600 })
  const audit = sqliteAudit(db)
  const leases = sqliteLeases(db)
  const group = groupCommit(db, () => {
    audit.reread()
    leases.recount()
  })
  // Reads and writes go through one connection: inside a step, a read sees what the step has written so far.
  const tx: Transaction = {
    ...leases,
    ...sqliteCredentials(db),
    ...sqliteApprovals(db),
    ...sqliteIdempotency(db),
    ...audit,
  }
  const integrity = unclean ? checkIntegrity(path) : Promise.resolve()
  integrity.catch(() => undefined)

  const held = opened.move()
  return {
    reads: tx,
    commit: (step) => group.commit(() => step(tx)),
    commits: group.count,
    integrity,
    [Symbol.asyncDispose]: async () => {
      group.close()
      clean = await integrity.then(
        () => true,
        () => false,
      )
      held.dispose()
    },
  }
}
