import { expect } from 'chai'
import { createVaultProvider } from '../../../src/providers/vault.ts'
import { needsBackend } from '../../support/backends/backend.ts'
import { accessorsOf, ORDERS_READER, QUICK, startTestVault, startVaultWorld } from './support/vault-world.ts'

const HOUR_MS = 3_600_000
const soon = (): AbortSignal => AbortSignal.timeout(5_000)

describe('a parent of tokens, where a record cannot be read', () => {
  it('is renewed all the same and never taken for empty, and the fault is said', async function () {
    needsBackend(this, 'openbao', 'postgres')
    await using world = await startVaultWorld()
    await using vault = await startTestVault(world)
    const provider = createVaultProvider(vault.settings, {
      clock: vault.now,
      env: {},
      grants: () => [ORDERS_READER],
      recorded: () => {
        throw new Error('What was recorded of one does not open')
      },
      lately: () => Promise.resolve([]),
      timings: QUICK,
    })
    const order = vault.order(ORDERS_READER, 10 * HOUR_MS)
    const plan = provider.plan(order)
    if (!plan.ok) return expect.fail(plan.error.detail)
    const minted = await provider.mint(order, plan.value, () => Promise.resolve(), soon())
    const before = await accessorsOf(world.bao)
    const renewals = (): number =>
      vault.faults.exchanges.filter(({ request, answer }) => request.path.endsWith('renew-accessor') && answer).length
    vault.advance(4.1 * HOUR_MS)
    const already = renewals()
    const said: unknown = await provider.upkeep?.(soon()).catch(String)
    expect(said).to.match(/does not open/)
    expect(renewals() - already).to.equal(1)
    expect(await accessorsOf(world.bao)).to.include.members(before)
    const { token } = minted.value.unwrap() as { readonly token: string }
    expect((await world.bao.call('GET', 'secret/data/orders', { token })).status).to.equal(200)
  })
})
