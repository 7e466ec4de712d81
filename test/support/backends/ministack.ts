import { existsSync, globSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { answering, folderOf, freePort, needsBackend, startServer } from './backend.ts'
import { signedRequest, type AccessKey } from './signed-request.ts'

/** The account that everything in it belongs to. */
export const ACCOUNT = '000000000000'

/** A real emulator of STS, IAM and S3 of this test run, which enforces policies, with nothing in it. */
export interface Ministack extends AsyncDisposable {
  readonly url: string
  /** One call of IAM or STS as the account's root, for what a test needs to succeed: the answer's text. */
  readonly root: (
    service: 'iam' | 'sts',
    action: string,
    parameters?: Readonly<Record<string, string>>,
  ) => Promise<string>
  readonly rootKey: AccessKey
  /** An S3 request; answers of any status are answers. `path` is `/bucket/key`. */
  readonly s3: (key: AccessKey, method: 'GET' | 'PUT', path: string, body?: string) => Promise<Response>
  /** Whether its clock can be moved. */
  readonly movable: boolean
  /** Sets its clock that much ahead of the machine's. */
  readonly setAhead: (ms: number) => Promise<void>
}

export async function startMinistack(): Promise<Ministack> {
  const folder = await mkdtemp(join(tmpdir(), 'mayfly-ministack-'))
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const rootKey = { AccessKeyId: 'AKIAROOTROOTROOTROOT', SecretAccessKey: 'root-secret-of-the-test' }
  const library = faketimeLibrary()
  const clockFile = join(folder, 'clock')
  await writeFile(clockFile, '+0')
  const server = startServer('python3', ['-m', 'ministack'], {
    cwd: folder,
    env: {
      PATH: process.env['PATH'],
      PYTHONPATH: folderOf('ministack'),
      // It writes a file named after its port there.
      TMPDIR: folder,
      // Without it nothing at all is checked.
      AUTH: 'true',
      BIND_HOST: '127.0.0.1',
      GATEWAY_PORT: `${port}`,
      SERVICES: 'sts,iam,s3',
      LOG_LEVEL: 'WARNING',
      AWS_ACCESS_KEY_ID: rootKey.AccessKeyId,
      AWS_SECRET_ACCESS_KEY: rootKey.SecretAccessKey,
      ...(library !== undefined && {
        LD_PRELOAD: library,
        FAKETIME_TIMESTAMP_FILE: clockFile,
        FAKETIME_NO_CACHE: '1',
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
      }),
    },
  })
  await answering(server, async () => {
    const health = await (await fetch(`${url}/_ministack/health`)).text()
    if (!/"auth":\s*"enabled"/.test(health)) throw new Error(`It enforces nothing: ${health}`)
    return true
  })
  let ahead = 0
  const now = (): number => Date.now() + ahead
  return {
    url,
    rootKey,
    movable: library !== undefined,
    async root(service, action, parameters = {}) {
      const version = service === 'iam' ? '2010-05-08' : '2011-06-15'
      const body = new URLSearchParams({ Action: action, Version: version, ...parameters }).toString()
      const headers = { 'content-type': 'application/x-www-form-urlencoded' }
      const answer = await signedRequest(rootKey, { url: `${url}/`, method: 'POST', service, body, headers, at: now() })
      const text = await answer.text()
      if (!answer.ok) throw new Error(`${action}: ${answer.status} ${text}`)
      return text
    },
    s3: (key, method, path, body = '') =>
      signedRequest(key, { url: url + path, method, service: 's3', body, at: now() }),
    async setAhead(ms) {
      ahead = ms
      await writeFile(clockFile, `+${ms / 1000}`)
    },
    async [Symbol.asyncDispose]() {
      await server.end('SIGKILL')
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** The emulator of a suite: started before its first test and stopped after its last, or every test skipped by name. */
export function ministackOfSuite(): () => Ministack {
  let started: Ministack | undefined
  before(async function () {
    needsBackend(this, 'ministack')
    started = await startMinistack()
  })
  after(() => started?.[Symbol.asyncDispose]())
  return () => {
    if (!started) throw new Error('It is not started yet')
    return started
  }
}

/** The library that moves a process's clock, where the machine has it. */
function faketimeLibrary(): string | undefined {
  const name = 'lib/*/faketime/libfaketime.so.1'
  return [join(folderOf('faketime'), 'usr'), '/usr'].flatMap((root) => globSync(join(root, name))).find(existsSync)
}

export interface CommandLine {
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

/** The `aws` command line that `scripts/backends` has installed, or the machine's own. */
export function awsCommandLine(): CommandLine | undefined {
  const installed = folderOf('awscli')
  if (existsSync(join(installed, '.installed')))
    return { command: 'python3', args: [join(installed, 'bin/aws')], env: { PYTHONPATH: installed } }
  const found = (process.env['PATH'] ?? '').split(':').find((folder) => existsSync(join(folder, 'aws')))
  return found === undefined ? undefined : { command: join(found, 'aws'), args: [], env: {} }
}
