import { expect } from 'chai'
import type { Session } from '../support/backends/postgres.ts'
import { until } from '../support/until.ts'
import { usersOf } from '../providers/vault/support/vault-world.ts'
import { agentAws, awsAhead, type AgentAws } from './support/agent-aws.ts'
import {
  complete,
  credentialOf,
  leaseOf,
  revoke,
  startRealBroker,
  stateOf,
  type RealBroker,
} from './support/real-broker.ts'
import { GRANTS, upstreamsOfSuite } from './support/real-upstreams.ts'
import { workingOf } from './support/what-works.ts'

/** What the answer to a revocation of an AWS session gives IAM to spread it. */
const SPREAD_MS = 31_000

describe('a lease with a database user, a child token and an AWS session', function () {
  this.timeout(60_000)
  const upstreams = upstreamsOfSuite()

  /** A lease in use: an open session of the database, and the real command line. */
  async function inUse(context: Mocha.Context, broker: RealBroker, over: object = {}) {
    const lease = await leaseOf(broker, over)
    const { username: user, password } = credentialOf(lease, 'orders-db').value.data
    const session: Session = await upstreams().vault.postgres.login({ user, password })
    const aws: AgentAws = await agentAws(context, upstreams().ministack, credentialOf(lease, 'orders-bucket').value)
    return { lease, session, aws }
  }
  const readObject = (aws: AgentAws, key: string): Promise<string> => aws.run('s3', 'cp', `s3://orders/${key}`, '-')

  /** Nothing of it works any more, for anybody, and what was open is cut. */
  async function expectGone(lease: Awaited<ReturnType<typeof leaseOf>>, session: Session): Promise<void> {
    expect(await workingOf(upstreams(), lease)).to.deep.equal([])
    expect(await usersOf(upstreams().vault, credentialOf(lease, 'orders-db').id)).to.deep.equal([])
    await until('the open session is cut', session.cut)
  }

  it('works for what was asked and for nothing else, and is gone when the agent completes', async function () {
    await using broker = await startRealBroker(upstreams())
    const { lease, session, aws } = await inUse(this, broker)
    await using _ = aws
    await using __ = session
    expect((await session.query('SELECT id FROM orders')).rows).to.have.length(2)
    expect(await usersOf(upstreams().vault, credentialOf(lease, 'orders-db').id)).to.have.length(1)
    expect(await workingOf(upstreams(), lease)).to.have.members(GRANTS)
    const { token } = credentialOf(lease, 'orders-reader').value
    expect((await upstreams().vault.bao.call('GET', 'secret/data/salaries', { token })).status).to.equal(403)
    const [own, other] = await Promise.all([readObject(aws, '1234/note.txt'), readObject(aws, '9999/note.txt')])
    expect(own).to.equal('order 1234')
    expect(other).to.match(/Forbidden|AccessDenied/)

    const { status, body } = await complete(broker, lease)
    expect([status, body.state]).to.deep.equal([200, 'closing'])
    await until('nothing works', async () => (await workingOf(upstreams(), lease)).length === 0)
    await expectGone(lease, session)
    expect(await readObject(aws, '1234/note.txt')).to.match(/Forbidden|AccessDenied/)
    await until('it is on record', async () => (await stateOf(broker, lease, 'orders-bucket')).effective_after !== null)
    expect(await stateOf(broker, lease, 'orders-db')).to.include({ state: 'closed', outcome: 'revoked' })
    expect(await stateOf(broker, lease, 'orders-reader')).to.include({ state: 'closed', outcome: 'revoked' })
    const propagating = await stateOf(broker, lease, 'orders-bucket')
    expect(propagating).to.include({ state: 'revoking', revocation: 'propagating' })
    expect(Date.parse(propagating.effective_after) - broker.clock.now()).to.be.within(20_000, SPREAD_MS)

    broker.clock.advance(SPREAD_MS)
    await broker.app.sweep()
    expect(await stateOf(broker, lease, 'orders-bucket')).to.include({ state: 'closed', outcome: 'revoked' })
    const { body: ended } = await broker.call('GET', `/v1/leases/${lease.id}`, { token: lease.token })
    expect(ended).to.include({ state: 'closed', outcome: 'completed' })
  })

  it('is gone when an operator revokes it, and the agent hears nothing but no', async function () {
    await using broker = await startRealBroker(upstreams())
    const { lease, session, aws } = await inUse(this, broker)
    await using _ = aws
    await using __ = session
    expect((await revoke(broker, lease)).status).to.equal(200)
    await until('nothing works', async () => (await workingOf(upstreams(), lease)).length === 0)
    await expectGone(lease, session)
    expect(await readObject(aws, '1234/note.txt')).to.match(/Forbidden|AccessDenied/)
    const again = await broker.call('POST', `/v1/leases/${lease.id}/credentials`, {
      token: lease.token,
      body: { grant: 'orders-db' },
    })
    expect(again.status).to.equal(409)
  })

  it('is gone when its time is over, though OpenBao and AWS would have given it more', async function () {
    await using broker = await startRealBroker(upstreams())
    const { lease, session, aws } = await inUse(this, broker, { ttl: 60 })
    await using _ = aws
    await using __ = session
    broker.clock.advance(61_000)
    await broker.app.sweep()
    // Past its own deadline by the broker's clock nothing is written for a session: AWS's clock ends it.
    const left = async (): Promise<string> => (await workingOf(upstreams(), lease)).join()
    await until('only AWS is left', async () => (await left()) === 'orders-bucket')
    {
      await using _ = await awsAhead(this, upstreams().ministack, 61_000)
      await expectGone(lease, session)
      expect(await readObject(aws, '1234/note.txt')).to.match(/Forbidden|AccessDenied/)
    }
    for (const grant of ['orders-db', 'orders-reader'])
      expect(await stateOf(broker, lease, grant)).to.include({ state: 'closed', outcome: 'revoked' })
  })

  it('ends by itself where the broker is gone for good', async function () {
    const broker = await startRealBroker(upstreams())
    const { lease, session, aws } = await inUse(this, broker, { ttl: 6 })
    await using _ = aws
    await using __ = session
    await broker[Symbol.asyncDispose]()
    expect(await workingOf(upstreams(), lease), 'a control: the broker takes nothing along').to.have.members(GRANTS)
    await until('nothing works any more', async () => (await workingOf(upstreams(), lease)).length === 0)
    await expectGone(lease, session)
  })
})
