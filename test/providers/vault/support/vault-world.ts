import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import type { UpstreamMinted, UpstreamOrder } from '../../../../src/broker/provider-port.ts'
import type { Grant, VaultSecretGrant, VaultTokenGrant } from '../../../../src/core/catalogue.ts'
import { formatId } from '../../../../src/core/id.ts'
import type { JsonObject } from '../../../../src/core/json.ts'
import { createVaultProvider, type VaultProvider } from '../../../../src/providers/vault.ts'
import { VAULT_NAMES, type VaultSettings, type VaultTimings } from '../../../../src/providers/vault/settings.ts'
import { needsBackend } from '../../../support/backends/backend.ts'
import { startFaultProxy, type FaultProxy } from '../../../support/backends/fault-proxy.ts'
import { shipped, startOpenBao, type OpenBao, type OpenBaoOptions } from '../../../support/backends/openbao.ts'
import { startPostgres, type Postgres } from '../../../support/backends/postgres.ts'
import { temporaryFolder, type TemporaryFolder } from '../../../support/temporary-folder.ts'

const COMMON = { provider: 'vault-main', actions: [], resources: [], maxTtlSeconds: 900, labels: [], dataClasses: [] }

export const ORDERS_DB: VaultSecretGrant = {
  ...COMMON,
  type: 'vault-secret',
  name: 'orders-db',
  path: 'database/creds/orders-ro',
  method: 'read',
  data: {},
}

export const ORDERS_READER: VaultTokenGrant = {
  ...COMMON,
  type: 'vault-token',
  name: 'orders-reader',
  policies: ['orders-reader'],
}

/** A real OpenBao and a real PostgreSQL, set up with exactly what config/vault ships and docs/vault.md says. */
export interface VaultWorld extends AsyncDisposable {
  readonly bao: OpenBao
  readonly postgres: Postgres
  readonly folder: TemporaryFolder
  /** Files for an AppRole login, with a secret id of their own. */
  readonly appRole: () => Promise<{ readonly auth: VaultSettings['auth']; readonly secretId: string }>
  /** Writes the role of the database engine as shipped, or with other statements. */
  readonly writeDatabaseRole: (over?: object) => Promise<void>
  /** Writes the policy of the broker as shipped, or without the lines that name a path. */
  readonly writeBrokerPolicy: (without?: readonly string[]) => Promise<void>
}

/** The world of a suite: started before its first test and stopped after its last, or every test skipped by name. */
export function vaultWorldOfSuite(use: (started: VaultWorld) => void): void {
  let started: VaultWorld | undefined
  before(async function () {
    needsBackend(this, 'openbao', 'postgres')
    started = await startVaultWorld()
    use(started)
  })
  after(() => started?.[Symbol.asyncDispose]())
}

/** The database user's name starts with the token's display name, which is the handle. */
const USERNAME = '{{ printf "%s-%s" (.DisplayName | truncate 48) (random 8) }}'

