import { randomBytes } from 'node:crypto'
import { expect } from 'chai'
import { writeFile } from 'node:fs/promises'
import { check } from 'prettier'
import type { UpstreamMinted, UpstreamOrder } from '../../src/broker/provider-port.ts'
import type { VaultTokenGrant } from '../../src/core/catalogue.ts'
import { formatId } from '../../src/core/id.ts'
import { providerContract } from '../contract/provider.ts'
import type { ProviderSetup } from '../contract/provider-setup.ts'
import { startFaultProxy } from '../support/backends/fault-proxy.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { compilerSays, exampleInPage, importExample, writeExample } from './support/example-in-page.ts'
import { startShop, type Shop } from './support/shop.ts'

describe('the example provider of docs/providers.md', () => {
  it('is sixty lines at most, without its imports', async () => {
    const lines = (await exampleInPage()).split('\n').filter((line) => line !== '' && !line.startsWith('import '))
    expect(lines).to.have.length.within(30, 60)
  })

  it('imports what a provider may, and is formatted like everything else', async () => {
    const example = await exampleInPage()
    const imported = [...example.matchAll(/ from '([^']+)'/g)].map(([, from]) => from)
    expect(imported).to.include('../broker/provider-port.ts')
    for (const from of imported)
      expect(from).to.match(/^(node:|zod$|\.\.\/core\/|\.\.\/broker\/(provider-port|ports)\.ts$)/)
    expect(await check(example, { parser: 'typescript', semi: false, singleQuote: true, printWidth: 120 })).to.be.true
  })

  it('has the types of the port', async function () {
    this.timeout(30_000)
    const example = await exampleInPage()
    await using written = await writeExample(example)
    await using wrong = await writeExample(example.replace('handle: credential,', 'handle: 1,'))
    const [said, saidOfWrong] = compilerSays(written.path, wrong.path)
    expect(said).to.deep.equal([])
    expect(saidOfWrong, 'a control').to.have.length.above(0)
  })

  providerContract('the example', start)
})

/** Only what every grant says counts for the example; a provider of its own would have a type of grant of its own. */
const ORDERS: VaultTokenGrant = {
  type: 'vault-token',
  name: 'shop-orders',
  provider: 'shop',
  policies: [],
  actions: ['orders:read', 'orders:write'],
  resources: [],
  maxTtlSeconds: 900,
  labels: [],
  dataClasses: [],
}

function orderOf(now: number, lifeMs: number, access: Partial<UpstreamOrder['access']> = {}): UpstreamOrder {
  return {
    credential: formatId('crd', now, randomBytes(10)),
    lease: { id: formatId('lse', now, randomBytes(10)), task: 'run-1', agent: 'support-bot', expiresAt: now + lifeMs },
    grant: ORDERS,
    access: { grant: ORDERS.name, actions: ['orders:read'], resources: [], ...access },
    now,
  }
}

const keyOf = ({ value }: UpstreamMinted): string => value.unwrap()['key'] as string

/** The example in front of a shop. Everything that is found out about the shop is found out past the example. */
async function start(): Promise<ProviderSetup> {
  await using parts = new AsyncDisposableStack()
  const written = parts.use(await writeExample(await exampleInPage()))
  const folder = parts.use(await temporaryFolder())
  const shop = parts.use(await startShop())
  const faults = parts.use(await startFaultProxy(shop.url))
  const loginFile = folder.at('login')
  await writeFile(loginFile, `${shop.login}\n`, { mode: 0o600 })
  const { createShopKeys } = await importExample(written.path)
  const owned = parts.move()
  return {
    provider: createShopKeys({ name: 'shop', address: faults.url, loginFile, callMs: 300 }),
    faults,
    clock: shop.now,
    order: (lifeMs = 60_000) => orderOf(shop.now(), lifeMs),
    unnarrowable: [
      { why: 'every action', order: orderOf(shop.now(), 60_000, { actions: [] }) },
      { why: 'one order of the shop', order: orderOf(shop.now(), 60_000, { resources: ['orders/1234'] }) },
      { why: 'no time left', order: orderOf(shop.now(), 0) },
    ],
    records: 1,
    secretOf: keyOf,
    works: async (minted) => (await ask(shop, keyOf(minted), 'GET', '/orders')) === 200,
    async exceeds(minted) {
      const tried = [
        ['POST', '/orders'],
        ['POST', '/keys'],
        ['GET', '/login'],
      ] as const
      const statuses = await Promise.all(tried.map(([method, path]) => ask(shop, keyOf(minted), method, path)))
      return tried.filter((_, at) => statuses[at]! < 400).map((each) => each.join(' '))
    },
    alive: ({ handle }) => Promise.resolve(shop.isAlive(handle)),
    pass: (ms) => {
      shop.advance(Math.max(0, ms))
      return Promise.resolve()
    },
    selfHealsAfterMs: 0,
    shortestLifeMs: 2_000,
    throttled: { status: 429, body: '{"code":"slow_down"}' },
    forbidRevocation: () => without(shop, 'keys:delete'),
    planted: [
      { name: 'no right to mint', finding: 'login', plant: () => without(shop, 'keys:create') },
      { name: 'no right to take back', finding: 'login', plant: () => without(shop, 'keys:delete') },
      {
        name: 'a login that the shop does not know',
        finding: 'login',
        plant: async () => {
          await writeFile(loginFile, 'another')
          return { [Symbol.asyncDispose]: () => writeFile(loginFile, shop.login) }
        },
      },
    ],
    state: () => Promise.resolve({ keys: [...shop.keys.values()], rights: [...shop.rights] }),
    canaries: () => shop.secrets,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

async function ask({ url }: Shop, key: string, method: string, path: string): Promise<number> {
  return (await fetch(url + path, { method, headers: { authorization: `Bearer ${key}` } })).status
}

function without({ rights }: Shop, right: string): Promise<AsyncDisposable> {
  rights.delete(right)
  return Promise.resolve({ [Symbol.asyncDispose]: () => Promise.resolve(void rights.add(right)) })
}
