import { expect } from 'chai'

import { ORDINARY, startTestBroker, type TestBroker } from '../support/broker.ts'

const RULES = `
version: 1
rules:
  - { id: refunds-ask, on: action, tools: [refunds.create], when: 'arguments.amount > 40', effect: ask, reason: That is much }
tiers:
  low: { effect: allow, max_ttl: 900 }
`
const TOOLS = [{ tool: 'orders.get' }, { tool: 'refunds.create', arguments: { amount: { max: 50 } } }]

const call = (subject: object, tool: string, args: object = {}, context: object = {}) => ({
  subject,
  action: { name: 'tools/call', properties: { arguments: args } },
  resource: { type: 'tool', id: tool },
  context,
})

describe('an enforcement point', () => {
  let broker: TestBroker
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the answer is what is being tested
  let lease: any
  before(async () => (broker = await startTestBroker({ rules: RULES })))
  after(() => broker[Symbol.asyncDispose]())
  beforeEach(async () => (lease = (await broker.request({ ...ORDINARY, tools: TOOLS })).body))
  const shown = (): object => ({ type: 'token', id: lease.credentials[0].value.access_token as string })
  const ask = async (token: string, body: object, headers = {}) =>
    (await broker.call('POST', '/access/v1/evaluation', { token, body, headers })).body
  const reasonOf = async (token: string, body: object) => (await ask(token, body)).context.reason

  it('names the lease by the token that it was shown, and never by an id', async () => {
    const refund = (subject: object) => call(subject, 'refunds.create', { amount: 5 })
    expect(await reasonOf(broker.pep, refund(shown()))).to.equal('allowed')
    expect(await reasonOf(broker.pep, refund({ type: 'lease', id: lease.id }))).to.equal('lease_not_active')
    expect(await reasonOf(broker.pep, refund({ type: 'token', id: lease.token }))).to.equal('lease_not_active')
    const orders = await broker.request({ tools: TOOLS, access: [{ grant: 'orders-api', actions: ['order:read'] }] })
    const elsewhere = { type: 'token', id: orders.body.credentials[0].value.access_token as string }
    expect(await reasonOf(broker.pep, refund(elsewhere)), 'for another audience').to.equal('lease_not_active')
  })

  it('speaks for its own tools alone', async () => {
    expect(await reasonOf(broker.pep, call(shown(), 'orders.get'))).to.equal('not_your_tool')
  })

  it('is told yes once, and so is the agent, and both together are one call', async () => {
    const question = { amount: 5 }
    const context = { call_id: 'c1' }
    const own = { type: 'lease', id: lease.id }
    expect(await reasonOf(lease.token, call(own, 'refunds.create', question, context))).to.equal('allowed')
    expect(await reasonOf(broker.pep, call(shown(), 'refunds.create', question, context))).to.equal('allowed')
    expect(await reasonOf(broker.pep, call(shown(), 'refunds.create', question, context))).to.equal('duplicate_call')
    const { body } = await broker.call('GET', `/v1/leases/${lease.id}`, { token: lease.token })
    expect(body.used.by_tool).to.deep.equal({ 'refunds.create': 1 })
  })

  it('is told no from the moment the lease ends', async () => {
    const question = call(shown(), 'refunds.create', { amount: 5 })
    const body = { outcome: 'success' }
    await broker.call('POST', `/v1/leases/${lease.id}/complete`, { token: lease.token, body })
    expect(await reasonOf(broker.pep, question)).to.equal('lease_not_active')
  })

  it('gets the same answer to the same question, and 422 for another under its key', async () => {
    const key = { 'idempotency-key': `k-${lease.id}` }
    const question = call(shown(), 'refunds.create', { amount: 5 }, { call_id: 'c1' })
    const first = await ask(broker.pep, question, key)
    expect(await ask(broker.pep, question, key)).to.deep.equal(first)
    const other = call(shown(), 'refunds.create', { amount: 6 }, { call_id: 'c1' })
    const answered = await broker.call('POST', '/access/v1/evaluation', {
      token: broker.pep,
      body: other,
      headers: key,
    })
    expect([answered.status, answered.body.type]).to.deep.equal([422, 'urn:mayfly:problem:idempotency-mismatch'])
  })

  it('may look without counting', async () => {
    const look = call(shown(), 'refunds.create', { amount: 45 }, { preflight: true })
    const answered = await ask(broker.pep, look)
    expect(answered.context).to.include({ reason: 'approval_required', approval: null })
    expect(answered.context.obligations).to.deep.equal([{ type: 'preflight' }])
    const { body } = await broker.call('GET', `/v1/leases/${lease.id}`, { token: lease.token })
    expect(body.used).to.deep.equal({ actions_allowed: 0, actions_denied: 0, actions_asked: 0, by_tool: {} })
  })

  it('asks several things at once, with defaults, in order, and stops where it said', async () => {
    const evaluate = async (body: object) =>
      (await broker.call('POST', '/access/v1/evaluations', { token: broker.pep, body })).body
    const { subject, action, resource } = call(shown(), 'refunds.create', { amount: 5 })
    const items = [{}, { resource: { type: 'tool', id: 'bank.pay' } }, {}]
    const decisions = (body: { readonly evaluations: readonly { readonly decision: boolean }[] }) =>
      body.evaluations.map(({ decision }) => decision)
    const all = { subject, action, resource, evaluations: items }
    expect(decisions(await evaluate(all))).to.deep.equal([true, false, true])
    const options = { evaluations_semantic: 'deny_on_first_deny' }
    expect(decisions(await evaluate({ ...all, options }))).to.deep.equal([true, false])
    expect((await evaluate({ subject, action, resource, evaluations: [] })).decision).to.equal(true)
    expect(decisions(await evaluate({ subject, resource, evaluations: [{}] })), 'no action').to.deep.equal([false])
  })

  it('reports labels that there are, of calls that were allowed', async () => {
    const report = async (body: object) =>
      (await broker.call('POST', `/v1/leases/${lease.id}/results`, { token: broker.pep, body })).status
    expect(await report({ call_id: 'c9', labels: ['private_data'] })).to.equal(404)
    expect(await reasonOf(broker.pep, call(shown(), 'refunds.create', { amount: 5 }, { call_id: 'c9' }))).to.equal(
      'allowed',
    )
    expect(await report({ call_id: 'c9', labels: ['private_data'] })).to.equal(204)
    expect(await report({ call_id: 'c9', labels: ['no-such-label'] })).to.equal(400)
    const invented = call(shown(), 'refunds.create', { amount: 5 }, { labels: ['no-such-label'] })
    const answered = await broker.call('POST', '/access/v1/evaluation', { token: broker.pep, body: invented })
    expect([answered.status, answered.body.errors[0].path]).to.deep.equal([400, '/context/labels/0'])
  })

  it('may be a hook beside the agent, whose token can ask and do nothing else', async () => {
    const made = await broker.call('POST', `/v1/leases/${lease.id}/tokens`, {
      token: lease.token,
      body: { use: 'evaluate' },
    })
    expect(made.status).to.equal(201)
    const { token } = made.body
    expect(await reasonOf(token, call({ type: 'lease', id: lease.id }, 'orders.get'))).to.equal('allowed')
    for (const verb of ['complete', 'renew', 'heartbeat', 'credentials']) {
      const { status } = await broker.call('POST', `/v1/leases/${lease.id}/${verb}`, { token, body: {} })
      expect([401, 403], verb).to.include(status)
    }
    const other = (await broker.request({ ...ORDINARY, tools: TOOLS })).body
    expect(await reasonOf(token, call({ type: 'lease', id: other.id }, 'orders.get'))).to.equal('lease_not_active')
  })

  it('is told where to ask', async () => {
    const { body } = await broker.call('GET', '/.well-known/authzen-configuration')
    expect(body).to.deep.equal({
      policy_decision_point: broker.url,
      access_evaluation_endpoint: `${broker.url}/access/v1/evaluation`,
      access_evaluations_endpoint: `${broker.url}/access/v1/evaluations`,
    })
  })

  it('asks about what nobody can hold and is told so, without an error', async () => {
    const strange = { ...call(shown(), 'refunds.create'), resource: { type: 'moon', id: 'x' } }
    expect(await reasonOf(broker.pep, strange)).to.equal('not_in_lease')
    const proto = call({ type: 'lease', id: lease.id }, '__proto__')
    expect(await reasonOf(lease.token, proto)).to.equal('not_in_lease')
  })

  it('waits for a yes that is for this task, and is then inside what was approved, and as often', async () => {
    const refund = (amount: number) => call(shown(), 'refunds.create', { amount })
    const { context } = await ask(broker.pep, refund(45))
    const body = {
      digest: context.approval.digest,
      scope: 'task',
      uses: 2,
      narrow: { arguments: { amount: { max: 46 } } },
    }
    const answered = await broker.call('POST', `/v1/approvals/${context.approval.id}/approve`, {
      token: broker.operator('approver'),
      body,
    })
    expect(answered.status, JSON.stringify(answered.body)).to.equal(200)
    expect(await reasonOf(broker.pep, refund(47))).to.equal('approval_required')
    expect(await reasonOf(broker.pep, refund(46))).to.equal('allowed')
    expect(await reasonOf(broker.pep, refund(45))).to.equal('allowed')
    expect(await reasonOf(broker.pep, refund(44)), 'both uses are spent').to.equal('approval_required')
  })
})