export async function startVaultWorld(options: OpenBaoOptions = {}): Promise<VaultWorld> {
  const [bao, postgres, folder] = await Promise.all([startOpenBao(options), startPostgres(), temporaryFolder()])
  // Only the development server comes with one.
  if (options.storage === 'raft') await bao.root('POST', 'sys/mounts/secret', { type: 'kv', options: { version: '2' } })
  await postgres.admin('CREATE TABLE orders (id int); INSERT INTO orders VALUES (1), (2)')
  await postgres.admin(await shipped('postgres-setup.sql'))

  const writeBrokerPolicy: VaultWorld['writeBrokerPolicy'] = async (without = []) => {
    const lines = (await shipped('broker.hcl')).split('\n')
    const policy = lines.filter((line) => !without.some((path) => line.startsWith(`path "${path}"`))).join('\n')
    await bao.root('PUT', 'sys/policies/acl/mayfly-broker', { policy })
  }
  await writeBrokerPolicy()
  for (const name of ['parent', 'secrets'])
    await bao.root('PUT', `sys/policies/acl/mayfly-${name}`, { policy: await shipped(`${name}.hcl`) })
  await bao.root('PUT', 'sys/policies/acl/orders-reader', { policy: await shipped('orders-reader.hcl') })
  await bao.root('POST', 'auth/token/roles/mayfly-parent', JSON.parse(await shipped('parent-role.json')))
  await bao.root('POST', 'sys/auth/approle', { type: 'approle' })
  await bao.root('POST', 'auth/approle/role/mayfly', JSON.parse(await shipped('approle.json')))
  for (const secret of ['orders', 'salaries'])
    await bao.root('POST', `secret/data/${secret}`, { data: { answer: secret } })

  await bao.root('POST', 'sys/mounts/database', { type: 'database' })
  await bao.root('POST', 'database/config/orders', {
    plugin_name: 'postgresql-database-plugin',
    allowed_roles: ['orders-ro'],
    connection_url: `postgresql://{{username}}:{{password}}@${postgres.host}:${postgres.port}/postgres?sslmode=disable`,
    username: 'openbao',
    password: 'change-me',
    password_authentication: 'scram-sha-256',
    username_template: USERNAME,
  })
  const writeDatabaseRole: VaultWorld['writeDatabaseRole'] = async (over = {}) => {
    await bao.root('POST', 'database/roles/orders-ro', {
      db_name: 'orders',
      creation_statements: [await shipped('creation.sql')],
      revocation_statements: [await shipped('revocation.sql')],
      default_ttl: '1h',
      max_ttl: '12h',
      ...over,
    })
  }
  await writeDatabaseRole()

  return {
    bao,
    postgres,
    folder,
    writeDatabaseRole,
    writeBrokerPolicy,
    async appRole() {
      const roleId = (await bao.root('GET', 'auth/approle/role/mayfly/role-id')).data.role_id as string
      const secretId = (await bao.root('POST', 'auth/approle/role/mayfly/secret-id', {})).data.secret_id as string
      const [roleIdFile, secretIdFile] = [
        folder.at('role-id'),
        folder.at(`secret-id-${randomBytes(4).toString('hex')}`),
      ]
      await writeFile(roleIdFile, roleId, { mode: 0o600 })
      await writeFile(secretIdFile, `${secretId}\n`, { mode: 0o600 })
      return { auth: { method: 'approle', mount: 'approle', roleIdFile, secretIdFile }, secretId }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([bao, postgres, folder].map((each) => each[Symbol.asyncDispose]()))
    },
  }
}

/** Short, because OpenBao's time is real. */
export const QUICK: VaultTimings = { birthSeconds: 1, callMs: 1_000, mintMs: 2_000, cascadeMs: 300 }

export interface TestVaultOptions {
  readonly settings?: Partial<VaultSettings>
  readonly timings?: Partial<VaultTimings>
  readonly grants?: readonly Grant[]
}

/** A provider behind a proxy of its own, with a ledger that is a list, and a clock that a test can move on. */
export interface TestVault extends AsyncDisposable {
  readonly provider: VaultProvider
  readonly settings: VaultSettings
  readonly faults: FaultProxy
  readonly env: Record<string, string | undefined>
  readonly now: () => number
  readonly advance: (ms: number) => void
  /** What `record` kept of credentials that have not ended. */
  readonly recorded: JsonObject[]
  readonly order: (grant: Grant, lifeMs?: number, over?: Partial<UpstreamOrder>) => UpstreamOrder
  /** Plans, mints and keeps what was recorded. */
  readonly mint: (order: UpstreamOrder) => Promise<TestMinted>
  /** Takes it back; throws unless that is confirmed. */
  readonly end: (minted: TestMinted) => Promise<void>
}

export interface TestMinted {
  readonly minted: UpstreamMinted
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the value is what is being tested
  readonly value: any
  readonly revocable: Parameters<VaultProvider['revoke']>[0]
}

