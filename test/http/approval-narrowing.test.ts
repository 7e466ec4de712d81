import { expect } from 'chai'
import { approve, askFor, readApproval, readLease } from '../support/approvals.ts'
import { startTestBroker } from '../support/broker.ts'

const BOTH = ['refund:create', 'refund:read']
const refunds = (...actions: readonly string[]) => ({ grant: 'refunds-api', actions })
const tool = (name: string, over: object = {}) => ({ tool: name, ...over })

/** A request with something of everything to cut from. */
const WIDE = {
  access: [refunds(...BOTH), { grant: 'orders-api', actions: ['order:read'], resources: ['orders/*'] }],
  tools: [tool('orders.get'), tool('refunds.create', { arguments: { amount: { max: 50 } }, max_calls: 3 })],
  ttl: 300,
}

describe('an approval that narrows', () => {
  it('grants what was agreed to, and leaves alone what it does not name', async () => {
    await using broker = await startTestBroker()
    const asked = await askFor(broker, WIDE)
    const narrow = { access: [refunds('refund:read')], ttl: 60 }
    const before = broker.clock.now()
    expect((await approve(broker, asked, 'approver', { narrow })).status).to.equal(200)
    const { body: lease } = await readLease(broker, asked)
    expect(lease.access).to.deep.equal([{ grant: 'refunds-api', actions: ['refund:read'], resources: [] }])
    expect(lease.tools.map((entry: { tool: string }) => entry.tool)).to.deep.equal(['orders.get', 'refunds.create'])
    expect(Date.parse(lease.expires_at)).to.be.within(before + 60_000, broker.clock.now() + 60_000)

    const path = `/v1/leases/${asked.lease}/credentials`
    const fetched = await broker.call('POST', path, { token: asked.token, body: { grant: 'refunds-api' } })
    const [, payload = ''] = fetched.body.value.access_token.split('.')
    expect(JSON.parse(Buffer.from(payload, 'base64url').toString()).scope).to.equal('refund:read')
    const cut = await broker.call('POST', path, { token: asked.token, body: { grant: 'orders-api' } })
    expect(cut.body).to.include({ status: 403, type: 'urn:mayfly:problem:not-granted' })
    expect((await readApproval(broker, asked)).body.subject.ttl, 'what was asked stays on record').to.equal(300)
  })

  it('narrows resources and tools too', async () => {
    await using broker = await startTestBroker()
    const asked = await askFor(broker, WIDE)
    const narrow = {
      access: [{ grant: 'orders-api', resources: ['orders/1234'] }],
      tools: [tool('refunds.create', { arguments: { amount: { max: 50, min: 1 } }, max_calls: 1 })],
    }
    expect((await approve(broker, asked, 'approver', { narrow })).status).to.equal(200)
    const { body: lease } = await readLease(broker, asked)
    expect(lease.access).to.deep.equal([{ grant: 'orders-api', actions: ['order:read'], resources: ['orders/1234'] }])
    expect(lease.tools).to.deep.equal([
      { tool: 'refunds.create', arguments: { amount: { max: 50, min: 1 } }, max_calls: 1, only: false },
    ])
  })

  const outside: Readonly<Record<string, readonly [object, string]>> = {
    'a grant that was not asked': [{ access: [{ grant: 'other-api' }] }, '/narrow/access/0'],
    'an action that was not asked': [{ access: [refunds('refund:delete')] }, '/narrow/access/0'],
    'a resource that was not asked': [
      { access: [{ grant: 'orders-api', resources: ['invoices/1'] }] },
      '/narrow/access/0',
    ],
    'a tool that was not asked': [{ tools: [tool('email.send')] }, '/narrow/tools/0'],
    'a tool without a bound that was asked': [
      { tools: [tool('orders.get'), tool('refunds.create', { max_calls: 3 })] },
      '/narrow/tools/1',
    ],
    'a tool with more calls': [
      { tools: [tool('refunds.create', { arguments: { amount: { max: 50 } }, max_calls: 4 })] },
      '/narrow/tools/0',
    ],
    'a longer time': [{ ttl: 301 }, '/narrow/ttl'],
    'nothing at all': [{ access: [], tools: [] }, '/narrow'],
  }
  for (const [what, [narrow, path]] of Object.entries(outside)) {
    it(`is refused where it names ${what}, and nothing is answered`, async () => {
      await using broker = await startTestBroker()
      const asked = await askFor(broker, WIDE)
      const { status, body } = await approve(broker, asked, 'approver', { narrow })
      expect(status).to.equal(400)
      expect(body.errors.map((error: { path: string }) => error.path)).to.deep.equal([path])
      expect((await readApproval(broker, asked)).body).to.deep.include({ state: 'pending', approved_by: [] })
      expect((await approve(broker, asked)).status, 'the same operator may still answer').to.equal(200)
    })
  }

  it('of two people grants what both allow, whoever is first', async () => {
    const wider = { access: [refunds(...BOTH)], tools: [tool('orders.get'), WIDE.tools[1]], ttl: 200 }
    const narrower = { access: [refunds('refund:read')], tools: [tool('orders.get')], ttl: 100 }
    for (const [first, second] of [
      [wider, narrower],
      [narrower, wider],
      [narrower, undefined],
    ]) {
      await using broker = await startTestBroker()
      const asked = await askFor(broker, WIDE, 'ask-two')
      await approve(broker, asked, 'approver', { narrow: first })
      expect((await approve(broker, asked, 'admin', { narrow: second })).body.state).to.equal('approved')
      const { body: lease } = await readLease(broker, asked)
      expect(lease.state).to.equal('active')
      expect(lease.access).to.deep.equal([{ grant: 'refunds-api', actions: ['refund:read'], resources: [] }])
      expect(lease.tools.map((entry: { tool: string }) => entry.tool)).to.deep.equal(['orders.get'])
      expect(Date.parse(lease.expires_at)).to.be.at.most(broker.clock.now() + 100_000)
    }
  })

  it('of two people who agree on nothing is a no', async () => {
    await using broker = await startTestBroker()
    const asked = await askFor(broker, { access: [refunds(...BOTH)] }, 'ask-two')
    await approve(broker, asked, 'approver', { narrow: { access: [refunds('refund:read')] } })
    await approve(broker, asked, 'admin', { narrow: { access: [refunds('refund:create')] } })
    expect((await readLease(broker, asked)).body).to.include({ state: 'closed', outcome: 'denied' })
  })
})
