import { expect } from 'chai'

import { startTestBroker, type Answered, type TestBroker, type TestBrokerOptions } from '../support/broker.ts'
import { expectProblem } from '../support/expect-problem.ts'

const withLimits = (limits: object): TestBrokerOptions => ({ configure: (settings) => ({ ...settings, limits }) })

function expectTooFast(answer: Answered): void {
  expectProblem(answer, 'rate-limited')
  expect(Number(answer.headers.get('retry-after'))).to.be.within(1, 60)
}

const whoami = (broker: TestBroker, token: string) => broker.call('GET', '/v1/whoami', { token })
const fail = (broker: TestBroker) => whoami(broker, 'not-a-token')

describe('the rate of lease requests', () => {
  it('is an agent’s own', async () => {
    await using broker = await startTestBroker(withLimits({ lease_requests_per_minute: 3 }))
    for (let count = 0; count < 3; count += 1) expect((await broker.request()).status).to.equal(201)
    expectTooFast(await broker.request())
    expectTooFast(await broker.request())
    expect((await broker.request({}, { agent: 'other-bot' })).status).to.equal(201)
  })

  it('counts what was refused too, so that nobody searches for what is granted', async () => {
    await using broker = await startTestBroker(withLimits({ lease_requests_per_minute: 2 }))
    for (const grant of ['one', 'two']) expectProblem(await broker.request({ access: [{ grant }] }), 'not-granted')
    expectTooFast(await broker.request())
  })

  it('counts a replayed answer too', async () => {
    await using broker = await startTestBroker(withLimits({ lease_requests_per_minute: 2 }))
    const keyed = { headers: { 'idempotency-key': 'one' } }
    await broker.request({}, keyed)
    expect((await broker.request({}, keyed)).status).to.equal(200)
    expectTooFast(await broker.request({}, keyed))
  })

  it('stops no other call of the agent', async () => {
    await using broker = await startTestBroker(withLimits({ lease_requests_per_minute: 1 }))
    const { body: lease } = await broker.request()
    expectTooFast(await broker.request())
    expect((await broker.call('GET', `/v1/leases/${lease.id}`, { token: broker.identity() })).status).to.equal(200)
    const body = { outcome: 'success' }
    const done = await broker.call('POST', `/v1/leases/${lease.id}/complete`, { token: lease.token, body })
    expect(done.status).to.equal(200)
  })

  it('is what a reload makes it', async () => {
    await using broker = await startTestBroker(withLimits({ lease_requests_per_minute: 1 }))
    await broker.request()
    expectTooFast(await broker.request())
    await broker.rewrite((settings) => ({ ...settings, limits: { lease_requests_per_minute: 2 } }))
    expect((await broker.app.reload()).ok).to.equal(true)
    for (const status of [201, 201, 429]) expect((await broker.request()).status).to.equal(status)
  })
})

describe('the rate of proofs that fail', () => {
  it('is an address’s own, and bounds how many identities are verified for it', async () => {
    await using broker = await startTestBroker(withLimits({ pre_auth_per_minute: 3 }))
    for (let count = 0; count < 3; count += 1) expectProblem(await fail(broker), 'unauthenticated')
    expectTooFast(await fail(broker))
    expectTooFast(await broker.request())
  })

  it('counts identities of no agent, and Mayfly tokens that nobody has', async () => {
    await using broker = await startTestBroker(withLimits({ pre_auth_per_minute: 2 }))
    expectProblem(await broker.request({}, { agent: 'stranger' }), 'unknown-agent')
    expectProblem(await whoami(broker, `mfo_${'0'.repeat(49)}`), 'unauthenticated')
    expectTooFast(await whoami(broker, `mfo_${'0'.repeat(49)}`))
  })

  it('locks nobody out who holds a Mayfly token', async () => {
    await using broker = await startTestBroker(withLimits({ pre_auth_per_minute: 1 }))
    const { body: lease } = await broker.request()
    await fail(broker)
    expectTooFast(await fail(broker))
    for (const token of [lease.token as string, broker.operator('viewer'), broker.pep])
      expect((await whoami(broker, token)).status).to.equal(200)
  })

  it('does not count proofs that hold', async () => {
    await using broker = await startTestBroker(withLimits({ pre_auth_per_minute: 2 }))
    for (let count = 0; count < 10; count += 1) expect((await whoami(broker, broker.identity())).status).to.equal(200)
  })

  it('does not count a call that needs no proof', async () => {
    await using broker = await startTestBroker(withLimits({ pre_auth_per_minute: 1 }))
    for (let count = 0; count < 5; count += 1) expect((await broker.call('GET', '/livez')).status).to.equal(200)
    expectProblem(await fail(broker), 'unauthenticated')
  })
})
