import { chmodSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import type { Space } from '../../broker/ports.ts'
import type { Store, Transaction } from '../../broker/store-port.ts'
import { createSpace, type SpaceTerms } from '../space.ts'
import { sqliteApprovals } from './approvals.ts'
import { sqliteAudit } from './audit-chains.ts'
import { holdDataFolder } from './broker-lock.ts'
import { checkIntegrity, damageOr } from './check-integrity.ts'
import { sqliteCredentials } from './credentials.ts'
import { groupCommit } from './group-commit.ts'
import { sqliteIdempotency } from './idempotency.ts'
import { sqliteLeaseWork } from './lease-work.ts'
import { sqliteLeases } from './leases.ts'
import { sqliteMarks } from './marks.ts'
import { sqliteMeta } from './meta.ts'
import { openDatabase } from './open-database.ts'
import { sqliteUses } from './uses.ts'
import { sqliteRevocations } from './revocations.ts'
import { refuseUnfinishedRestore } from './unfinished-restore.ts'

export interface SqliteStore extends Store, AsyncDisposable {
  /** Durable commits so far. */
  readonly commits: () => number
  /** Settled once the database is known to be whole; rejects when it is not. Only an unclean stop makes it take long. */
  readonly integrity: Promise<void>
  readonly space: Space
}

export interface OpenStore {
  readonly dataDir: string
  /** A row that does not read: it is left out of what is to be done, and somebody has to look. */
  readonly unreadable?: (id: string, error: unknown) => void
  readonly spaceTerms?: SpaceTerms
}

/**
 * The ledger in one folder. Takes the folder for this process, brings the schema up to date, and throws rather than
 * start on a database that it cannot trust.
 */
export function openStore(options: OpenStore): SqliteStore {
  try {
    return open(options)
  } catch (error) {
    throw damageOr(error)
  }
}

function open({ dataDir, unreadable = () => undefined, spaceTerms }: OpenStore): SqliteStore {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  chmodSync(dataDir, 0o700)
  // Whatever stops the start lets go of the folder again.
  using opened = new DisposableStack()
  opened.use(holdDataFolder(dataDir))
  refuseUnfinishedRestore(dataDir)
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
  const credentials = sqliteCredentials(db)
  const marks = sqliteMarks(db)
  const meta = sqliteMeta(db)
  const space = createSpace({ dataDir, ...(spaceTerms && { terms: spaceTerms }) })
  const group = groupCommit(db, {
    memory: [audit.memory, leases.memory, credentials.memory, marks.memory, meta.memory],
    // What is freed is for revocations: nothing is granted while the disk is low.
    outage: (cause) => {
      if (isFull(cause)) space.freeBallast()
    },
  })
  // Reads and writes go through one connection: inside a step, a read sees what the step has written so far.
  const tx: Transaction = {
    ...leases,
    ...sqliteLeaseWork(db, {
      unreadable,
      everything: () => ({
        leases: leases.countLive(null),
        credentials: [...credentials.activeByProvider().values()].reduce((sum, count) => sum + count, 0),
      }),
    }),
    ...credentials,
    ...sqliteRevocations(db, { unreadable, active: () => credentials.activeByProvider().keys() }),
    ...sqliteApprovals(db),
    ...sqliteIdempotency(db),
    ...marks,
    ...meta,
    ...sqliteUses(db),
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
    space,
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

const isFull = (cause: unknown): boolean => cause instanceof Error && 'code' in cause && cause.code === 'SQLITE_FULL'
