import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { createClient, type Client } from '../../src/client/create-client.ts'
import { newToken } from '../../src/local/new-token.ts'
import { CAST, DEMO_RULES, demoConfiguration } from './configuration.ts'
import { DemoFailed } from './demo-failed.ts'
import { MAYFLY } from './run-mayfly.ts'
import { startProcess } from './start-process.ts'

const SECRET_BYTES = 32
const script = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

/** Three processes that serve, and the people who may ask them. */
export interface Stage extends AsyncDisposable {
  readonly issuer: { readonly url: string; readonly clientSecret: string }
  readonly broker: Client
  readonly apiUrl: string
  /** The agent's owner, as an operator of the broker. */
  readonly owner: Client
  /** Another operator. */
  readonly approver: Client
  /** Only this user may enter it, and it is gone afterwards. */
  readonly folder: string
  /** Aborted by an interrupt and by the end of the stage: whoever waits for an answer waits no longer. */
  readonly signal: AbortSignal
  /** For commands that the approver runs. */
  readonly approverEnv: NodeJS.ProcessEnv
}

/** Builds it all up in a temporary folder, on free ports of this machine. Disposing of it leaves nothing behind. */
export async function setStage(interrupt: AbortSignal): Promise<Stage> {
  await using built = new AsyncDisposableStack()
  const folder = await temporaryFolder(built)
  const write = (name: string, text: string): Promise<void> => writeFile(join(folder, name), text, { mode: 0o600 })
  const tokens = {
    owner: newToken('operator', randomBytes),
    approver: newToken('operator', randomBytes),
    api: newToken('pep', randomBytes),
  }
  const clientSecret = randomBytes(SECRET_BYTES).toString('base64url')
  await Promise.all([
    write('client-secret', clientSecret),
    write('seal.key', randomBytes(SECRET_BYTES).toString('base64')),
    write('approver-token', tokens.approver.token),
    write('api-token', tokens.api.token),
    write('rules.yaml', DEMO_RULES),
  ])
  const env = withoutMayfly(process.env)
  const start = async (name: string, args: readonly string[]) =>
    built.use(await startProcess({ name, args, env, signal: interrupt }))

  const issuer = await start('The issuer', [script('issuer.ts'), CAST.agent, join(folder, 'client-secret')])
  await write('mayfly.yaml', demoConfiguration({ issuer: issuer.url, ...tokens }))
  const broker = await start('The broker', [MAYFLY, 'serve', '--config', join(folder, 'mayfly.yaml')])
  const api = await start('The API', [script('shop-api.ts'), broker.url, CAST.apiAudience, join(folder, 'api-token')])

  const client = createClient({ url: broker.url })
  const over = new AbortController()
  built.defer(() => over.abort())
  const stage = built.move()
  return {
    issuer: { url: issuer.url, clientSecret },
    broker: client,
    apiUrl: api.url,
    owner: client.withToken(tokens.owner.token),
    approver: client.withToken(tokens.approver.token),
    folder,
    signal: AbortSignal.any([interrupt, over.signal]),
    approverEnv: { ...env, MAYFLY_URL: broker.url, MAYFLY_TOKEN_FILE: join(folder, 'approver-token') },
    [Symbol.asyncDispose]: () => stage.disposeAsync(),
  }
}

async function temporaryFolder(built: AsyncDisposableStack): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'mayfly-demo-')).catch((error: unknown) => {
    const cause = `there is no temporary folder to be had: ${error instanceof Error ? error.message : String(error)}.`
    throw new DemoFailed(cause, 'Set TMPDIR to a folder that you may write to, and run this again.')
  })
  const abandon = (): void => rmSync(folder, { recursive: true, force: true })
  process.once('exit', abandon)
  built.defer(async () => {
    await rm(folder, { recursive: true, force: true })
    process.off('exit', abandon)
  })
  return folder
}

/** Somebody may have a broker of their own in the environment: the demo must not ask it. */
const withoutMayfly = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('MAYFLY_') && name !== 'INIT_CWD'))
