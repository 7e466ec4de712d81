import Database from 'better-sqlite3'
import { chmodSync } from 'node:fs'
import { migrate } from './migrate.ts'

/** From this version on SQLite has the WAL-reset fix that two connections on one file depend on. */
const LEAST_SQLITE = [3, 51, 3] as const

/** Pages between checkpoints: 1,000 stalls the loop for 4 to 16 ms under steady load (performance.md). */
const CHECKPOINT_PAGES = 8000

/** The ledger's database, with its schema up to date. Throws, and says why, rather than run on less than it was built for. */
export function openDatabase(path: string): Database.Database {
  const db = new Database(path)
  try {
    requireVersion(db)
    db.pragma('journal_mode = WAL')
    // better-sqlite3 is built with NORMAL as the default under WAL: a power cut could take back an answered lease.
    db.pragma('synchronous = FULL')
    db.pragma('foreign_keys = ON')
    db.pragma('trusted_schema = OFF')
    db.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`)
    if (db.pragma('synchronous', { simple: true }) !== 2) throw new Error('SQLite did not take synchronous = FULL')
    migrate(db)
    // From here on who finds it locked waits without holding the loop (group-commit.ts).
    db.pragma('busy_timeout = 0')
    if (path !== ':memory:') chmodSync(path, 0o600)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

function requireVersion(db: Database.Database): void {
  const version = String(db.prepare('select sqlite_version()').pluck().get())
  const parts = version.split('.').map(Number)
  const at = LEAST_SQLITE.findIndex((least, index) => parts[index] !== least)
  if (at >= 0 && (parts[at] ?? 0) < (LEAST_SQLITE[at] ?? 0)) {
    throw new Error(
      `SQLite ${version} is too old: Mayfly needs ${LEAST_SQLITE.join('.')}. Run npm ci to get the one it was tested with.`,
    )
  }
}
