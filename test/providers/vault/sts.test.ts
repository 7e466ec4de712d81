import { expect } from 'chai'
import { ORDERS_DB, startTestVault, vaultWorldOfSuite, type TestVault, type VaultWorld } from './support/vault-world.ts'

const soon = (): AbortSignal => AbortSignal.timeout(5_000)

/** OpenBao has no AWS engine, so what HashiCorp documents that its engine says is played back in front of a real OpenBao. */
describe('STS sessions through a Vault', () => {
  let world: VaultWorld
  vaultWorldOfSuite((started) => (world = started))

  const session = (seconds: number): string =>
    JSON.stringify({
      lease_id: 'aws/sts/deploy/abc',
      lease_duration: seconds,
      renewable: false,
      data: { access_key: 'AKIA', secret_key: 'canary', security_token: 'session' },
    })
  const engine = (vault: TestVault, body: string): Disposable =>
    vault.faults.inject({ kind: 'answer', status: 200, body }, ({ path }) => path.startsWith('/v1/aws/'))
  const HOURLY = { ...ORDERS_DB, maxTtlSeconds: 3_600 }
  const STS = { ...HOURLY, path: 'aws/sts/deploy', data: { role_arn: 'arn:aws:iam::1:role/a' } }

  it('are said to end at their expiry only, and end with the lease', async () => {
    await using vault = await startTestVault(world)
    using _ = engine(vault, session(1_200))
    const order = vault.order(STS, 1_200_900)
    const plan = vault.provider.plan(order)
    expect(plan.ok && plan.value.revocation).to.equal('at_expiry')
    const minted = await vault.mint(order)
    const asked = vault.faults.exchanges.find(({ request }) => request.path === '/v1/aws/sts/deploy')
    expect(JSON.parse(asked?.request.body ?? '')).to.deep.equal({ role_arn: 'arn:aws:iam::1:role/a', ttl: '1200s' })
    expect(minted.minted.expiresAt).to.be.at.most(order.lease.expiresAt)
    expect(await vault.provider.revoke(minted.revocable, soon())).to.deep.equal({ class: 'at_expiry' })
  })

  it('that would outlive the lease are not handed out', async () => {
    await using vault = await startTestVault(world)
    using _ = engine(vault, session(3_600))
    const error: unknown = await vault.mint(vault.order(STS, 1_200_000)).catch((caught: unknown) => caught)
    expect(error)
      .to.be.an('error')
      .with.property('message')
      .that.matches(/would end \d+ s late and cannot be shortened/)
  })

  it('from a path that does not say so are not handed out, and never reported as taken back', async () => {
    await using vault = await startTestVault(world)
    using _ = engine(vault, session(1_200))
    const order = vault.order({ ...HOURLY, path: 'aws/creds/deploy' }, 1_300_000)
    const error: unknown = await vault.mint(order).catch((caught: unknown) => caught)
    expect(error)
      .to.be.an('error')
      .with.property('message')
      .that.matches(/nobody can take back/)
    const plan = vault.provider.plan(order)
    if (!plan.ok) return expect.fail('no plan')
    const recorded = vault.recorded.at(-1) ?? null
    const what = { ...plan.value, grant: order.grant.name, recorded, issuedAt: order.now }
    expect(await vault.provider.revoke(what, soon())).to.deep.equal({ class: 'at_expiry' })
  })
})
