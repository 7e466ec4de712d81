import { expect } from 'chai'
import type { JsonObject } from '../../../src/core/json.ts'
import { createVaultProvider } from '../../../src/providers/vault.ts'
import {
  accessorsOf,
  ORDERS_READER,
  QUICK,
  startTestVault,
  vaultWorldOfSuite,
  type TestMinted,
  type TestVault,
  type VaultWorld,
} from './support/vault-world.ts'

const HOUR_MS = 3_600_000
const soon = (): AbortSignal => AbortSignal.timeout(5_000)
const parentOf = ({ revocable }: TestMinted): string => revocable.recorded?.['parent'] as string

describe('a parent of tokens', () => {
  let world: VaultWorld
  vaultWorldOfSuite((started) => (world = started))

  const lives = async (accessor: string): Promise<boolean> => (await accessorsOf(world.bao)).includes(accessor)
  const works = async ({ value }: TestMinted): Promise<boolean> =>
    (await world.bao.call('GET', 'secret/data/orders', { token: value.token })).status === 200

  /** Another boot of the same broker, with the same records. */
  const nextBoot = (vault: TestVault) =>
    createVaultProvider(vault.settings, {
      clock: vault.now,
      env: {},
      grants: () => [ORDERS_READER],
      recorded: () => Promise.resolve(vault.recorded),
      timings: QUICK,
    })
  const renewals = (vault: TestVault): readonly string[] =>
    vault.faults.exchanges
      .filter(({ request }) => request.path === '/v1/auth/token/renew-accessor')
      .map(({ request }) => String(JSON.parse(request.body).accessor))

  it("is an orphan with a period: it and its children outlive the broker's own login", async () => {
    await using vault = await startTestVault(world)
    const minted = await vault.mint(vault.order(ORDERS_READER))
    const look = await world.bao.root('POST', 'auth/token/lookup-accessor', { accessor: parentOf(minted) })
    expect(look.data).to.include({ orphan: true, creation_ttl: 21_600, explicit_max_ttl: 0 })
    expect(look.data.policies).to.have.members(['mayfly-parent', 'mayfly-secrets', 'orders-reader'])
    const login = JSON.parse(vault.faults.exchanges[0]?.answer?.body ?? '').auth
    await world.bao.root('POST', 'auth/token/revoke-accessor', { accessor: login.accessor })
    expect(await works(minted)).to.be.true
    await vault.end(minted)
  })

  it('is made once a boot, however many mints need it at the same time', async () => {
    await using vault = await startTestVault(world)
    const all = await Promise.all(Array.from({ length: 8 }, () => vault.mint(vault.order(ORDERS_READER))))
    expect(new Set(all.map(parentOf)).size).to.equal(1)
    const logins = vault.faults.exchanges.filter(({ request }) => request.path.endsWith('/login'))
    expect(logins).to.have.length(1)
  })

  it('is renewed at two thirds of its period while it has live children, and not before', async () => {
    await using vault = await startTestVault(world)
    const minted = await vault.mint(vault.order(ORDERS_READER, 10 * HOUR_MS))
    const before = renewals(vault).length
    for (const hours of [1, 2.9]) {
      vault.advance(hours * HOUR_MS)
      await vault.provider.upkeep?.(soon())
    }
    expect(renewals(vault)).to.have.length(before)
    vault.advance(0.2 * HOUR_MS)
    await vault.provider.upkeep?.(soon())
    expect(renewals(vault).slice(before)).to.deep.equal([parentOf(minted)])
    expect(await lives(parentOf(minted))).to.be.true
  })

  it('of an earlier boot is renewed by the next one, and revoked once it is empty', async () => {
    await using vault = await startTestVault(world)
    const [one, other] = [await vault.mint(vault.order(ORDERS_READER)), await vault.mint(vault.order(ORDERS_READER))]
    const next = nextBoot(vault)
    const before = renewals(vault).length
    await next.upkeep?.(soon())
    expect(renewals(vault).slice(before)).to.deep.equal([parentOf(one)])

    await vault.end(one)
    vault.advance(60_000)
    await next.upkeep?.(soon())
    expect(await lives(parentOf(one)), 'another child is alive').to.be.true
    await vault.end(other)
    vault.advance(60_000)
    await next.upkeep?.(soon())
    expect(await lives(parentOf(one))).to.be.false
  })

  it('of this boot is revoked when it is empty, and another is made when one is needed', async () => {
    await using vault = await startTestVault(world)
    const first = await vault.mint(vault.order(ORDERS_READER))
    await vault.end(first)
    await vault.provider.upkeep?.(soon())
    expect(await lives(parentOf(first))).to.be.false
    const second = await vault.mint(vault.order(ORDERS_READER))
    expect(parentOf(second)).to.not.equal(parentOf(first))
    expect(await works(second)).to.be.true
  })

  it('is not taken for empty while a mint is under way', async () => {
    await using vault = await startTestVault(world)
    const order = vault.order(ORDERS_READER)
    const plan = vault.provider.plan(order)
    if (!plan.ok) return expect.fail('no plan')
    const { promise: recording, resolve: goOn } = Promise.withResolvers<undefined>()
    const { promise: reached, resolve: reach } = Promise.withResolvers<string>()
    const minting = vault.provider.mint(
      order,
      plan.value,
      async (needed) => {
        reach(needed['parent'] as string)
        await recording
      },
      soon(),
    )
    const parent = await reached
    await vault.provider.upkeep?.(soon())
    expect(await lives(parent)).to.be.true
    goOn(undefined)
    await minting
  })

  it('that was revoked under the broker is replaced at the next mint', async () => {
    await using vault = await startTestVault(world)
    const first = await vault.mint(vault.order(ORDERS_READER))
    await world.bao.root('POST', 'auth/token/revoke-accessor', { accessor: parentOf(first) })
    expect(await works(first), 'its children ended with it').to.be.false
    const second = await vault.mint(vault.order(ORDERS_READER))
    expect(await works(second)).to.be.true
    expect((await vault.provider.revoke(first.revocable, soon())).class).to.equal('gone')
  })

  it('that is no orphan is not used: its children would end with the login', async () => {
    await using vault = await startTestVault(world)
    await world.bao.root('POST', 'auth/token/roles/mayfly-parent', { orphan: false })
    const before = (await accessorsOf(world.bao)).length
    const error: unknown = await vault.mint(vault.order(ORDERS_READER)).catch((caught: unknown) => caught)
    await world.bao.root('POST', 'auth/token/roles/mayfly-parent', { orphan: true })
    expect(error)
      .to.be.an('error')
      .with.property('message')
      .that.matches(/does not make renewable orphans/)
    expect((await accessorsOf(world.bao)).length, 'only the login is left').to.equal(before + 1)
  })

  it('ends in a recovery with all that was minted under it, of this boot and of earlier ones', async () => {
    await using vault = await startTestVault(world)
    const earlier = await vault.mint(vault.order(ORDERS_READER))
    const next = nextBoot(vault)
    await next.upkeep?.(soon())
    const { ended, remains } = await next.cutOff(vault.now(), soon())
    expect(ended).to.have.length(1)
    expect(ended[0]).to.match(
      /^Parents at http:.* were revoked, with every token and secret that was made with them: 1$/,
    )
    expect(remains.join('\n')).to.match(/parents that this ledger does not know .* mayfly-parent\b/)
    expect(await works(earlier)).to.be.false
    expect(await lives(parentOf(earlier))).to.be.false
  })

  it('ends in a recovery with what the ledger has forgotten, if one that has ended was made with it', async () => {
    await using vault = await startTestVault(world)
    const known = await vault.mint(vault.order(ORDERS_READER))
    const forgotten = await vault.mint(vault.order(ORDERS_READER))
    expect(parentOf(forgotten)).to.equal(parentOf(known))
    const parts = { clock: vault.now, env: {}, grants: () => [ORDERS_READER], timings: QUICK }
    const restored = (lately: readonly JsonObject[]) =>
      createVaultProvider(vault.settings, {
        ...parts,
        recorded: () => Promise.resolve([]),
        lately: () => Promise.resolve(lately),
      })
    await restored([]).cutOff(vault.now(), soon())
    expect(await works(forgotten), 'a control').to.be.true
    await restored([known.revocable.recorded ?? {}]).cutOff(vault.now(), soon())
    expect(await works(forgotten)).to.be.false
  })

  it('may be ended twice, and is made anew by the next mint', async () => {
    await using vault = await startTestVault(world)
    const before = await vault.mint(vault.order(ORDERS_READER))
    await vault.provider.cutOff(vault.now(), soon())
    await vault.provider.cutOff(vault.now(), soon())
    const after = await vault.mint(vault.order(ORDERS_READER))
    expect([await works(before), await works(after)]).to.deep.equal([false, true])
    await vault.end(after)
  })

  it('that cannot be ended because Vault is away is said to be so', async () => {
    await using vault = await startTestVault(world)
    const minted = await vault.mint(vault.order(ORDERS_READER))
    {
      using _ = vault.faults.inject({ kind: 'cut-request' })
      expect(await vault.provider.cutOff(vault.now(), soon()).catch(String)).to.match(/VaultFailure/)
    }
    await vault.provider.cutOff(vault.now(), soon())
    expect(await works(minted)).to.be.false
  })

  it('that cannot be renewed because Vault is away is renewed once that is back', async () => {
    await using vault = await startTestVault(world)
    const minted = await vault.mint(vault.order(ORDERS_READER, 10 * HOUR_MS))
    vault.advance(4.1 * HOUR_MS)
    {
      using _ = vault.faults.inject({ kind: 'cut-request' })
      const error: unknown = await vault.provider.upkeep?.(soon()).catch((caught: unknown) => caught)
      expect(error).to.be.an('error')
    }
    vault.advance(60_000)
    const before = renewals(vault).length
    await vault.provider.upkeep?.(soon())
    expect(renewals(vault).slice(before)).to.deep.equal([parentOf(minted)])
  })
})
