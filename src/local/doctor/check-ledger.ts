import { open, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Finding } from '../../broker/provider-port.ts'
import { DAY_MS, rfc3339, SECOND_MS, type Instant } from '../../core/time.ts'
import { knownSchema } from '../../store/sqlite/migrate.ts'
import { RESTORING } from '../../store/sqlite/unfinished-restore.ts'
import { well, wrong } from './finding.ts'

/** How far the clock may be behind the last thing that was written, before nothing is minted any more. */
const BEHIND_MS = 5 * SECOND_MS
/** A broker that was off for longer does not believe its clock without an operator. */
const LONGEST_STOP_MS = 7 * DAY_MS

/** SQLite's file format, section 1.3: the magic, and at 60 the `user_version`, big-endian. */
const HEADER = 100
const MAGIC = 'SQLite format 3\0'

/**
 * Whether this Mayfly can go on with the ledger that lies there, and the clock agrees with it. The file is read past
 * SQLite, which would leave files of this user behind where no broker runs.
 */
export async function checkLedger(dataDir: string, now: Instant): Promise<readonly Finding[]> {
  const file = join(dataDir, 'mayfly.db')
  if (await timeOf(join(dataDir, RESTORING, 'mayfly.db')))
    return [wrong('ledger', `A restore into ${dataDir} was not finished`, 'Run the same mayfly restore again.')]
  const writtenAt = await timeOf(file)
  if (writtenAt === undefined) return [well('ledger', 'The first start makes it')]
  const newest = Math.max(writtenAt, (await timeOf(`${file}-wal`)) ?? writtenAt)
  return [await checkSchema(file), checkClock(newest, now)]
}

async function checkSchema(file: string): Promise<Finding> {
  const header = await headerOf(file)
  if (typeof header === 'string')
    return wrong('ledger', `${file} cannot be read (${header})`, 'Give it to the user of the broker.')
  if (header.toString('latin1', 0, MAGIC.length) !== MAGIC)
    return wrong('ledger', `${file} is no ledger`, 'Restore a backup: mayfly restore FILE.')
  const [schema, known] = [header.readUInt32BE(60), knownSchema()]
  if (schema > known) {
    const detail = `The ledger has schema ${schema}, and this Mayfly knows ${known}`
    return wrong('ledger', detail, 'Start the version that wrote it, or a newer one.')
  }
  return well('ledger', schema === known ? `It has schema ${known}` : `The next start brings it to schema ${known}`)
}

function checkClock(writtenAt: Instant, now: Instant): Finding {
  if (writtenAt - now > BEHIND_MS) {
    const detail = `It is ${rfc3339(now)}, and the ledger was written at ${rfc3339(writtenAt)}: nothing is minted until then`
    return wrong('clock', detail, 'Set the clock of this machine (NTP). If it is right: mayfly clock accept.')
  }
  if (now - writtenAt > LONGEST_STOP_MS) {
    const detail = `The ledger was last written at ${rfc3339(writtenAt)}: a broker closes nothing after so long a stop`
    return wrong('clock', detail, 'If the clock is right, start the broker and run: mayfly clock accept.')
  }
  return well('clock', `It is ${rfc3339(now)}, and the ledger agrees`)
}

const timeOf = (file: string): Promise<Instant | undefined> =>
  stat(file).then(
    ({ mtimeMs }) => mtimeMs,
    () => undefined,
  )

async function headerOf(file: string): Promise<Buffer | string> {
  try {
    await using handle = await open(file, 'r')
    const { buffer } = await handle.read(Buffer.alloc(HEADER), 0, HEADER, 0)
    return buffer
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
  }
}
