import { expect } from 'chai'

import { createClient, type Client } from '../../src/client/create-client.ts'
import { MayflyProblem } from '../../src/client/mayfly-problem.ts'
import type { LeaseRequest } from '../../src/client/resources.ts'
import { ORDINARY } from '../support/broker.ts'
import { later } from '../support/later.ts'
import { startUpstreamBroker, WAREHOUSE, type UpstreamBroker } from '../support/upstream-broker.ts'
import { allOf } from './support/all-of.ts'
import { rejectionOf } from './support/rejection.ts'

const REQUEST = ORDINARY as LeaseRequest

describe('the client, with the ledger', () => {
  let broker: UpstreamBroker
  beforeEach(async () => {
    broker = await startUpstreamBroker()
  })
  afterEach(() => broker[Symbol.asyncDispose]())

  const agent = (): Client => createClient({ url: broker.url, token: () => broker.identity() })
  const operator = (): Client => createClient({ url: broker.url, token: broker.operator('operator') })

  it('keeps a lease alive: renews it, says that its agent lives, and fetches the next credential', async () => {
    const lease = await agent().leases.request({ ...REQUEST, heartbeat: 60 })
    const own = agent().withToken(lease.token!).leases
    await later(broker, 100)
    expect((await own.heartbeat(lease.id)).state).to.equal('active')
    await later(broker, 100)
    const renewed = await own.renew(lease.id, 600, { idempotencyKey: 'more' })
    expect(Date.parse(renewed.expires_at)).to.be.greaterThan(Date.parse(lease.expires_at))
    await later(broker, 50)
    expect((await own.renew(lease.id, 600, { idempotencyKey: 'more' })).expires_at).to.equal(renewed.expires_at)
    const key = { idempotencyKey: 'next' }
    const fetched = await own.fetchCredential(lease.id, 'refunds-api', key)
    expect(fetched.value).to.have.property('access_token')
    expect(await own.fetchCredential(lease.id, 'refunds-api', key)).to.not.have.property('value')
  })

  it('gets a lease again whose answer was lost', async () => {
    const key = { idempotencyKey: 'first' }
    const lost = await agent().leases.request(REQUEST, key)
    const again = await agent().leases.request(REQUEST, { ...key, reissue: true })
    expect(again.id).to.equal(lost.id)
    expect(again.token).to.be.a('string').and.not.equal(lost.token)
  })

  it('gives no key of a request on to what it fetches after an approval', async () => {
    const access = [{ grant: 'refunds-api', actions: ['refund:create'] }, { grant: 'orders-api' }]
    const ask = { ...REQUEST, access, intent: { ...REQUEST.intent, purpose: 'ask' } }
    const obtained = await agent().obtainLease(ask, {
      idempotencyKey: 'first',
      onPending: ({ id, digest }) =>
        void operator().withToken(broker.operator('approver')).approvals.approve(id, { digest }),
    })
    expect(obtained.credentials.map(({ grant }) => grant)).to.deep.equal(['refunds-api', 'orders-api'])
  })

  it('freezes, lists what is frozen, and lifts it', async () => {
    const { stops } = operator()
    const frozen = await stops.freeze({ agent: 'support-bot' }, 'Odd')
    await stops.freeze({ all: true }, 'Odd')
    const { items } = await stops.freezes({ limit: 1 })
    expect(items.map(({ scope }) => scope)).to.deep.equal([{ all: true }])
    expect((await allOf(stops.followFreezes())).map(({ id }) => id)).to.include(frozen.id)
    expect((await stops.unfreeze(frozen.id, 'Fine')).id).to.equal(frozen.id)
  })

  it('revokes and restores agents, owners and tasks', async () => {
    const { stops } = operator()
    await agent().leases.request(REQUEST)
    for (const scope of [{ task: 'run-1' }, { agent: 'support-bot' }, { owner: 'dana@example.com' }]) {
      expect((await stops.revoke(scope, 'Wrong')).already, JSON.stringify(scope)).to.equal(false)
      expect((await stops.revoke(scope, 'Wrong')).already, JSON.stringify(scope)).to.equal(true)
      expect(await stops.restore(scope, 'Fine')).to.deep.equal({ already: false })
    }
  })

  it('says whose tasks there are where a name is not enough, and takes one', async () => {
    await agent().leases.request(REQUEST)
    await broker.request({}, { agent: 'other-bot' })
    const problem = await rejectionOf(operator().stops.revoke({ task: 'run-1' }, 'Wrong'))
    expect(problem).to.be.instanceOf(MayflyProblem)
    expect((problem as MayflyProblem).agents).to.have.members(['support-bot', 'other-bot'])
    const revoked = await operator().stops.revoke({ task: 'run-1', agent: 'other-bot' }, 'Wrong')
    expect(revoked).to.deep.equal({ leases: 1, credentials: 1, already: false })
  })

  it('refuses a name that would be a way out of its path, without asking anybody', async () => {
    for (const scope of [{ agent: '..' }, { owner: '' }, { task: '.' }])
      expect(await rejectionOf(operator().stops.revoke(scope, 'Wrong'))).to.include({ slug: 'not-found' })
  })

  it('lists what is stuck, tries it again, and asks to give up on it', async () => {
    const lease = await agent().leases.request({ ...REQUEST, access: [WAREHOUSE] })
    broker.upstream.script({ revoke: 'permanent' })
    await operator().leases.revoke(lease.id, 'Wrong')
    await broker.app.sweep()
    const { credentials } = operator()
    const [stuck] = await allOf(credentials.follow({ stuck: 'true' }))
    expect(stuck).to.include({ lease: lease.id, state: 'revoking', stuck: true })
    const admin = operator().withToken(broker.operator('admin'))
    const approval = await admin.credentials.abandon(stuck!.id, 'It is gone')
    expect(approval).to.include({ kind: 'abandon', state: 'pending' })
    expect(await credentials.retry(stuck!.id)).to.include({ id: stuck!.id, stuck: false })
    expect(await admin.acceptClock()).to.have.all.keys('time')
  })
})
