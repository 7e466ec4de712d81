import { expect } from 'chai'

import { createClient } from '../../src/client/create-client.ts'
import type { LeaseRequest } from '../../src/client/resources.ts'
import { ORDINARY, startTestBroker, type TestBroker } from '../support/broker.ts'
import { allOf } from './support/all-of.ts'

const REQUEST = ORDINARY as LeaseRequest

describe('the client', () => {
  let broker: TestBroker
  before(async () => {
    broker = await startTestBroker({
      configure: (settings) => ({ ...settings, limits: { lease_requests_per_minute: 1000 } }),
    })
  })
  after(() => broker[Symbol.asyncDispose]())

  const agent = () => createClient({ url: broker.url, token: () => broker.identity() })
  const operator = () => createClient({ url: broker.url, token: broker.operator('operator') })

  it('takes a lease from its request to its end', async () => {
    const lease = await agent().leases.request(REQUEST)
    expect(lease.state).to.equal('active')
    const own = agent().withToken(lease.token!)
    expect(await own.whoami()).to.deep.equal({ type: 'lease', id: lease.id, agent: 'support-bot' })
    const shown = await own.leases.get(lease.id)
    expect(shown).not.to.have.property('token')
    expect(shown.credentials[0]).not.to.have.property('value')
    const { state, outcome } = await own.leases.complete(lease.id, { outcome: 'success' }, { waitSeconds: 1 })
    expect({ state, outcome }).to.deep.equal({ state: 'closed', outcome: 'completed' })
  })

  it('gives the same lease for the same Idempotency-Key, without its secrets', async () => {
    const first = await agent().leases.request(REQUEST, { idempotencyKey: 'once' })
    const second = await agent().leases.request(REQUEST, { idempotencyKey: 'once' })
    expect(second.id).to.equal(first.id)
    expect(second.replayed).to.equal(true)
    expect(second).not.to.have.property('token')
  })

  it('revokes as an operator', async () => {
    const { id } = await agent().leases.request({ ...REQUEST, task: 'run-revoked' })
    const revoked = await operator().leases.revoke(id, 'It went wrong')
    expect([revoked.outcome, revoked.reason]).to.deep.equal(['revoked', 'It went wrong'])
  })

  it('follows a list over its pages, each thing once', async () => {
    const task = 'run-pages'
    const made: string[] = []
    for (let n = 0; n < 5; n += 1) made.unshift((await agent().leases.request({ ...REQUEST, task })).id)
    const { items, next_cursor } = await operator().leases.list({ task, limit: 2 })
    expect(items.map(({ id }) => id)).to.deep.equal(made.slice(0, 2))
    expect(next_cursor).to.be.a('string')
    const followed = await allOf(operator().leases.follow({ task, limit: 2 }))
    expect(followed.map(({ id }) => id)).to.deep.equal(made)
    const agents = await allOf(operator().agents.follow({ limit: 1 }))
    expect(agents.map(({ id }) => id)).to.deep.equal(['other-bot', 'support-bot'])
  })

  it('reads one agent', async () => {
    const { id, owner } = await operator().agents.get('support-bot')
    expect([id, owner]).to.deep.equal(['support-bot', 'dana@example.com'])
  })

  it('lists and answers approvals', async () => {
    const ask = { ...REQUEST, task: 'run-ask', intent: { ...REQUEST.intent, purpose: 'ask' } }
    const approver = operator().withToken(broker.operator('approver'))
    const yes = await agent().leases.request(ask)
    const [open] = await allOf(approver.approvals.follow({ state: 'pending', task: 'run-ask' }))
    expect(open!.lease).to.equal(yes.id)
    const approved = await approver.approvals.approve(open!.id, { digest: open!.digest, narrow: { ttl: 60 } })
    expect([approved.state, approved.approved_by]).to.deep.equal(['approved', ['amy@example.com']])

    const no = await agent().leases.request(ask)
    const denied = await approver.approvals.deny(no.approval!.id, { digest: no.approval!.digest, reason: 'Not today' })
    expect([denied.state, denied.reason]).to.deep.equal(['denied', 'Not today'])

    const back = await agent().leases.request(ask)
    const cancelled = await agent().withToken(back.token!).approvals.cancel(back.approval!.id)
    expect(cancelled.state).to.equal('cancelled')
    expect((await approver.approvals.get(back.approval!.id, { waitSeconds: 1 })).state).to.equal('cancelled')
  })

  it('introspects an access token, as a PEP', async () => {
    const lease = await agent().leases.request(REQUEST)
    const pep = createClient({ url: broker.url, token: broker.pep })
    const accessToken = String(lease.credentials[0]!.value!['access_token'])
    expect(await pep.introspect(accessToken)).to.include({ active: true, lease: lease.id })
    await agent().withToken(lease.token!).leases.complete(lease.id, { outcome: 'failure' })
    expect(await pep.introspect(accessToken)).to.deep.equal({ active: false })
  })

  it('reads the audit streams page by page, their checkpoint and its keys', async () => {
    const { audit } = operator()
    const records = await allOf(audit.follow('operations'))
    expect(records.map(({ seq }) => seq)).to.deep.equal(records.map((_, at) => at + 1))
    expect(await audit.read('operations', { after: 1, limit: 1 })).to.deep.equal([records[1]])
    const [, payload = ''] = (await audit.checkpoint()).split('.')
    expect(JSON.parse(Buffer.from(payload, 'base64url').toString())).to.have.property('streams')
    expect((await audit.keys()).keys).not.to.deep.equal([])
  })

  it('follows an audit stream over more than one page', async () => {
    const { audit } = operator()
    const before = (await allOf(audit.follow('approved'))).length
    await Promise.all(Array.from({ length: 110 }, (_, n) => agent().leases.request({ ...REQUEST, task: `run-${n}` })))
    const records = await allOf(audit.follow('approved'))
    expect(records.length - before).to.equal(220)
    expect(records.every(({ seq }, at) => seq === at + 1)).to.equal(true)
  })

  it('asks for health without a token', async () => {
    const { health } = createClient({ url: broker.url })
    expect(await health.live()).to.deep.equal({ alive: true })
    expect(await health.ready()).to.deep.equal({ ready: true, reasons: [] })
  })

  it('keeps a path in front of the API', async () => {
    const asked: string[] = []
    const client = createClient({
      url: 'https://broker.test/mayfly/',
      fetch: (url) => {
        asked.push(url)
        return Promise.resolve(Response.json({ ready: false, reasons: ['Starting'] }, { status: 503 }))
      },
    })
    expect(await client.health.ready()).to.deep.equal({ ready: false, reasons: ['Starting'] })
    expect(asked).to.deep.equal(['https://broker.test/mayfly/readyz'])
  })
})
