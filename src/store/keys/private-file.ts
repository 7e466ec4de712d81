import { randomBytes } from 'node:crypto'
import { link, mkdir, open, readdir, rename, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { KeyFault } from './key-fault.ts'

/** Group and others: nobody but the broker's own user may read a key. */
const OTHERS = 0o077
const TEMPORARY = /\.[0-9a-f]{12}\.tmp$/
const MAX_BYTES = 64 * 1024

/** A folder that only its owner can enter; made if it is missing. */
export async function makePrivateFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
}

/**
 * The text of a key file, undefined if there is none. Refused where group or others have any right to it. Mode and text
 * are of one open file, so that it can't be swapped in between.
 */
export async function readPrivateFile(file: string): Promise<string | undefined> {
  const handle = await open(file, 'r').catch((error: unknown) => {
    if (isNodeError(error) && error.code === 'ENOENT') return undefined
    throw new KeyFault(file, 'the key file could not be opened', 'Check its owner and mode (0600).')
  })
  if (!handle) return undefined
  await using opened = handle
  const { mode, size } = await opened.stat()
  if ((mode & OTHERS) !== 0) {
    throw new KeyFault(
      file,
      `others than its owner may use it (mode ${(mode & 0o777).toString(8).padStart(4, '0')})`,
      `Run: chmod 600 '${file}'`,
    )
  }
  if (size > MAX_BYTES) throw new KeyFault(file, 'it is too large for a key', 'Restore it from a backup.')
  return await opened.readFile('utf8')
}

/**
 * Writes a new key file so that after a crash it is there whole or not at all: a temporary file is written and synced,
 * then takes its name, then the folder is synced. `once` never replaces a file that another start made meanwhile.
 */
export async function writePrivateFile(file: string, text: string, how: 'once' | 'replace'): Promise<void> {
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`
  try {
    {
      await using handle = await open(temporary, 'wx', 0o600)
      await handle.writeFile(text)
      await handle.sync()
    }
    await (how === 'once' ? link(temporary, file) : rename(temporary, file))
  } finally {
    await unlink(temporary).catch(() => undefined)
  }
  await syncFolder(dirname(file))
}

/** Removes what crashes left of earlier writes: a temporary file may be a second name of a key that is in use. */
export async function removeTemporaryFiles(folder: string): Promise<void> {
  for (const name of await readdir(folder)) if (TEMPORARY.test(name)) await removePrivateFile(join(folder, name))
}

export async function removePrivateFile(file: string): Promise<void> {
  await unlink(file)
  await syncFolder(dirname(file))
}

/** A new name is on disk only once its folder is. */
export async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, 'r')
  await handle.sync()
}

const isNodeError = (error: unknown): error is NodeJS.ErrnoException => error instanceof Error && 'code' in error
