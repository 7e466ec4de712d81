import Database from 'better-sqlite3'
import * as z from 'zod'

import type { Recovery } from '../../core/recovery.ts'
import { rfc3339, type Instant } from '../../core/time.ts'
import { knownSchema } from './migrate.ts'

/** A key file as it lies in `<data>/keys`: its name, and its text, which is sealed. */
export interface KeyFile {
  readonly name: string
  readonly text: string
}

/** What a backup holds besides the ledger, and what it says of itself. */
export interface BackupContent {
  readonly madeAt: Instant
  /** Sealed. The seal key is in no backup. */
  readonly keys: readonly KeyFile[]
  readonly openLeases: number
  /** How many records each audit stream has. */
  readonly records: Readonly<Record<string, number>>
}

/** Of the form of a backup, not of the schema of the ledger in it. */
const FORM = 1
const About = z.strictObject({ form: z.literal(FORM), made_at: z.int() })
const Keys = z.array(z.strictObject({ name: z.string(), text: z.string() }))
const Known = z.array(z.tuple([z.string(), z.int()]))

/**
 * Copies the database while a broker may be writing to it: in one step, so that the copy is of one moment and no commit
 * that comes meanwhile starts it anew.
 */
export async function copyDatabase(from: string, to: string): Promise<void> {
  const db = new Database(from, { readonly: true })
  try {
    await db.backup(to, { progress: () => Number.MAX_SAFE_INTEGER })
  } finally {
    db.close()
  }
}

/**
 * Makes a copy of a ledger a backup: one file, with the sealed keys in it, that says of itself that it is one. A broker
 * that is started on it, however it came there, stands in a recovery.
 */
export function writeBackup(file: string, { madeAt, keys }: Pick<BackupContent, 'madeAt' | 'keys'>): void {
  const db = new Database(file)
  try {
    db.pragma('journal_mode = DELETE')
    db.pragma('synchronous = FULL')
    db.transaction(() => {
      db.exec('create table backup_key (name text primary key, text text not null) strict, without rowid')
      const add = db.prepare<[string, string]>('insert into backup_key (name, text) values (?, ?)')
      for (const { name, text } of keys) add.run(name, text)
      const set = db.prepare<[string, string]>('insert or replace into meta (name, value) values (?, ?)')
      set.run('backup', JSON.stringify({ form: FORM, made_at: madeAt }))
      set.run('recovery', JSON.stringify(restoredFrom(madeAt)))
    })()
  } finally {
    db.close()
  }
}

const restoredFrom = (madeAt: Instant): Recovery => ({
  cause: 'restored',
  detail: `its ledger was restored from the backup of ${rfc3339(madeAt)}`,
  since: null,
  begun: null,
  cutOffs: {},
})

/** Why a file is no backup that can be relied on. The text says what and goes on from the name of the file. */
export class NotABackup extends Error {
  override readonly name = 'NotABackup'
}

/** Reads a backup through, page by page. Throws `NotABackup` for everything that is not a whole one of this version. */
export function readBackup(file: string): BackupContent {
  using opened = new DisposableStack()
  try {
    const db = opened.adopt(new Database(file, { readonly: true }), (each) => each.close())
    const damage = String(db.pragma('integrity_check(1)', { simple: true }))
    if (damage !== 'ok') throw new NotABackup(`is damaged (${damage})`)
    const kept = db.prepare<[string], string>('select value from meta where name = ?').pluck()
    const about = About.parse(JSON.parse(kept.get('backup') ?? 'null'))
    const schema = Number(db.pragma('user_version', { simple: true }))
    if (schema > knownSchema())
      throw new NotABackup(`has schema ${schema}, and this Mayfly knows ${knownSchema()}: use the version that made it`)
    const keys = Keys.parse(db.prepare('select name, text from backup_key order by name').all())
    const known = Known.parse(JSON.parse(kept.get('signing_keys') ?? '[]'))
    const missing = known.filter(([kid]) => !keys.some(({ name }) => name.endsWith(`-${kid}.json`)))
    if (missing.length > 0) throw new NotABackup(`lacks ${missing.length} signing keys that its ledger knows`)
    const open = db.prepare(`select count(*) from lease where state in ('pending', 'active')`).pluck()
    const records = db.prepare<[], [string, number]>('select stream, max(seq) from audit group by stream').raw()
    return {
      madeAt: about.made_at,
      keys,
      openLeases: Number(open.get()),
      records: Object.fromEntries(records.all()),
    }
  } catch (error) {
    if (error instanceof NotABackup) throw error
    if (error instanceof Database.SqliteError || error instanceof z.ZodError || error instanceof SyntaxError)
      throw new NotABackup('is not a backup of this Mayfly')
    throw error
  }
}

/** Makes a ledger of a copy of a backup: what only a backup holds is taken out. It goes on saying that it was restored. */
export function takeOutOfBackup(file: string): void {
  const db = new Database(file)
  try {
    db.pragma('synchronous = FULL')
    db.transaction(() => {
      db.exec(`drop table backup_key; delete from meta where name = 'backup'`)
    })()
  } finally {
    db.close()
  }
}
