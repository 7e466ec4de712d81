import { expect } from 'chai'

import { ORDINARY, startTestBroker, type TestBroker } from '../support/broker.ts'

const RULES = `
version: 1
rules:
  - { id: sends-ask, on: action, tools: [email.send], when: '"private_data" in history.labels', effect: ask, reason: Private data is in this task }
  - { id: no-big, on: action, tools: [refunds.create], when: 'has(arguments.note) && arguments.note == "x"', effect: deny, reason: No such note }
tiers:
  low: { below: 30, effect: allow, max_ttl: 900 }
  critical: { effect: deny }
`

const TOOLS = [
  { tool: 'orders.get', arguments: { order_id: { equals: '1234' } } },
  { tool: 'refunds.create', arguments: { order_id: { equals: '1234' }, amount: { max: 50 } }, max_calls: 1 },
  { tool: 'email.send' },
]

const labelled = (settings: Record<string, unknown>) => ({
  ...settings,
  tools: [
    { name: 'orders.get', labels: ['private_data'] },
    { name: 'refunds.create', labels: ['financial'] },
    { name: 'email.send', labels: ['external_send'] },
  ],
})

async function leaseWithTools(broker: TestBroker) {
  const { status, body } = await broker.request({ ...ORDINARY, tools: TOOLS })
  expect(status).to.equal(201)
  return body
}

const call = (lease: string, tool: string, args: object, context: object = {}) => ({
  subject: { type: 'lease', id: lease },
  action: { name: 'tools/call', properties: { arguments: args } },
  resource: { type: 'tool', id: tool },
  context,
})

describe('the decision point', () => {
  let broker: TestBroker
  // One for each: the labels of a lease go on with the next ones of its agent.
  beforeEach(async () => (broker = await startTestBroker({ rules: RULES, configure: labelled })))
  afterEach(() => broker[Symbol.asyncDispose]())
  const ask = async (token: string, body: object) =>
    (await broker.call('POST', '/access/v1/evaluation', { token, body })).body

  it('allows a call inside the lease, once for each call id', async () => {
    const lease = await leaseWithTools(broker)
    const question = call(lease.id, 'orders.get', { order_id: '1234' }, { call_id: 'c1' })
    const first = await ask(lease.token, question)
    expect(first.decision, JSON.stringify(first)).to.equal(true)
    expect(first.context.reason).to.equal('allowed')
    const second = await ask(lease.token, question)
    expect([second.decision, second.context.reason]).to.deep.equal([false, 'duplicate_call'])
    const other = await ask(
      lease.token,
      call(lease.id, 'refunds.create', { order_id: '1234', amount: 1 }, { call_id: 'c1' }),
    )
    expect(other.context.reason).to.equal('call_id_reused')
  })

  it('refuses what is outside, and says which bound', async () => {
    const lease = await leaseWithTools(broker)
    const reasons = async (...question: Parameters<typeof call>) => (await ask(lease.token, call(...question))).context
    expect((await reasons(lease.id, 'bank.pay', {})).reason).to.equal('not_in_lease')
    const over = await reasons(lease.id, 'refunds.create', { order_id: '1234', amount: 51 })
    expect(over.reason).to.equal('argument_out_of_bounds')
    expect(over.message).to.match(/amount.*50.*max/)
    expect((await reasons(lease.id, 'refunds.create', { order_id: '1234', amount: 5, note: 'x' })).rule).to.equal(
      'no-big',
    )
  })

  it('counts max_calls, and shows what was used', async () => {
    const lease = await leaseWithTools(broker)
    const refund = call(lease.id, 'refunds.create', { order_id: '1234', amount: 5 })
    expect((await ask(lease.token, refund)).decision).to.equal(true)
    expect((await ask(lease.token, refund)).context.reason).to.equal('budget_exhausted')
    const { body } = await broker.call('GET', `/v1/leases/${lease.id}`, { token: lease.token })
    expect(body.used).to.deep.equal({
      actions_allowed: 1,
      actions_denied: 1,
      actions_asked: 0,
      by_tool: { 'refunds.create': 1 },
    })
  })

  it('asks a person once private data is in the task, and goes on when one has said yes', async () => {
    const lease = await leaseWithTools(broker)
    const send = call(lease.id, 'email.send', { to: 'a@b.example' }, { call_id: 's1' })
    expect((await ask(lease.token, send)).decision, 'nothing private yet').to.equal(true)
    await ask(lease.token, call(lease.id, 'orders.get', { order_id: '1234' }))
    const again = { ...send, context: { call_id: 's2' } }
    const asked = await ask(lease.token, again)
    expect(asked.context).to.include({ reason: 'approval_required', next_action: 'wait' })
    expect((await ask(lease.token, again)).context.reason).to.equal('approval_pending')
    const { id, digest } = asked.context.approval
    const yes = await broker.call('POST', `/v1/approvals/${id}/approve`, {
      token: broker.operator('approver'),
      body: { digest },
    })
    expect(yes.status, JSON.stringify(yes.body)).to.equal(200)
    expect((await ask(lease.token, again)).decision).to.equal(true)
    const third = await ask(lease.token, { ...send, context: { call_id: 's3' } })
    expect(third.context.reason, 'one yes is one use').to.equal('approval_required')
  })

  it('freezes a lease that is refused ten times in a row', async () => {
    const lease = await leaseWithTools(broker)
    for (let n = 0; n < 10; n += 1) await ask(lease.token, call(lease.id, 'bank.pay', { n }))
    expect((await ask(lease.token, call(lease.id, 'orders.get', { order_id: '1234' }))).context.reason).to.equal(
      'frozen',
    )
  })
})
