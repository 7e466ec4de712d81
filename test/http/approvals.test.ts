import { createHash } from 'node:crypto'
import canonicalize from 'canonicalize'
import { expect } from 'chai'
import { approve, askFor, deny, readApproval, readLease } from '../support/approvals.ts'
import { startTestBroker } from '../support/broker.ts'

const MEMBERS = [
  ...['id', 'kind', 'state', 'lease', 'agent', 'owner', 'task', 'created_at', 'expires_at', 'subject', 'digest'],
  ...['needed', 'approved_by', 'denied_by', 'reason', 'scope', 'ttl', 'uses', 'context'],
]
const MINUTE_MS = 60_000

describe('an approval', () => {
  it('shows exactly what was asked, and its digest is over the canonical form of that', async () => {
    await using broker = await startTestBroker()
    const tools = [{ tool: 'refunds.create', arguments: { amount: { max: 50 } }, max_calls: 1 }]
    const asked = await askFor(broker, { tools })
    const { status, headers, body } = await readApproval(broker, asked)
    expect(status).to.equal(200)
    expect(headers.get('cache-control')).to.equal('no-store')
    expect(body).to.have.all.keys(MEMBERS)
    expect(body.subject).to.deep.equal({
      lease: asked.lease,
      agent: 'support-bot',
      parents: [],
      intent: {
        goal: 'Refund order 1234',
        purpose: 'ask',
        data_classes: [],
        autonomy: 'supervised',
        origin: 'user',
        on_behalf_of: null,
      },
      access: [{ grant: 'refunds-api', actions: ['refund:create'], resources: [] }],
      tools: [{ tool: 'refunds.create', arguments: { amount: { max: 50 } }, max_calls: 1, only: false }],
      ttl: 300,
      rules: [{ id: 'asks', effect: 'ask', reason: 'It was asked to ask' }],
    })
    const hash = createHash('sha256').update(canonicalize(body.subject)!).digest('hex')
    expect(body.digest).to.equal(`sha256:${hash}`)
    expect(body.digest).to.equal(asked.digest)
    expect(body).to.deep.include({
      ...{ id: asked.approval, kind: 'lease', state: 'pending', lease: asked.lease, agent: 'support-bot' },
      ...{ owner: 'dana@example.com', task: 'run-1', needed: 1, approved_by: [], denied_by: null, reason: null },
      ...{ scope: 'once', ttl: null, uses: null },
    })
    expect(Date.parse(body.expires_at) - Date.parse(body.created_at)).to.equal(15 * MINUTE_MS)
  })

  it('is linked from its lease, which hands out nothing meanwhile', async () => {
    await using broker = await startTestBroker()
    const asked = await askFor(broker)
    const { body: approval } = await readApproval(broker, asked)
    const { body: lease } = await readLease(broker, asked)
    expect(lease.approval).to.deep.equal({
      id: asked.approval,
      digest: asked.digest,
      expires_at: approval.expires_at,
      status_url: `/v1/approvals/${asked.approval}`,
      review_url: null,
    })
    expect(lease).to.deep.include({ state: 'pending', credentials: [], expires_at: approval.expires_at })
    const path = `/v1/leases/${asked.lease}/credentials`
    const early = await broker.call('POST', path, { token: asked.token, body: { grant: 'refunds-api' } })
    expect(early.status).to.equal(409)
    expect(early.body.state).to.equal('pending')
  })

  it('is seen by operators and by the lease that waits for it, and by nobody else', async () => {
    await using broker = await startTestBroker()
    const asked = await askFor(broker)
    const { token: other } = await askFor(broker, { task: 'run-2' })
    const seen = async (token: string): Promise<number> =>
      (await broker.call('GET', `/v1/approvals/${asked.approval}`, { token })).status
    expect(await seen(broker.operator('viewer'))).to.equal(200)
    expect(await seen(asked.token)).to.equal(200)
    expect(await seen(other), 'the token of another lease').to.equal(404)
    expect(await seen(broker.identity()), 'an identity').to.equal(403)
    expect(await seen(broker.pep), 'a PEP').to.equal(403)
  })

  it('makes its lease active for the whole ttl from the moment of the yes, and the agent fetches what it needs', async () => {
    await using broker = await startTestBroker()
    const asked = await askFor(broker)
    const path = `/v1/approvals/${asked.approval}?wait=20`
    const waiting = broker.call('GET', path, { token: asked.token })
    broker.clock.advance(5 * MINUTE_MS)
    await broker.app.sweep()
    const before = broker.clock.now()
    const { status, body } = await approve(broker, asked, 'approver', { reason: 'Looks right' })
    expect(status).to.equal(200)
    expect(body).to.have.all.keys(MEMBERS)
    expect(body).to.deep.include({ state: 'approved', approved_by: ['amy@example.com'], reason: 'Looks right' })
    expect((await waiting).body.state, 'who waits hears of it').to.equal('approved')

    const { body: lease } = await readLease(broker, asked)
    expect(lease).to.deep.include({ state: 'active', credentials: [] })
    expect(Date.parse(lease.expires_at)).to.be.within(before + 300_000, broker.clock.now() + 300_000)
    expect(Date.parse(lease.max_expires_at)).to.be.within(before + 28_800_000, broker.clock.now() + 28_800_000)
    const credentials = `/v1/leases/${asked.lease}/credentials`
    const fetched = await broker.call('POST', credentials, { token: asked.token, body: { grant: 'refunds-api' } })
    expect(fetched.status).to.equal(201)
    expect(fetched.body.value.access_token).to.be.a('string')
  })

  it('denied by one operator, with a reason, closes its lease; the owner may say no too', async () => {
    await using broker = await startTestBroker()
    const asked = await askFor(broker)
    expect((await deny(broker, asked, 'owner', { reason: undefined })).status, 'without a reason').to.equal(400)
    expect((await deny(broker, asked, 'viewer')).status).to.equal(403)
    const { status, body } = await deny(broker, asked, 'owner')
    expect(status).to.equal(200)
    expect(body).to.deep.include({ state: 'denied', denied_by: 'dana@example.com', reason: 'Not like this' })
    const { body: lease } = await readLease(broker, asked)
    expect(lease).to.include({ state: 'closed', outcome: 'denied', reason: 'Not like this' })
    expect((await approve(broker, asked)).body).to.include({ status: 409, state: 'denied' })
  })

  it('is taken back by its own lease token, once and for all', async () => {
    await using broker = await startTestBroker()
    const asked = await askFor(broker)
    const { token: other } = await askFor(broker, { task: 'run-2' })
    const cancel = (token: string) => broker.call('POST', `/v1/approvals/${asked.approval}/cancel`, { token })
    expect((await cancel(other)).status).to.equal(404)
    expect((await cancel(broker.operator('admin'))).status).to.equal(403)
    const first = await cancel(asked.token)
    expect(first.status).to.equal(200)
    expect(first.body.state).to.equal('cancelled')
    expect((await readLease(broker, asked)).body).to.include({ state: 'closed', outcome: 'cancelled' })
    expect((await cancel(asked.token)).body, 'again').to.deep.equal(first.body)
    expect((await approve(broker, asked)).status).to.equal(409)
    expect((await deny(broker, asked)).status).to.equal(409)

    const answered = await askFor(broker, { task: 'run-3' })
    await approve(broker, answered)
    const late = await broker.call('POST', `/v1/approvals/${answered.approval}/cancel`, { token: answered.token })
    expect(late.body).to.include({ status: 409, state: 'approved' })
  })

  it('nobody answered in time can no longer be answered, and the sweep closes its lease as expired', async () => {
    await using broker = await startTestBroker()
    const asked = await askFor(broker)
    broker.clock.advance(15 * MINUTE_MS)
    for (const when of ['before the sweep', 'after the sweep']) {
      expect((await approve(broker, asked)).status, when).to.equal(410)
      expect((await deny(broker, asked)).status, when).to.equal(410)
      await broker.app.sweep()
    }
    expect((await readApproval(broker, asked)).body.state).to.equal('expired')
    expect((await readLease(broker, asked)).body).to.include({ state: 'closed', outcome: 'expired' })
  })

  for (const [end, outcome] of [
    ['revoke', 'revoked'],
    ['complete', 'cancelled'],
  ] as const) {
    it(`has nothing left to answer once its lease has ended by ${end}`, async () => {
      await using broker = await startTestBroker()
      const asked = await askFor(broker)
      const token = end === 'revoke' ? broker.operator('operator') : asked.token
      const body = end === 'revoke' ? { reason: 'Enough' } : { outcome: 'success' }
      await broker.call('POST', `/v1/leases/${asked.lease}/${end}`, { token, body })
      expect((await readLease(broker, asked)).body).to.include({ state: 'closed', outcome })
      expect((await readApproval(broker, asked)).body.state).to.equal('cancelled')
      expect((await approve(broker, asked)).body).to.include({ status: 409, state: 'cancelled' })
    })
  }

  it('is listed by state, agent and task, newest first', async () => {
    await using broker = await startTestBroker()
    const first = await askFor(broker, { task: 'run-1' })
    const second = await askFor(broker, { task: 'run-2' })
    await approve(broker, first)
    const listed = async (query: string): Promise<readonly string[]> => {
      const { status, body } = await broker.call('GET', `/v1/approvals${query}`, { token: broker.operator('viewer') })
      expect(status).to.equal(200)
      expect(body).to.have.all.keys('items', 'next_cursor')
      for (const item of body.items) expect(item).to.have.all.keys(MEMBERS)
      return body.items.map(({ id }: { id: string }) => id)
    }
    expect(await listed('')).to.deep.equal([second.approval, first.approval])
    expect(await listed('?state=pending')).to.deep.equal([second.approval])
    expect(await listed('?state=approved&agent=support-bot')).to.deep.equal([first.approval])
    expect(await listed('?task=run-2')).to.deep.equal([second.approval])
    expect(await listed('?agent=other-bot')).to.deep.equal([])
  })
})
