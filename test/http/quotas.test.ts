import { expect } from 'chai'

import { startTestBroker, type Answered, type TestBroker, type TestBrokerOptions } from '../support/broker.ts'
import { expectProblem } from '../support/expect-problem.ts'
import { withPurpose } from '../support/requests.ts'

const withSettings = (over: object): TestBrokerOptions => ({ configure: (settings) => ({ ...settings, ...over }) })
const withLimits = (limits: object): TestBrokerOptions => withSettings({ limits })

function expectQuota(answer: Answered, detail: RegExp): void {
  expect(expectProblem(answer, 'quota-exceeded').detail).to.match(detail)
  expect(answer.headers.get('retry-after')).to.match(/^[1-9]\d*$/)
}

const complete = (broker: TestBroker, { body }: Answered) =>
  broker.call('POST', `/v1/leases/${body.id}/complete`, { token: body.token, body: { outcome: 'success' } })

describe('a quota', () => {
  it('of open leases is an agent’s own, and a lease that ends frees it', async () => {
    await using broker = await startTestBroker(withLimits({ leases_per_agent: 2 }))
    const first = await broker.request()
    expect((await broker.request(withPurpose('ask'))).status).to.equal(202)
    expectQuota(await broker.request(), /support-bot already holds 2 open leases/)
    expectQuota(await broker.request(withPurpose('ask')), /2 open leases/)
    expect((await broker.request({}, { agent: 'other-bot' })).status).to.equal(201)
    await complete(broker, first)
    expect((await broker.request()).status).to.equal(201)
  })

  it('of open leases is freed by the sweep when they expire', async () => {
    await using broker = await startTestBroker(withLimits({ leases_per_agent: 1 }))
    await broker.request({ ttl: 5 })
    expectQuota(await broker.request(), /open leases/)
    broker.clock.advance(5000)
    await broker.app.sweep()
    expect((await broker.request()).status).to.equal(201)
  })

  it('of open leases holds when they are asked for at once', async () => {
    await using broker = await startTestBroker(withLimits({ leases_per_agent: 5 }))
    const answers = await Promise.all(Array.from({ length: 20 }, () => broker.request()))
    expect(answers.filter(({ status }) => status === 201)).to.have.length(5)
    for (const answer of answers.filter(({ status }) => status !== 201)) expectQuota(answer, /open leases/)
  })

  it('of live leases counts those of all agents', async () => {
    await using broker = await startTestBroker(withLimits({ live_leases: 2 }))
    const first = await broker.request()
    expect((await broker.request(withPurpose('ask'), { agent: 'other-bot' })).status).to.equal(202)
    expectQuota(await broker.request(), /This broker already holds 2 open leases/)
    await complete(broker, first)
    expect((await broker.request()).status).to.equal(201)
  })

  it('of pending approvals is an agent’s own, and stops nothing that needs none', async () => {
    await using broker = await startTestBroker(withSettings({ approvals: { pending_per_agent: 1 } }))
    const { body: waiting } = await broker.request(withPurpose('ask'))
    expectQuota(await broker.request(withPurpose('ask')), /already waits for 1 approvals/)
    expect((await broker.request()).status).to.equal(201)
    expect((await broker.request(withPurpose('ask'), { agent: 'other-bot' })).status).to.equal(202)
    const { id, digest } = waiting.approval
    const answer = { token: broker.operator('approver'), body: { digest, reason: 'Not today' } }
    await broker.call('POST', `/v1/approvals/${id}/deny`, answer)
    expect((await broker.request(withPurpose('ask'))).status).to.equal(202)
  })

  it('of credentials is a lease’s own, whether it is granted or has to wait', async () => {
    await using broker = await startTestBroker(withLimits({ credentials_per_lease: 1 }))
    const two = { access: [{ grant: 'refunds-api' }, { grant: 'orders-api' }] }
    expectQuota(await broker.request(two), /One lease may hold 1 credentials/)
    expectQuota(await broker.request({ ...two, ...withPurpose('ask') }), /One lease may hold 1 credentials/)
    expect((await broker.request()).status).to.equal(201)
  })

  it('leaves no lease behind that it refused', async () => {
    await using broker = await startTestBroker(withLimits({ leases_per_agent: 1 }))
    await broker.request({ task: 'kept' })
    await broker.request({ task: 'refused' })
    const { body } = await broker.call('GET', '/v1/leases', { token: broker.operator('viewer') })
    expect(body.items.map(({ task }: { task: string }) => task)).to.deep.equal(['kept'])
  })
})
