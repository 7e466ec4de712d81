import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'

import { startApp, type App } from '../../src/app.ts'
import { fileSources } from '../../src/config/file-sources.ts'
import { describeFault } from '../../src/core/fault.ts'
import { ok } from '../../src/core/result.ts'
import type { HttpLog } from '../../src/http/services.ts'
import { loadPolicy, type LoadedPolicy } from '../../src/local/load-policy.ts'
import { newToken } from '../../src/local/new-token.ts'
import { makeSigner, type Signer } from '../identity/support/signer.ts'

export const ISSUER = 'https://issuer.test'

/** Every role once, and the agent's owner, who may approve for others and not for the own agent. */
const OPERATORS = {
  admin: { id: 'ada@example.com', role: 'admin' },
  operator: { id: 'ops@example.com', role: 'operator' },
  approver: { id: 'amy@example.com', role: 'approver' },
  owner: { id: 'dana@example.com', role: 'approver' },
  viewer: { id: 'vic@example.com', role: 'viewer' },
} as const
export type OperatorName = keyof typeof OPERATORS

/** Rules that a test can reach by the purpose it names: `ask`, `ask-two`, `deny`, `charge`; everything else is allowed. */
export const TEST_RULES = `
version: 1
rules:
  - { id: asks, on: lease, when: 'intent.purpose == "ask"', effect: ask, reason: It was asked to ask }
  - { id: asks-two, on: lease, when: 'intent.purpose == "ask-two"', effect: ask, approvals: 2, reason: It wants two people }
  - { id: denies, on: lease, when: 'intent.purpose == "deny"', effect: deny, reason: It was asked to deny }
  - { id: charges, on: lease, when: 'intent.purpose == "charge"', risk: 25, reason: It was asked to charge }
tiers:
  low: { below: 30, effect: allow, max_ttl: 900 }
  critical: { effect: deny }
`

type Settings = Readonly<Record<string, unknown>>

export interface TestBrokerOptions {
  /** Changes the configuration before it is written; it is plain JSON, and so YAML. */
  readonly configure?: (settings: Record<string, unknown>) => Settings
  /** Changes what was loaded from it, to what no file can say. */
  readonly change?: (loaded: LoadedPolicy) => LoadedPolicy
  /** The text of the one rule file. */
  readonly rules?: string
  /** An earlier broker's folder: a restart. It is then the caller's to remove. */
  readonly folder?: string
  /** How far ahead of the real clock it starts, in milliseconds. */
  readonly ahead?: number
  /** Passed to `startApp` over everything else. */
  readonly app?: Partial<Parameters<typeof startApp>[0]>
}

export interface Call {
  readonly token?: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export interface Answered {
  readonly status: number
  readonly headers: Headers
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the answer is what is being tested
  readonly body: any
}

/** A real broker on a free port, with a real database in a folder of its own, and a clock that a test can move on. */
export interface TestBroker extends AsyncDisposable {
  readonly app: App
  readonly url: string
  readonly folder: string
  readonly configFile: string
  readonly clock: { readonly now: () => number; readonly advance: (ms: number) => void }
  /** The issuer's key, for tokens that `identity` does not make. */
  readonly signer: Signer
  /** A fresh identity token of that agent. */
  readonly identity: (agent?: string, claims?: object) => string
  readonly operator: (name: OperatorName) => string
  /** Of the PEP `refunds-server`, whose audience is that of the grant `refunds-api`. */
  readonly pep: string
  readonly call: (method: string, path: string, call?: Call) => Promise<Answered>
  /** Asks for a lease as that agent; `over` replaces members of an ordinary request. */
  readonly request: (
    over?: object,
    as?: { readonly agent?: string; readonly headers?: Call['headers'] },
  ) => Promise<Answered>
  /** Writes the configuration anew, as `configure` of the options does. */
  readonly rewrite: (configure: (settings: Record<string, unknown>) => Settings) => Promise<void>
}

const QUIET: HttpLog = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }

export async function startTestBroker(options: TestBrokerOptions = {}): Promise<TestBroker> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'mayfly-test-')))
  await using cleanup = new AsyncDisposableStack()
  if (options.folder === undefined) cleanup.defer(() => rm(folder, { recursive: true, force: true }))
  const configFile = join(folder, 'mayfly.yaml')
  const world = await worldIn(folder, options)
  const write = (configure: (settings: Record<string, unknown>) => Settings): Promise<void> =>
    writeFile(configFile, JSON.stringify(configure(settingsOf(world)), null, 2))
  await write(options.configure ?? ((settings) => settings))

  let offset = options.ahead ?? 0
  const clock = (): number => Date.now() + offset
  const load = (): ReturnType<typeof loadPolicy> => {
    const loaded = loadPolicy(configFile, fileSources({}))
    return loaded.ok && options.change ? ok(options.change(loaded.value)) : loaded
  }
  const loaded = load()
  if (!loaded.ok) throw new Error(loaded.error.map(describeFault).join('\n'))
  const outside = { reload: load, log: QUIET, version: 'test', clock, ...options.app }
  const app = cleanup.use(await startApp({ loaded: loaded.value, ...outside }))

  const call = callAt(app.url)
  const identity = identityOf(world, clock)
  const held = cleanup.move()
  return {
    app,
    url: app.url,
    folder,
    configFile,
    signer: world.signer,
    pep: world.pep.token,
    clock: { now: clock, advance: (ms) => void (offset += ms) },
    identity,
    operator: (name) => world.operators[name].token,
    call,
    request: (over = {}, { agent, headers = {} } = {}) =>
      call('POST', '/v1/leases', { token: identity(agent), body: { ...ORDINARY, ...over }, headers }),
    rewrite: write,
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  }
}

