import { expect } from 'chai'
import { until } from '../support/until.ts'
import {
  complete,
  credentialOf,
  leaseOf,
  revoke,
  startRealBroker,
  stateOf,
  type RealBroker,
} from './support/real-broker.ts'
import { ALL_ACCESS, BUCKET_ACCESS, GRANTS, upstreamsOfSuite } from './support/real-upstreams.ts'
import { works, workingOf } from './support/what-works.ts'

/* eslint-disable @typescript-eslint/no-explicit-any -- the answers are what is being tested */

const DENY_POLICY = 'MayflyEndedSessions'

describe('credentials of real upstreams', function () {
  this.timeout(30_000)
  const upstreams = upstreamsOfSuite()

  const fetched = (broker: RealBroker, lease: any, grant: string) =>
    broker.call('POST', `/v1/leases/${lease.id}/credentials`, { token: lease.token, body: { grant } })

  it('are replaced in their last third, and the old ones end when the new ones stand', async () => {
    await using broker = await startRealBroker(upstreams())
    const lease = await leaseOf(broker, { ttl: 300 })
    const tooEarly = await Promise.all(GRANTS.map((grant) => fetched(broker, lease, grant)))
    expect(tooEarly.map(({ status }) => status)).to.deep.equal([409, 409, 409])
    broker.clock.advance(220_000)
    await broker.app.sweep()
    const renewed = await broker.call('POST', `/v1/leases/${lease.id}/renew`, {
      token: lease.token,
      body: { ttl: 300 },
    })
    expect(renewed.status).to.equal(200)
    const anew = await Promise.all(GRANTS.map((grant) => fetched(broker, lease, grant)))
    expect(anew.map(({ status }) => status)).to.deep.equal([201, 201, 201])
    const replaced = { credentials: anew.map(({ body }) => body) }
    for (const each of replaced.credentials)
      expect(Date.parse(each.expires_at)).to.be.greaterThan(Date.parse(credentialOf(lease, each.grant).expires_at))
    await until('the old ones are dead', async () => (await workingOf(upstreams(), lease)).length === 0)
    expect(await workingOf(upstreams(), replaced)).to.have.members(GRANTS)
    await complete(broker, lease)
    await until('all are dead', async () => (await workingOf(upstreams(), replaced)).length === 0)
  })

  it('stay where their replacement fails, and nothing of that is left', async () => {
    await using broker = await startRealBroker(upstreams())
    const lease = await leaseOf(broker, { ttl: 300 })
    broker.clock.advance(220_000)
    await broker.app.sweep()
    {
      using _ = broker.toVault.inject({ kind: 'cut-answer' }, ({ path }) => path.includes('database/creds'))
      using __ = broker.toAws.inject({ kind: 'cut-answer' }, ({ body }) => body.includes('Action=AssumeRole'))
      const failed = await Promise.all(['orders-db', 'orders-bucket'].map((grant) => fetched(broker, lease, grant)))
      expect(failed.map(({ status }) => status)).to.deep.equal([502, 502])
    }
    expect(await workingOf(upstreams(), lease)).to.have.members(GRANTS)
    const again = await Promise.all(['orders-db', 'orders-bucket'].map((grant) => fetched(broker, lease, grant)))
    expect(again.map(({ status }) => status)).to.deep.equal([201, 201])
  })

  it('are all made anew by Mayfly-Reissue, and those of the lost answer end', async () => {
    await using broker = await startRealBroker(upstreams())
    const body = { access: ALL_ACCESS, ttl: 300 }
    const key = { 'idempotency-key': 'reissue-1' }
    const lost = await leaseOf(broker, body, { headers: key })
    const found = await leaseOf(broker, body, { headers: { ...key, 'mayfly-reissue': 'true' } })
    expect(found.id).to.equal(lost.id)
    expect(found.token).to.not.equal(lost.token)
    await until('the lost ones are dead', async () => (await workingOf(upstreams(), lost)).length === 0)
    expect(await workingOf(upstreams(), found)).to.have.members(GRANTS)
    await complete(broker, found)
    await until('all are dead', async () => (await workingOf(upstreams(), found)).length === 0)
  })

  it('of AWS: one session is taken back early beside another that goes on, and the answer says by when', async () => {
    await using broker = await startRealBroker(upstreams())
    const [ended, living] = [
      await leaseOf(broker, { access: [BUCKET_ACCESS] }),
      await leaseOf(broker, { access: [BUCKET_ACCESS], task: 'run-2' }),
    ]
    const [one, other] = [ended, living].map((lease) => credentialOf(lease, 'orders-bucket'))
    expect([one.revocation, one.effective_after]).to.deep.equal(['propagating', null])
    await revoke(broker, ended)
    await until('IAM has it', async () => (await stateOf(broker, ended, 'orders-bucket')).effective_after !== null)
    const said = await stateOf(broker, ended, 'orders-bucket')
    expect(said).to.include({ state: 'revoking', revocation: 'propagating', stuck: false, last_error: null })
    expect(Date.parse(said.effective_after) - broker.clock.now()).to.be.within(20_000, 30_000)
    expect(await works(upstreams(), one)).to.be.false
    expect(await works(upstreams(), other)).to.be.true
    const policy = (await upstreams().account.rolePolicy(DENY_POLICY)) ?? ''
    expect(policy).to.include(`*:${one.id}`).and.not.include(other.id)

    broker.clock.advance(29_000)
    await broker.app.sweep()
    broker.clock.advance(2_000)
    await broker.app.sweep()
    const confirmed = await stateOf(broker, ended, 'orders-bucket')
    expect(confirmed).to.include({ state: 'closed', outcome: 'revoked' })
    expect(confirmed.confirmed_at).to.be.a('string')
    expect(await works(upstreams(), other)).to.be.true
  })

  it('of AWS, where the grant allows no early end, say so and are not called revoked', async () => {
    await using broker = await startRealBroker(upstreams())
    const lease = await leaseOf(broker, { access: [{ ...BUCKET_ACCESS, grant: 'orders-archive' }], ttl: 120 })
    const session = credentialOf(lease, 'orders-archive')
    expect(session.revocation).to.equal('at_expiry')
    await complete(broker, lease)
    expect(await works(upstreams(), session), 'until its deadline').to.be.true
    await until('it was asked', async () => (await stateOf(broker, lease, 'orders-archive')).attempts > 0)
    expect(await stateOf(broker, lease, 'orders-archive')).to.include({ state: 'revoking', outcome: null })
    const writes = broker.toAws.exchanges.filter(({ request }) => request.body.includes('PutRolePolicy'))
    expect(writes).to.deep.equal([])
    broker.clock.advance(1_020_000)
    await broker.app.sweep()
    expect(await stateOf(broker, lease, 'orders-archive')).to.include({ state: 'closed', outcome: 'expired' })
  })
})
