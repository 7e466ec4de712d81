import { setTimeout as wait } from 'node:timers/promises'
import type { UpstreamMinted } from '../../../src/broker/provider-port.ts'
import type { Grant } from '../../../src/core/catalogue.ts'
import { providerContract } from '../../contract/provider.ts'
import type { PlantedFault, ProviderSetup, UnnarrowableOrder } from '../../contract/provider-setup.ts'
import {
  accessorsOf,
  ORDERS_DB,
  ORDERS_READER,
  QUICK,
  startTestVault,
  vaultWorldOfSuite,
  hasNewborn,
  tokensOf,
  usersOf,
  type TestVault,
  type VaultWorld,
} from './support/vault-world.ts'

describe('the vault provider', function () {
  this.timeout(60_000)
  let world: VaultWorld
  vaultWorldOfSuite((started) => (world = started))

  async function start(grant: Grant, own: Own): Promise<ProviderSetup> {
    const { bao, postgres } = world
    const { auth, secretId } = await world.appRole()
    const vault = await startTestVault(world, { settings: { auth } })
    return {
      ...own,
      provider: vault.provider,
      faults: vault.faults,
      clock: vault.now,
      order: (lifeMs) => vault.order(grant, lifeMs),
      unnarrowable: unnarrowable(vault, grant),
      alive: async ({ handle }) =>
        (await tokensOf(bao, handle)).length > 0 || (await usersOf(world, handle)).length > 0,
      async pass(ms) {
        const from = vault.now()
        await wait(Math.max(0, Math.min(ms, QUICK.cascadeMs)))
        // OpenBao's time is real, so it is waited for; what has ended already is not.
        while (vault.now() - from < ms && (await hasNewborn(bao))) await wait(20)
        vault.advance(Math.max(0, ms - (vault.now() - from)))
      },
      selfHealsAfterMs: QUICK.mintMs + QUICK.birthSeconds * 1000,
      shortestLifeMs: 3_000,
      throttled: { status: 429, body: '{"errors":["request path \\"sys\\": rate limit quota exceeded"]}' },
      async forbidRevocation() {
        await world.writeBrokerPolicy(['sys/leases/revoke', 'auth/token/revoke-accessor'])
        return { [Symbol.asyncDispose]: () => world.writeBrokerPolicy() }
      },
      planted: planted(world, vault),
      state: async () => ({
        tokens: await accessorsOf(bao),
        policies: (await bao.root('GET', 'sys/policies/acl/mayfly-broker')).data,
        users: (await postgres.admin('SELECT rolname FROM pg_roles')).rows,
      }),
      canaries: () => [secretId],
      [Symbol.asyncDispose]: () => vault[Symbol.asyncDispose](),
    }
  }

  providerContract('vault, for a child token', () =>
    start(ORDERS_READER, {
      records: 1,
      secretOf: tokenOf,
      works: async (minted) => (await read(minted, 'secret/data/orders')) === 200,
      async exceeds(minted) {
        const paths = ['secret/data/salaries', 'auth/token/lookup-self', 'sys/mounts', 'database/creds/orders-ro']
        const statuses = await Promise.all(paths.map((path) => read(minted, path)))
        return paths.filter((_, at) => statuses[at] === 200)
      },
    }),
  )

  providerContract('vault, for a database user', () =>
    start(ORDERS_DB, {
      records: 2,
      secretOf: (minted) => loginOf(minted).password,
      works: (minted) => runs(minted, 'SELECT * FROM orders'),
      async exceeds(minted) {
        const statements = ['DELETE FROM orders', 'CREATE TABLE mine (id int)', 'CREATE ROLE mine', 'SET ROLE openbao']
        const ran = await Promise.all(statements.map((sql) => runs(minted, sql)))
        return statements.filter((_, at) => ran[at])
      },
    }),
  )

  const read = async (minted: UpstreamMinted, path: string): Promise<number> =>
    (await world.bao.call('GET', path, { token: tokenOf(minted) })).status

  async function runs(minted: UpstreamMinted, sql: string): Promise<boolean> {
    try {
      await using session = await world.postgres.login(loginOf(minted))
      await session.query(sql)
      return true
    } catch {
      return false
    }
  }
})

type Own = Pick<ProviderSetup, 'records' | 'secretOf' | 'works' | 'exceeds'>

const tokenOf = (minted: UpstreamMinted): string => minted.value.unwrap()['token'] as string