export async function startTestVault(
  world: Pick<VaultWorld, 'bao' | 'appRole'>,
  options: TestVaultOptions = {},
): Promise<TestVault> {
  const faults = await startFaultProxy(world.bao.url)
  const settings: VaultSettings = {
    name: 'vault-main',
    address: faults.url,
    namespace: null,
    caFile: null,
    auth: options.settings?.auth ?? (await world.appRole()).auth,
    ...VAULT_NAMES,
    ...options.settings,
  }
  let offset = 0
  const now = (): number => Date.now() + offset
  const env: Record<string, string | undefined> = {}
  const recorded: JsonObject[] = []
  const provider = createVaultProvider(settings, {
    clock: now,
    env,
    grants: () => options.grants ?? [ORDERS_DB, ORDERS_READER],
    recorded: () => Promise.resolve(recorded),
    timings: { ...QUICK, ...options.timings },
  })
  const order: TestVault['order'] = (grant, lifeMs = 60_000, over = {}) => ({
    credential: formatId('crd', now(), randomBytes(10)),
    lease: {
      id: formatId('lse', now(), randomBytes(10)),
      task: 'run-1',
      agent: 'support-bot',
      expiresAt: now() + lifeMs,
    },
    grant,
    access: { grant: grant.name, actions: grant.actions, resources: grant.resources },
    now: now(),
    ...over,
  })
  return {
    provider,
    settings,
    faults,
    env,
    now,
    recorded,
    order,
    advance: (ms) => void (offset += ms),
    async mint(ordered) {
      const plan = provider.plan(ordered)
      if (!plan.ok) throw new Error(plan.error.detail)
      const kept: JsonObject[] = []
      const record = (needed: JsonObject): Promise<void> => {
        const before = kept.at(-1)
        if (before) recorded.splice(recorded.indexOf(before), 1)
        kept.push(needed)
        recorded.push(needed)
        return Promise.resolve()
      }
      const minted = await provider.mint(ordered, plan.value, record, AbortSignal.timeout(10_000))
      const { handle, target, notAfter } = plan.value
      const needed = kept.at(-1) ?? null
      const revocable = { handle, target, grant: ordered.grant.name, recorded: needed, issuedAt: ordered.now, notAfter }
      return { minted, value: minted.value.unwrap(), revocable }
    },
    async end({ revocable }) {
      const answer = await provider.revoke(revocable, AbortSignal.timeout(10_000))
      if (answer.class !== 'revoked') throw new Error(`The revocation was answered ${JSON.stringify(answer)}`)
      if (revocable.recorded) recorded.splice(recorded.indexOf(revocable.recorded), 1)
    },
    [Symbol.asyncDispose]: () => faults[Symbol.asyncDispose](),
  }
}

/** Every living token that was made for a credential, by Vault's own list. */
export async function tokensOf(bao: OpenBao, handle: string): Promise<readonly string[]> {
  const tokens = await taskTokens(bao)
  return tokens.filter(({ meta }) => meta.credential === handle).map(({ accessor }) => accessor)
}

/** Whether any credential's token still lives for its birth TTL only. */
export const hasNewborn = async (bao: OpenBao): Promise<boolean> =>
  (await taskTokens(bao)).some(({ ttl }) => ttl <= QUICK.birthSeconds)

interface LookedUp {
  readonly accessor: string
  readonly ttl: number
  readonly meta: { readonly credential: string }
}

async function taskTokens(bao: OpenBao): Promise<readonly LookedUp[]> {
  const look = async (accessor: string) => await bao.call('POST', 'auth/token/lookup-accessor', { body: { accessor } })
  const looks = await Promise.all((await accessorsOf(bao)).map(look))
  return looks.flatMap(({ body }) => (body?.data?.meta?.credential ? [body.data as LookedUp] : []))
}

export const accessorsOf = async (bao: OpenBao): Promise<readonly string[]> =>
  (await bao.root('LIST', 'auth/token/accessors')).data.keys as string[]

/** Every user that the database has for a credential. */
export async function usersOf({ postgres }: VaultWorld, handle: string): Promise<readonly string[]> {
  const like = `%${handle.replaceAll('_', '-')}%`
  const { rows } = await postgres.admin(`SELECT rolname FROM pg_roles WHERE rolname LIKE '${like}'`)
  return rows.map(({ rolname }) => rolname as string)
}