/** Calls a broker over HTTP as anybody would. */
export const callAt =
  (url: string): TestBroker['call'] =>
  async (method, path, { token, body, headers } = {}) => {
    const sent = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }
    const response = await fetch(url + path, {
      method,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...sent,
    })
    const text = await response.text()
    const json = /json/.test(response.headers.get('content-type') ?? '')
    return { status: response.status, headers: response.headers, body: json ? (JSON.parse(text) as unknown) : text }
  }

/** Makes identity tokens as the issuer of that world does. */
export const identityOf =
  ({ signer }: World, clock: () => number): TestBroker['identity'] =>
  (agent = 'support-bot', claims = {}) => {
    const now = Math.floor(clock() / 1000)
    return signer.token({ iss: ISSUER, sub: agent, aud: 'mayfly', iat: now, exp: now + 600, ...claims })
  }

/** A request that nothing is wrong with. */
export const ORDINARY = {
  task: 'run-1',
  intent: { goal: 'Refund order 1234', autonomy: 'supervised', origin: 'user' },
  access: [{ grant: 'refunds-api', actions: ['refund:create'] }],
  ttl: 300,
}

/** Who may come to the broker of one folder, and with what proof. */
export interface World {
  readonly signer: Signer
  readonly operators: Readonly<Record<OperatorName, { readonly token: string; readonly token_sha256: string }>>
  readonly pep: { readonly token: string; readonly token_sha256: string }
}

/** Tokens and keys live as long as the folder, so that what a broker gave out is still good after its restart. */
const worlds = new Map<string, World>()

/** Lays out what a configuration needs beside itself. The same folder keeps its world. */
export async function worldIn(
  folder: string,
  { rules = TEST_RULES }: Pick<TestBrokerOptions, 'rules'> = {},
): Promise<World> {
  await writeFile(join(folder, 'rules.yaml'), rules)
  const known = worlds.get(folder)
  if (known) return known
  const operators = Object.fromEntries(Object.keys(OPERATORS).map((name) => [name, newToken('operator', randomBytes)]))
  const world: World = {
    signer: makeSigner('EdDSA', 'issuer-1'),
    operators: operators as World['operators'],
    pep: newToken('pep', randomBytes),
  }
  worlds.set(folder, world)
  await writeFile(join(folder, 'jwks.json'), JSON.stringify({ keys: [world.signer.jwk] }))
  return world
}

/** The ordinary configuration, before a test changes it. */
export function settingsOf({ operators, pep }: World): Record<string, unknown> {
  const purposes = ['customer-support', 'ask', 'ask-two', 'deny', 'charge']
  const agent = (id: string, owner: string) => ({
    id,
    owner,
    purposes,
    identities: [{ issuer: 'test', subject: id }],
    grants: ['refunds-api', 'orders-api'],
    tools: ['orders.get', 'refunds.create', 'email.send'],
  })
  return {
    server: { listen: '127.0.0.1:0', data_dir: './data' },
    issuers: [
      {
        name: 'test',
        type: 'jwks',
        issuer: ISSUER,
        audience: 'mayfly',
        jwks_file: './jwks.json',
        algorithms: ['EdDSA'],
      },
    ],
    agents: [agent('support-bot', 'dana@example.com'), agent('other-bot', 'otto@example.com')],
    operators: Object.entries(OPERATORS).map(([name, { id, role }]) => ({
      id,
      role,
      token_sha256: operators[name as OperatorName].token_sha256,
    })),
    peps: [
      {
        name: 'refunds-server',
        token_sha256: pep.token_sha256,
        tools: ['refunds.*'],
        audiences: ['https://refunds.test'],
      },
    ],
    providers: [{ name: 'tokens', type: 'jwt' }],
    grants: [
      {
        name: 'refunds-api',
        provider: 'tokens',
        audience: 'https://refunds.test',
        actions: ['refund:create', 'refund:read'],
      },
      {
        name: 'orders-api',
        provider: 'tokens',
        audience: 'https://orders.test',
        actions: ['order:read'],
        resources: ['orders/*'],
        data_classes: ['pii'],
      },
    ],
    tools: [{ name: 'orders.get' }, { name: 'refunds.create' }, { name: 'email.send', labels: ['external_send'] }],
    rules: ['./rules.yaml'],
  }
}