function loginOf(minted: UpstreamMinted): { readonly user: string; readonly password: string } {
  const { username, password } = minted.value.unwrap()['data'] as {
    readonly username: string
    readonly password: string
  }
  return { user: username, password }
}

function unnarrowable({ order }: TestVault, grant: Grant): readonly UnnarrowableOrder[] {
  const wide = { ...grant, actions: ['read', 'write'], resources: ['orders/*'] }
  const access = { grant: grant.name, actions: ['read', 'write'], resources: ['orders/*'] }
  return [
    { why: 'fewer actions', order: order(wide, 60_000, { access: { ...access, actions: ['read'] } }) },
    { why: 'a narrower resource', order: order(wide, 60_000, { access: { ...access, resources: ['orders/1'] } }) },
    { why: 'no time left', order: order(grant, 500) },
    { why: 'a path of the system', order: order({ ...ORDERS_DB, path: 'sys/policies/acl/mayfly-broker' }) },
    { why: 'a path that climbs', order: order({ ...ORDERS_DB, path: 'database/creds/../../sys/mounts' }) },
    { why: 'a path with a query', order: order({ ...ORDERS_DB, path: 'database/creds/orders-ro?help=1' }) },
    { why: 'no policy', order: order({ ...ORDERS_READER, policies: [] }) },
    { why: 'the policy root', order: order({ ...ORDERS_READER, policies: ['orders-reader', 'root'] }) },
    { why: 'STS for less than it makes', order: order({ ...ORDERS_DB, path: 'aws/sts/deploy' }, 899_000) },
  ]
}

function planted(world: VaultWorld, vault: TestVault): readonly PlantedFault[] {
  const { bao } = world
  const undo = (mend: () => unknown): AsyncDisposable => ({
    [Symbol.asyncDispose]: async () => {
      await mend()
    },
  })
  const role = (over: object) => async (): Promise<AsyncDisposable> => {
    await world.writeDatabaseRole(over)
    return undo(() => world.writeDatabaseRole())
  }
  const policy = (path: string) => async (): Promise<AsyncDisposable> => {
    await world.writeBrokerPolicy([path])
    return undo(() => world.writeBrokerPolicy())
  }
  const change = (path: string, over: object, back: object) => async (): Promise<AsyncDisposable> => {
    await bao.root('POST', path, over)
    return undo(() => bao.root('POST', path, back))
  }
  return [
    {
      name: 'VAULT_SKIP_VERIFY=false',
      finding: 'environment',
      plant: () => {
        vault.env['VAULT_SKIP_VERIFY'] = 'false'
        return Promise.resolve(undo(() => delete vault.env['VAULT_SKIP_VERIFY']))
      },
    },
    {
      name: 'clocks that differ',
      finding: 'clock',
      plant: () => {
        vault.advance(30_000)
        return Promise.resolve(undo(() => vault.advance(-30_000)))
      },
    },
    { name: 'no right to revoke secrets', finding: 'permission to revoke', plant: policy('sys/leases/revoke') },
    { name: 'no right to revoke tokens', finding: 'permission to revoke', plant: policy('auth/token/revoke-accessor') },
    { name: 'no right to renew', finding: 'permission to renew', plant: policy('auth/token/renew-accessor') },
    {
      name: 'no right to make parents',
      finding: 'permission to mint',
      plant: policy('auth/token/create/mayfly-parent'),
    },
    {
      name: 'a database role that nobody may read',
      finding: 'grant orders-db',
      plant: policy('database/roles/orders-ro'),
    },
    {
      name: 'users that never end',
      finding: 'grant orders-db',
      plant: role({
        creation_statements: [`CREATE ROLE "{{name}}" LOGIN PASSWORD '{{password}}'; -- VALID UNTIL '{{expiration}}'`],
      }),
    },
    {
      name: 'sessions that are left open',
      finding: 'grant orders-db',
      plant: role({ revocation_statements: ['DROP ROLE IF EXISTS "{{name}}"'] }),
    },
    {
      name: 'parents that end with the login',
      finding: 'parent role',
      plant: change('auth/token/roles/mayfly-parent', { orphan: false }, { orphan: true }),
    },
    {
      name: 'parents with a maximum',
      finding: 'parent role',
      plant: change('auth/token/roles/mayfly-parent', { token_period: 0 }, { token_period: '6h' }),
    },
    {
      name: 'a login that cannot be renewed',
      finding: 'renewal',
      plant: change('auth/approle/role/mayfly', { token_type: 'batch' }, { token_type: 'service' }),
    },
  ]
}
