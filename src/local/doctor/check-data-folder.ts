import { constants } from 'node:fs'
import { access, stat, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Finding } from '../../broker/provider-port.ts'
import { SPACE_TERMS } from '../../store/space.ts'
import { well, wrong } from './finding.ts'

/** Group and others: the folder holds every lease, and the keys. */
const OTHERS = 0o077
const MIB = 1024 * 1024

/** Whether a broker of this user can work in its data folder, and nobody else can. */
export async function checkDataFolder(dataDir: string): Promise<readonly Finding[]> {
  const found = await stat(dataDir).catch((error: unknown) => codeOf(error))
  if (found === 'ENOENT') return [await checkPlace(dataDir)]
  if (typeof found === 'string')
    return [wrong('data-folder', `${dataDir} cannot be looked at (${found})`, 'Give it to the user of the broker.')]
  if (!found.isDirectory())
    return [wrong('data-folder', `${dataDir} is no folder`, 'Mend server.data_dir, or move away what lies there.')]
  return [checkOwner(dataDir, found) ?? (await checkMode(dataDir, found.mode)), await checkRoom(dataDir)]
}

/** There is none yet: the first start makes it. */
async function checkPlace(dataDir: string): Promise<Finding> {
  const above = await firstThere(dirname(dataDir))
  if (await mayWrite(above)) return well('data-folder', `${dataDir} is made at the first start`)
  return wrong(
    'data-folder',
    `${dataDir} is not there, and cannot be made in ${above}`,
    `Make it, with mode 0700, for the user of the broker, or mend server.data_dir.`,
  )
}

function checkOwner(dataDir: string, { uid }: { readonly uid: number }): Finding | undefined {
  const own = process.getuid?.()
  if (own === undefined || own === uid) return undefined
  return wrong(
    'data-folder',
    `${dataDir} belongs to user ${uid}, and this is user ${own}`,
    'Run the doctor as the user that the broker runs as, or give that user the folder (chown -R).',
  )
}

async function checkMode(dataDir: string, mode: number): Promise<Finding> {
  if ((mode & OTHERS) !== 0) {
    const octal = (mode & 0o777).toString(8).padStart(4, '0')
    return wrong(
      'data-folder',
      `Others than its owner may use ${dataDir} (mode ${octal})`,
      `Run: chmod 700 '${dataDir}'`,
    )
  }
  if (await mayWrite(dataDir)) return well('data-folder', `${dataDir} is its owner's alone`)
  return wrong(
    'data-folder',
    `${dataDir} cannot be written`,
    `Run: chmod 700 '${dataDir}', and look how it is mounted.`,
  )
}

async function checkRoom(dataDir: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(dataDir)
  const [free, low] = [bavail * bsize, SPACE_TERMS.low + SPACE_TERMS.ballast].map((bytes) => Math.floor(bytes / MIB))
  const detail = `There is room for ${free ?? 0} MiB under ${dataDir}`
  if ((free ?? 0) > (low ?? 0)) return well('disk', detail)
  return wrong('disk', `${detail}, and nothing is granted below ${low ?? 0}`, 'Make room, or move the data folder.')
}

async function firstThere(folder: string): Promise<string> {
  const there = await stat(folder).catch(() => undefined)
  return there || folder === dirname(folder) ? folder : await firstThere(dirname(folder))
}

const mayWrite = (folder: string): Promise<boolean> =>
  access(folder, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  )

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : 'unknown')
