import Database from 'better-sqlite3'
import { closeSync, openSync, writeSync } from 'node:fs'

/** Overwrites the first page of one index of a database that nobody has open, as a disk would that went wrong. */
export function damageIndex(path: string, index: string): void {
  const db = new Database(path)
  const size = Number(db.pragma('page_size', { simple: true }))
  const root = db.prepare<[string], number>('select rootpage from sqlite_schema where name = ?').pluck().get(index)
  db.close()
  if (root === undefined) throw new Error(`There is no index ${index} to damage`)
  const file = openSync(path, 'r+')
  writeSync(file, Buffer.alloc(size, 0xa5), 0, size, (root - 1) * size)
  closeSync(file)
}
