import type Database from 'better-sqlite3'
import { readdirSync, readFileSync } from 'node:fs'

const FOLDER = new URL('./migrations/', import.meta.url)

/** The database was written by a newer Mayfly. Reading it with older eyes could lose what only the newer one knows. */
export class SchemaTooNew extends Error {
  override readonly name = 'SchemaTooNew'
}

const migrations = (): readonly string[] =>
  readdirSync(FOLDER)
    .filter((name) => name.endsWith('.sql'))
    .sort()

/** The schema that this Mayfly brings a database to. */
export const knownSchema = (): number => migrations().length

/**
 * Brings the schema up to date: every numbered file above `user_version`, each in a transaction of its own together with
 * the number, so that a kill half-way leaves a version that the next start goes on from.
 */
export function migrate(db: Database.Database): void {
  const files = migrations()
  const have = Number(db.pragma('user_version', { simple: true }))
  if (have > files.length) {
    throw new SchemaTooNew(
      `The database has schema ${have}, this Mayfly knows ${files.length}. Start the version that wrote it, or a newer one.`,
    )
  }
  for (const [at, name] of files.entries()) {
    const version = at + 1
    if (!name.startsWith(String(version).padStart(4, '0'))) throw new Error(`Migration ${name} is out of order`)
    if (version <= have) continue
    db.transaction(() => {
      db.exec(readFileSync(new URL(name, FOLDER), 'utf8'))
      db.pragma(`user_version = ${version}`)
    }).immediate()
  }
}
