import { chmod, copyFile, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'

import { err, ok, type Result } from '../../core/result.ts'
import { rfc3339, type Instant } from '../../core/time.ts'
import { KeyFault } from '../../store/keys/key-fault.ts'
import { makePrivateFolder, syncFolder, writePrivateFile } from '../../store/keys/private-file.ts'
import type { Sealer } from '../../store/keys/sealer.ts'
import { isKeyFile, openSigningKey } from '../../store/keys/signing-key-file.ts'
import { NotABackup, readBackup, takeOutOfBackup, type BackupContent } from '../../store/sqlite/backup-file.ts'
import { DataFolderInUse, holdDataFolder } from '../../store/sqlite/broker-lock.ts'
import { RESTORING } from '../../store/sqlite/unfinished-restore.ts'
import { namesIn } from './names-in.ts'
import type { Refused } from './refused.ts'

interface Order {
  readonly file: string
  readonly dataDir: string
  /** With it every key is tried before anything is put in place; null: whether they open shows at the start. */
  readonly sealer: Sealer | null
  /** The ledger that lies there is moved aside, if it is the one that the backup was made of. */
  readonly replace: boolean
  readonly now: Instant
}

export interface Restored extends BackupContent {
  /** The folder inside the data folder that holds what lay there before. */
  readonly movedTo: string | null
}

/** What may lie in a folder that is called empty: nothing of it is a ledger. */
const NO_LEDGER = /^(lock\.db(-.*)?|ballast|keys|restoring|replaced-.*)$/

/**
 * Puts a backup into a data folder. It holds the folder against brokers meanwhile, never overwrites what it finds, and
 * may be cut off at any moment: the ledger gets its name last, and until then a broker refuses to start.
 */
export async function restoreBackup(order: Order): Promise<Result<Restored, Refused>> {
  const { file, dataDir } = order
  const content = contentOf(file)
  if (!content.ok) return content
  const opens = await tryKeys(content.value, order)
  if (!opens.ok) return opens
  // Somebody else's folder is not even locked.
  const strange = await strangeFolder(order, content.value)
  if (strange) return err(strange)
  await makePrivateFolder(dataDir)
  using held = new DisposableStack()
  try {
    held.use(holdDataFolder(dataDir))
  } catch (error) {
    if (!(error instanceof DataFolderInUse)) throw error
    return err({ cause: `A broker runs on ${dataDir}.`, mend: 'Stop it, or restore into another folder with --data.' })
  }
  const lying = await ledgerIn(dataDir, content.value)
  const stop = whyNot(order, lying)
  if (stop) return err(stop)
  await chmod(dataDir, 0o700)
  const staged = await stage(order, content.value)
  const movedTo = lying.names.length > 0 ? await moveAside(order, lying.names) : null
  await putInPlace(dataDir, staged, content.value)
  return ok({ ...content.value, movedTo })
}

function contentOf(file: string): Result<BackupContent, Refused> {
  try {
    return ok(readBackup(file))
  } catch (error) {
    if (!(error instanceof NotABackup)) throw error
    return err({ cause: `${file} ${error.message}.`, mend: 'Name a file that `mayfly backup` wrote.' })
  }
}

async function tryKeys({ keys }: BackupContent, { file, sealer }: Order): Promise<Result<null, Refused>> {
  try {
    for (const { name, text } of keys) {
      if (!isKeyFile(name))
        return err({ cause: `${file} holds a key file of a wrong name.`, mend: 'Use another backup.' })
      if (sealer) await openSigningKey({ file: `${name} in ${file}`, name, text }, sealer)
    }
    return ok(null)
  } catch (error) {
    if (!(error instanceof KeyFault)) throw error
    const mend = 'Restore with the seal key that the broker had when the backup was made.'
    return err({ cause: 'The signing keys in the backup do not open with this seal key.', mend })
  }
}

async function strangeFolder(order: Order, content: BackupContent): Promise<Refused | undefined> {
  const names = await namesIn(order.dataDir)
  return names.includes('lock.db') ? undefined : whyNot(order, await ledgerIn(order.dataDir, content))
}

interface Lying {
  /** What of a ledger lies in the folder, in the order in which it is moved aside. */
  readonly names: readonly string[]
  /** It is the ledger that the backup was made of: they share a signing key. */
  readonly same: boolean
}

/** What lies there, what shows whose it is last. Keys that are in the backup, without a ledger, are what a restore that was cut off has put there. */
async function ledgerIn(dataDir: string, { keys }: BackupContent): Promise<Lying> {
  const found = (await namesIn(dataDir)).filter((name) => !NO_LEDGER.test(name))
  const inKeys = (await namesIn(join(dataDir, 'keys'))).filter(isKeyFile)
  const texts = new Map(keys.map(({ name, text }) => [name, text]))
  const foreign: string[] = []
  for (const name of inKeys) {
    const text = await readFile(join(dataDir, 'keys', name), 'utf8')
    if (found.length > 0 || texts.get(name) !== text) foreign.push(join('keys', name))
  }
  const shared = (name: string): boolean => texts.has(name.replace(/^keys\//, ''))
  const names = [...found, ...foreign.toSorted((one, other) => Number(shared(one)) - Number(shared(other)))]
  return { names, same: inKeys.some((name) => texts.has(name)) }
}

function whyNot({ dataDir, replace }: Order, { names, same }: Lying): Refused | undefined {
  if (names.length === 0) return undefined
  const cause = `${dataDir} is not empty: it holds ${names.slice(0, 3).join(', ')}${names.length > 3 ? ' and more' : ''}.`
  if (!same) {
    const mend = 'It is not the ledger that the backup was made of. Restore into an empty folder with --data.'
    return { cause, mend }
  }
  const mend = 'Restore into an empty folder with --data, or move what lies there aside with --replace.'
  return replace ? undefined : { cause, mend }
}

/** Everything is prepared beside its place and on disk before anything that lies there is touched. */
async function stage({ file, dataDir }: Order, { keys }: BackupContent): Promise<string> {
  const staged = join(dataDir, RESTORING)
  await rm(staged, { recursive: true, force: true })
  await mkdir(join(staged, 'keys'), { recursive: true, mode: 0o700 })
  const ledger = join(staged, 'mayfly.db')
  await copyFile(file, ledger)
  await chmod(ledger, 0o600)
  takeOutOfBackup(ledger)
  await using written = await open(ledger, 'r')
  await written.sync()
  for (const { name, text } of keys) await writePrivateFile(join(staged, 'keys', name), text, 'once')
  await syncFolder(staged)
  await syncFolder(dataDir)
  return staged
}

async function moveAside({ dataDir, now }: Order, names: readonly string[]): Promise<string> {
  const movedTo = `replaced-${rfc3339(now).replace(/[:.]/g, '-')}`
  await mkdir(join(dataDir, movedTo, 'keys'), { recursive: true, mode: 0o700 })
  for (const name of names) await rename(join(dataDir, name), join(dataDir, movedTo, name))
  await syncFolder(dataDir)
  return movedTo
}

/** The ledger last: without it there is nothing that could be taken for a whole one. */
async function putInPlace(dataDir: string, staged: string, { keys }: BackupContent): Promise<void> {
  await makePrivateFolder(join(dataDir, 'keys'))
  for (const { name } of keys) await rename(join(staged, 'keys', name), join(dataDir, 'keys', name))
  await syncFolder(join(dataDir, 'keys'))
  await rename(join(staged, 'mayfly.db'), join(dataDir, 'mayfly.db'))
  await syncFolder(dataDir)
  await rm(staged, { recursive: true })
  await syncFolder(dataDir)
}
