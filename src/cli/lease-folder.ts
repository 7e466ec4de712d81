import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { ObtainedLease } from '../client/obtain-lease.ts'
import { CommandFailed, EXIT } from './command-failed.ts'

/** Where a command under a lease finds what it may use. Gone with the command. */
export interface LeaseFolder extends AsyncDisposable {
  /** What its environment is told: paths, never what lies there. */
  readonly variables: Readonly<Record<string, string>>
}

/** Writes a lease into a new folder that only its owner can enter. Not into arguments or environment: other processes can read those. */
export async function makeLeaseFolder(obtained: ObtainedLease): Promise<LeaseFolder> {
  // `mkdtemp` makes it 0700.
  const path = await mkdtemp(join(tmpdir(), 'mayfly-run-')).catch(notWritten)
  const remove = () => rm(path, { recursive: true, force: true })
  try {
    await fill(path, obtained)
  } catch (error) {
    await remove()
    notWritten(error)
  }
  return {
    variables: {
      MAYFLY_LEASE_FILE: join(path, 'lease.json'),
      MAYFLY_TOKEN_FILE: join(path, 'lease-token'),
      MAYFLY_CREDENTIALS: join(path, 'credentials'),
    },
    [Symbol.asyncDispose]: remove,
  }
}

async function fill(path: string, { lease, token, credentials }: ObtainedLease): Promise<void> {
  const write = (name: string, text: string) => writeFile(join(path, name), text, { mode: 0o600, flag: 'wx' })
  await mkdir(join(path, 'credentials'), { mode: 0o700 })
  await write('lease.json', `${JSON.stringify(lease, null, 2)}\n`)
  await write('lease-token', token)
  for (const { grant, value } of credentials) {
    // A grant's name may hold a slash. Encoded it is one file name, and still readable.
    const name = join('credentials', encodeURIComponent(grant))
    await write(`${name}.json`, JSON.stringify(value))
    const { access_token: accessToken } = value
    if (typeof accessToken === 'string') await write(`${name}.token`, accessToken)
  }
}

function notWritten(error: unknown): never {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
  throw new CommandFailed(EXIT.error, {
    cause: `The lease could not be written to ${tmpdir()} (${code}), so the command was not started.`,
    mend: 'Make room there, or set TMPDIR to a folder of yours.',
  })
}
