import { randomBytes } from 'node:crypto'
import { open, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { err, ok, type Result } from '../../core/result.ts'
import type { Instant } from '../../core/time.ts'
import { readPrivateFile, syncFolder } from '../../store/keys/private-file.ts'
import type { Sealer } from '../../store/keys/sealer.ts'
import { isKeyFile, openSigningKey } from '../../store/keys/signing-key-file.ts'
import {
  copyDatabase,
  NotABackup,
  readBackup,
  writeBackup,
  type BackupContent,
} from '../../store/sqlite/backup-file.ts'
import type { KeyFile } from '../../store/sqlite/backup-file.ts'
import { namesIn } from './names-in.ts'
import type { Refused } from './refused.ts'

interface Order {
  readonly dataDir: string
  readonly file: string
  /** With it every key is tried; null: they are copied unseen. */
  readonly sealer: Sealer | null
  readonly now: Instant
}

export interface BackupMade extends BackupContent {
  readonly bytes: number
}

/** Times that a copy is begun anew where a key came or went under it. */
const TRIES = 3

/**
 * Copies ledger and sealed keys of a data folder into one new file that only its owner may read, while a broker may be
 * working on it, and reads that file through before it gets its name. Never overwrites anything.
 */
export async function makeBackup({ dataDir, file, sealer, now }: Order): Promise<Result<BackupMade, Refused>> {
  if (!(await isFile(join(dataDir, 'mayfly.db')))) {
    const mend = 'Name the data folder of a broker with --data, or its configuration with --config.'
    return err({ cause: `There is no ledger in ${dataDir}.`, mend })
  }
  const claimed = await claim(file)
  if (!claimed.ok) return claimed
  const copy = `${file}.${randomBytes(6).toString('hex')}.tmp`
  try {
    const content = await copied({ dataDir, copy, sealer, now })
    const { size } = await stat(copy)
    await rename(copy, file)
    await syncFolder(dirname(file))
    return ok({ ...content, bytes: size })
  } catch (error) {
    for (const path of [copy, `${copy}-journal`, file]) await rm(path, { force: true })
    throw error
  }
}

/** The name is taken from here on, so that nobody else's file can come to lie there meanwhile. */
async function claim(file: string): Promise<Result<null, Refused>> {
  try {
    await using claimed = await open(file, 'wx', 0o600)
    await claimed.sync()
    return ok(null)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    if (code === 'EEXIST')
      return err({
        cause: `${file} is there already.`,
        mend: 'Name a file that is not: a backup is never overwritten.',
      })
    return err({
      cause: `${file} cannot be written (${code}).`,
      mend: 'Name a file in a folder that you may write to.',
    })
  }
}

async function copied({ dataDir, copy, sealer, now }: Omit<Order, 'file'> & { readonly copy: string }) {
  for (let tries = 1; ; tries += 1) {
    await rm(copy, { force: true })
    // SQLite would make it readable for others.
    await (await open(copy, 'wx', 0o600)).close()
    await copyDatabase(join(dataDir, 'mayfly.db'), copy)
    // After the ledger: every key that signed something of it is there by now.
    writeBackup(copy, { madeAt: now, keys: await keyFiles(join(dataDir, 'keys'), sealer) })
    try {
      const content = readBackup(copy)
      await using written = await open(copy, 'r')
      await written.sync()
      return content
    } catch (error) {
      if (!(error instanceof NotABackup) || tries === TRIES) throw error
    }
  }
}

/** The text of every key file. One that goes while they are read is left out. */
async function keyFiles(folder: string, sealer: Sealer | null): Promise<readonly KeyFile[]> {
  const keys: KeyFile[] = []
  for (const name of (await namesIn(folder)).filter(isKeyFile)) {
    const file = join(folder, name)
    const text = await readPrivateFile(file)
    if (text === undefined) continue
    if (sealer) await openSigningKey({ file, name, text }, sealer)
    keys.push({ name, text })
  }
  return keys
}

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile(),
    () => false,
  )
