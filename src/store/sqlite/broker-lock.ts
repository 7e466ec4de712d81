import Database from 'better-sqlite3'
import { join } from 'node:path'

/** Another broker works on this data folder. Two writers would each believe in their own chain heads. */
export class DataFolderInUse extends Error {
  override readonly name = 'DataFolderInUse'
  constructor(dataDir: string) {
    super(`Another broker already runs on ${dataDir}. Stop it, or give this one its own --data folder.`)
  }
}

/**
 * Holds the data folder for this process. The lock is SQLite's own on a file of its own, so the kernel drops it when the
 * process dies, however it dies: there is no stale lock file to clean up.
 */
export function holdDataFolder(dataDir: string): Disposable {
  const db = new Database(join(dataDir, 'lock.db'), { timeout: 0 })
  try {
    db.pragma('locking_mode = EXCLUSIVE')
    db.exec('begin exclusive')
  } catch (cause) {
    db.close()
    if (cause instanceof Database.SqliteError && cause.code.startsWith('SQLITE_BUSY'))
      throw new DataFolderInUse(dataDir)
    throw cause
  }
  return {
    [Symbol.dispose]: () => {
      db.close()
    },
  }
}
