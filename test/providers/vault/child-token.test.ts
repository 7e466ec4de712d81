import { expect } from 'chai'
import { until } from '../../support/until.ts'
import {
  ORDERS_READER,
  startTestVault,
  vaultWorldOfSuite,
  tokensOf,
  usersOf,
  type VaultWorld,
} from './support/vault-world.ts'

describe('a child token of a Vault', () => {
  let world: VaultWorld
  vaultWorldOfSuite((started) => (world = started))

  const lookUp = async (handle: string) => {
    const [accessor] = await tokensOf(world.bao, handle)
    return (await world.bao.root('POST', 'auth/token/lookup-accessor', { accessor })).data
  }

  it('says whose it is, has exactly its policies, and ends with its lease', async () => {
    await using vault = await startTestVault(world)
    const order = vault.order(ORDERS_READER, 90_000)
    const minted = await vault.mint(order)
    expect(minted.value).to.deep.equal({ token: minted.value.token, address: vault.settings.address, namespace: null })
    const token = await lookUp(order.credential)
    expect(token.policies).to.deep.equal(['orders-reader'])
    expect(token.meta).to.deep.equal({
      credential: order.credential,
      lease: order.lease.id,
      task: 'run-1',
      agent: 'support-bot',
    })
    expect(token.ttl).to.be.within(80, 90)
    expect(token).to.include({ type: 'service', orphan: false, num_uses: 0 })
    await vault.end(minted)
    expect(await tokensOf(world.bao, order.credential)).to.deep.equal([])
  })

  it('cannot be kept beyond its lease by whoever may renew it; one made through a token role could: a control', async () => {
    await using vault = await startTestVault(world)
    const renewable = 'path "auth/token/renew-self" { capabilities = ["update"] }'
    await world.bao.root('PUT', 'sys/policies/acl/orders-reader', {
      policy: `path "secret/data/orders" { capabilities = ["read"] }\n${renewable}`,
    })
    const renew = async (token: string): Promise<number> => {
      const answer = await world.bao.call('POST', 'auth/token/renew-self', { token, body: { increment: '10h' } })
      return answer.body.auth.lease_duration as number
    }
    const minted = await vault.mint(vault.order(ORDERS_READER, 90_000))
    expect(await renew(minted.value.token)).to.be.at.most(90)

    await world.bao.root('POST', 'auth/token/roles/as-control', { allowed_policies: ['orders-reader'] })
    const asked = { policies: ['orders-reader'], ttl: '60s', explicit_max_ttl: '90s' }
    const control = (await world.bao.root('POST', 'auth/token/create/as-control', asked)).auth
    expect(await renew(control.client_token)).to.equal(36_000)
    await vault.end(minted)
  })

  it('takes what it has made with it: its own children at once, secrets read with it a moment later', async () => {
    await using vault = await startTestVault(world)
    await world.bao.root('PUT', 'sys/policies/acl/orders-reader', {
      policy: ['auth/token/create', 'database/creds/orders-ro']
        .map((path) => `path "${path}" { capabilities = ["read", "update"] }`)
        .join('\n'),
    })
    const order = vault.order(ORDERS_READER)
    const minted = await vault.mint(order)
    const token = minted.value.token as string
    const child = (await world.bao.call('POST', 'auth/token/create', { token, body: {} })).body.auth
      .client_token as string
    expect((await world.bao.call('GET', 'database/creds/orders-ro', { token: child })).status).to.equal(200)
    expect((await world.bao.call('GET', 'database/creds/orders-ro', { token })).status).to.equal(200)
    expect(await usersOf(world, order.credential)).to.have.length(1)
    await vault.end(minted)
    expect((await world.bao.call('GET', 'auth/token/lookup-self', { token: child })).status).to.equal(403)
    await until('its secrets are gone', async () => (await usersOf(world, order.credential)).length === 0)
  })

  it('is not made with a policy that parents may not hand down', async () => {
    await using vault = await startTestVault(world)
    const order = vault.order({ ...ORDERS_READER, policies: ['mayfly-broker'] })
    const error: unknown = await vault.mint(order).catch((caught: unknown) => caught)
    expect(error).to.be.an('error').with.property('message', 'Vault answered auth/token/create with 400')
    expect(await tokensOf(world.bao, order.credential)).to.deep.equal([])
  })

  it('lives for its birth TTL only until it is recorded, so that a crash heals itself', async () => {
    await using vault = await startTestVault(world)
    const order = vault.order(ORDERS_READER)
    const plan = vault.provider.plan(order)
    if (!plan.ok) return expect.fail('no plan')
    const crashed = new Promise<void>(() => undefined)
    vault.provider.mint(order, plan.value, () => crashed, AbortSignal.timeout(60_000)).catch(() => undefined)
    await until('the token is made', async () => (await tokensOf(world.bao, order.credential)).length === 1)
    expect((await lookUp(order.credential)).ttl).to.be.at.most(1)
    await until('it has healed', async () => (await tokensOf(world.bao, order.credential)).length === 0)
  })

  it('of which nothing was recorded is not gone before it must have healed', async () => {
    await using vault = await startTestVault(world, { timings: { birthSeconds: 60, mintMs: 10_000 } })
    const order = vault.order(ORDERS_READER, 600_000)
    const plan = vault.provider.plan(order)
    if (!plan.ok) return expect.fail('no plan')
    const what = { ...plan.value, grant: order.grant.name, recorded: null, issuedAt: order.now }
    const answer = async () => (await vault.provider.revoke(what, AbortSignal.timeout(1_000))).class
    expect(await answer()).to.equal('unknown')
    vault.advance(69_000)
    expect(await answer()).to.equal('unknown')
    vault.advance(1_000)
    expect(await answer()).to.equal('gone')
    expect(vault.faults.exchanges).to.deep.equal([])
  })

  it('whose revocation Vault puts off is throttled, and goes once the rate allows', async () => {
    await using vault = await startTestVault(world)
    const minted = await vault.mint(vault.order(ORDERS_READER))
    await world.bao.root('POST', 'sys/quotas/rate-limit/control', { path: 'auth/token/', rate: 0.01, interval: '1h' })
    const answers = []
    for (let tries = 0; tries < 2; tries += 1)
      answers.push((await vault.provider.revoke(minted.revocable, AbortSignal.timeout(1_000))).class)
    await world.bao.root('DELETE', 'sys/quotas/rate-limit/control')
    expect(answers).to.include('throttled')
  })

  it('whose record cannot be read is never taken for gone', async () => {
    await using vault = await startTestVault(world)
    const { revocable } = await vault.mint(vault.order(ORDERS_READER))
    const broken = { ...revocable, recorded: { accessor: 7 } }
    expect((await vault.provider.revoke(broken, AbortSignal.timeout(1_000))).class).to.equal('unknown')
  })
})
