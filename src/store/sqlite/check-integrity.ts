import Database from 'better-sqlite3'
import { Worker } from 'node:worker_threads'

/** A page of the database is not what was written. */
export class DatabaseDamaged extends Error {
  override readonly name = 'DatabaseDamaged'
  constructor(what: string, options?: ErrorOptions) {
    super(
      `The database is damaged: ${what}. Stop the broker and restore a backup; nothing is granted meanwhile.`,
      options,
    )
  }
}

/** What SQLite says of a page that it cannot read, with what to do about it; anything else as it is. */
export function damageOr(error: unknown): unknown {
  const isDamage = error instanceof Database.SqliteError && /^SQLITE_(CORRUPT|NOTADB)/.test(error.code)
  return isDamage ? new DatabaseDamaged(error.message, { cause: error }) : error
}

/** Plain text, because a worker's file would have to be found both in a checkout and in a build. */
const CHECK = `
  const { parentPort, workerData } = require('node:worker_threads')
  const Database = require(workerData.driver)
  const db = new Database(workerData.path, { readonly: true })
  parentPort.postMessage(db.pragma('quick_check(1)', { simple: true }))
  db.close()
`

/** SQLite's `quick_check` on a connection and a thread of its own: 2.3 GB take 2 s, and the loop goes on meanwhile. */
export function checkIntegrity(path: string): Promise<void> {
  const driver = import.meta.resolve('better-sqlite3')
  return new Promise((resolve, reject) => {
    const worker = new Worker(CHECK, { eval: true, workerData: { path, driver: new URL(driver).pathname } })
    worker.once('message', (answer: unknown) => {
      if (answer === 'ok') resolve()
      else reject(new DatabaseDamaged(String(answer)))
    })
    worker.once('error', reject)
  })
}
