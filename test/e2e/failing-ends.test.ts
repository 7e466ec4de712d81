import { expect } from 'chai'
import { expectProblem } from '../support/expect-problem.ts'
import { until } from '../support/until.ts'
import { BROKER_POLICIES } from '../providers/aws-sts/support/aws-account.ts'
import { accessorsOf, tokensOf, usersOf } from '../providers/vault/support/vault-world.ts'
import { credentialOf, complete, leaseOf, startRealBroker, stateOf, type RealBroker } from './support/real-broker.ts'
import { BUCKET_ACCESS, GRANTS, upstreamsOfSuite } from './support/real-upstreams.ts'
import { works, workingOf } from './support/what-works.ts'

/* eslint-disable @typescript-eslint/no-explicit-any -- the answers are what is being tested */

describe('an end that an upstream does not take', function () {
  this.timeout(30_000)
  const upstreams = upstreamsOfSuite()

  const asked = (broker: RealBroker, lease: any, grant: string): Promise<void> =>
    until(`${grant} was asked for`, async () => {
      const { attempts, last_error, state } = await stateOf(broker, lease, grant)
      return attempts > 0 || last_error !== null || state === 'closed'
    })
  async function retry(broker: RealBroker, id: string): Promise<void> {
    const { status } = await broker.call('POST', `/v1/credentials/${id}/retry`, { token: broker.operator('operator') })
    expect(status).to.equal(200)
  }
  async function later(broker: RealBroker, ms: number): Promise<void> {
    broker.clock.advance(ms)
    await broker.app.sweep()
  }

  it('of a Vault whose policy forbids it is stuck, says how to mend it, and is taken after the mend', async () => {
    const { vault } = upstreams()
    await using broker = await startRealBroker(upstreams())
    const lease = await leaseOf(broker, { access: [{ grant: 'orders-db' }] })
    await vault.writeBrokerPolicy(['sys/leases/revoke'])
    await using _ = { [Symbol.asyncDispose]: () => vault.writeBrokerPolicy() }
    await complete(broker, lease)
    await asked(broker, lease, 'orders-db')
    const stuck = await stateOf(broker, lease, 'orders-db')
    expect(stuck).to.include({ state: 'revoking', stuck: true, outcome: null })
    expect(stuck.last_error).to.match(/sys\/leases\/revoke with 403.*policy/)
    expect(await workingOf(upstreams(), lease), 'and says so because it is alive').to.deep.equal(['orders-db'])
    await vault.writeBrokerPolicy()
    await retry(broker, stuck.id)
    await until('it is taken', async () => (await stateOf(broker, lease, 'orders-db')).state === 'closed')
    expect(await workingOf(upstreams(), lease)).to.deep.equal([])
    expect(await usersOf(vault, stuck.id)).to.deep.equal([])
  })

  it('of AWS whose policy forbids it is stuck until it is allowed again', async () => {
    const { account } = upstreams()
    await using broker = await startRealBroker(upstreams())
    const lease = await leaseOf(broker, { access: [BUCKET_ACCESS] })
    await account.allowBroker(['broker-policy'])
    const allowAll = () => account.allowBroker(BROKER_POLICIES)
    await using _ = { [Symbol.asyncDispose]: allowAll }
    await complete(broker, lease)
    await asked(broker, lease, 'orders-bucket')
    const stuck = await stateOf(broker, lease, 'orders-bucket')
    expect(stuck).to.include({ state: 'revoking', stuck: true })
    expect(stuck.last_error).to.match(/AccessDenied.*Allow the broker iam:PutRolePolicy/)
    expect(await works(upstreams(), credentialOf(lease, 'orders-bucket'))).to.be.true
    await allowAll()
    await retry(broker, stuck.id)
    await until('IAM has it', async () => (await stateOf(broker, lease, 'orders-bucket')).effective_after !== null)
    expect(await works(upstreams(), credentialOf(lease, 'orders-bucket'))).to.be.false
    expect(await stateOf(broker, lease, 'orders-bucket')).to.include({ stuck: false, last_error: null })
  })

  it('of upstreams that come and go is tried until it is taken, and no row is lost', async () => {
    await using broker = await startRealBroker(upstreams())
    const leases = await Promise.all(Array.from({ length: 6 }, (_, at) => leaseOf(broker, { task: `run-${at}` })))
    let [calls, answered] = [0, 0]
    using _ = broker.toVault.inject({ kind: 'cut-request' }, () => (calls += 1) % 3 !== 0)
    using __ = broker.toAws.inject({ kind: 'cut-answer' }, () => (answered += 1) % 3 !== 0)
    await Promise.all(leases.map((lease) => complete(broker, lease)))
    const open = async (): Promise<number> => {
      const { body } = await broker.call('GET', '/v1/credentials?state=revoking&limit=200', {
        token: broker.operator('viewer'),
      })
      return body.items.length
    }
    for (let turns = 0; turns < 60 && (await open()) > 0; turns += 1) await later(broker, 16_000)
    expect(await open()).to.equal(0)
    for (const lease of leases) {
      expect(await workingOf(upstreams(), lease)).to.deep.equal([])
      for (const grant of GRANTS) expect(await stateOf(broker, lease, grant)).to.include({ state: 'closed' })
    }
  })

  it('of what an administrator has already ended there is a success', async () => {
    const { bao } = upstreams().vault
    await using broker = await startRealBroker(upstreams())
    const lease = await leaseOf(broker, { access: [{ grant: 'orders-db' }, { grant: 'orders-reader' }] })
    for (const { id } of lease.credentials)
      for (const accessor of await tokensOf(bao, id)) await bao.root('POST', 'auth/token/revoke-accessor', { accessor })
    await until('it is dead', async () => (await workingOf(upstreams(), lease)).length === 0)
    await complete(broker, lease)
    for (const grant of ['orders-db', 'orders-reader'])
      await until('it is closed', async () => (await stateOf(broker, lease, grant)).outcome === 'revoked')
  })

  it('of everything that OpenBao itself has forgotten is a success, and it mints on', async () => {
    const { bao } = upstreams().vault
    await using broker = await startRealBroker(upstreams())
    const lease = await leaseOf(broker, { access: [{ grant: 'orders-reader' }] })
    const login = broker.toVault.exchanges.find(({ request }) => request.path.endsWith('/login'))
    const own = JSON.parse(login?.answer?.body ?? '').auth.accessor as string
    for (const accessor of await accessorsOf(bao)) {
      const { body } = await bao.call('POST', 'auth/token/lookup-accessor', { body: { accessor } })
      const isParent = body?.data?.display_name === 'token-mayfly-parent'
      if (isParent || accessor === own) await bao.root('POST', 'auth/token/revoke-accessor', { accessor })
    }
    const again = await leaseOf(broker, { access: [{ grant: 'orders-reader' }] })
    expect(await workingOf(upstreams(), lease)).to.deep.equal([])
    expect(await workingOf(upstreams(), again)).to.deep.equal(['orders-reader'])
    await complete(broker, lease)
    await until('it is closed', async () => (await stateOf(broker, lease, 'orders-reader')).state === 'closed')
  })

  it('is asked for where the ledger could not be written, and no secret has left', async () => {
    let fails = false
    await using broker = await startRealBroker(upstreams(), {
      app: {
        decorate: {
          store: (store) => ({
            ...store,
            commit: (step) =>
              store.commit((tx) =>
                step({
                  ...tx,
                  append: (entry) => {
                    if (fails && entry.kind === 'credential.minted') throw new Error('The disk is full')
                    tx.append(entry)
                  },
                }),
              ),
          }),
        },
      },
    })
    fails = true
    const refused = await broker.request({
      access: [{ grant: 'orders-db' }, { grant: 'orders-reader' }, BUCKET_ACCESS],
    })
    fails = false
    expect(refused.status).to.be.within(500, 503)
    expectProblem(refused, refused.status === 500 ? 'internal' : 'unavailable')
    const { body } = await broker.call('GET', '/v1/credentials?limit=200', { token: broker.operator('viewer') })
    expect(body.items).to.have.length(3)
    const { vault } = upstreams()
    for (const { id } of body.items)
      expect(
        [...(await tokensOf(vault.bao, id)), ...(await usersOf(vault, id))],
        'before it was answered',
      ).to.deep.equal([])
    const denied = (await upstreams().account.rolePolicy('MayflyEndedSessions')) ?? ''
    expect(denied).to.include(body.items.find(({ type }: any) => type === 'aws').id)
  })
})
