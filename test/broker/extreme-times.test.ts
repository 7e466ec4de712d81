import { expect } from 'chai'
import type { Answered } from '../support/broker.ts'
import { seldom, startClockedBroker, type ClockedBroker } from '../support/clocked-broker.ts'
import { expectProblem } from '../support/expect-problem.ts'
import { scriptedUpstream } from '../support/scripted-upstream.ts'
import { LONGEST_TIMER_MS, watchTimers } from '../support/timer-watch.ts'
import { WAREHOUSE } from '../support/upstream-broker.ts'

const [SECOND, DAY] = [1000, 86_400_000]
const YEAR = 365 * DAY

interface Held {
  readonly id: string
  readonly token: string
}

const lease = async (broker: ClockedBroker, over: object = {}): Promise<Held> => {
  const { status, body } = await broker.request({ access: [WAREHOUSE], ...over })
  if (status !== 201) throw new Error(`No lease: ${status} ${JSON.stringify(body)}`)
  return body as Held
}
const verb = (broker: ClockedBroker, { id, token }: Held, name: string, body?: object): Promise<Answered> =>
  broker.call('POST', `/v1/leases/${id}/${name}`, { token, ...(body && { body }) })
const endOf = async (broker: ClockedBroker, { id }: Held): Promise<number> =>
  Date.parse((await broker.call('GET', `/v1/leases/${id}`, { token: broker.operator('viewer') })).body.expires_at)

describe('the shortest lease', () => {
  it('of 5 s is good to its last millisecond, and over with the next', async () => {
    await using broker = await startClockedBroker()
    const held = await lease(broker, { ttl: 5 })
    expect((await broker.request({ ttl: 4 })).status, 'shorter is refused').to.equal(400)
    broker.clocks.pass(5 * SECOND - 1)
    expect((await verb(broker, held, 'heartbeat')).status).to.equal(200)
    expect(broker.upstream.live()).to.have.length(1)
    broker.clocks.pass(1)
    expect((await verb(broker, held, 'heartbeat')).status).to.equal(409)
    await broker.pass(0)
    expect(broker.upstream.live()).to.deep.equal([])
  })

  it('is not given where minting for it took longer than it would last', async () => {
    const upstream = scriptedUpstream({ leastLifeMs: DAY })
    await using broker = await startClockedBroker({ upstreams: [upstream] })
    upstream.script({ mint: ['held'] })
    const asked = broker.request({ access: [WAREHOUSE], ttl: 5 })
    await upstream.reached('mint')
    broker.clocks.pass(5 * SECOND)
    upstream.open()
    expectProblem(await asked, 'unavailable')
    await broker.pass(0)
    expect(upstream.live(), 'and nothing of it is left').to.deep.equal([])
  })
})

describe('a renewal in the last second', () => {
  it('comes in time, and one after it too late', async () => {
    await using broker = await startClockedBroker()
    const [held, other] = [await lease(broker), await lease(broker)]
    broker.clocks.pass(300 * SECOND - 1)
    expect((await verb(broker, held, 'credentials', { grant: WAREHOUSE.grant })).status, 'no time to mint').to.equal(
      409,
    )
    expect((await verb(broker, held, 'renew', { ttl: 300 })).status).to.equal(200)
    expect(await endOf(broker, held)).to.equal(broker.clocks.truth() + 300 * SECOND)
    broker.clocks.pass(1)
    expect((await verb(broker, other, 'renew', { ttl: 300 })).status).to.equal(409)
    await broker.pass(0)
    expect((await verb(broker, held, 'credentials', { grant: WAREHOUSE.grant })).status).to.equal(201)
    expect(broker.upstream.live(), 'one each for those that are alive').to.have.length(1)
  })
})

describe('a time that no timer holds', () => {
  const extreme = (settings: object) => ({
    ...seldom(settings),
    approvals: { expire_after: 31_536_000 },
    limits: { max_age: 31_536_000, max_ttl: 86_400, leases_per_agent: 5000, lease_requests_per_minute: 10_000 },
  })
  const rules = `
version: 1
rules: [{ id: asks, on: lease, when: 'intent.purpose == "ask"', effect: ask, reason: It was asked to ask }]
tiers: { low: { effect: allow } }
`

  it('is refused in a request', async () => {
    await using broker = await startClockedBroker({ configure: extreme, rules })
    const held = await lease(broker)
    for (const ttl of [86_401, 2_147_484, 2 ** 31, 2 ** 53, 1e300, -1, 0.5, null, '300'])
      for (const answer of [await broker.request({ ttl }), await verb(broker, held, 'renew', { ttl })])
        expectProblem(answer, 'invalid-request')
    for (const heartbeat of [2 ** 31, 2_147_484, 0, -1])
      expectProblem(await broker.request({ heartbeat }), 'invalid-request')
  })

  it('is never set as one, whatever is configured, however far clocks jump, and nobody is stormed', async function () {
    this.timeout(20_000)
    using timers = watchTimers()
    const upstream = scriptedUpstream({ leastLifeMs: 10 * YEAR, timeoutMs: 2 ** 40, consistencyMs: 2 ** 40 })
    await using broker = await startClockedBroker({ configure: extreme, rules, upstreams: [upstream] })
    const held = await lease(broker, { ttl: 86_400, heartbeat: 3600 })
    const intent = { goal: 'Refund order 1234', purpose: 'ask', autonomy: 'supervised', origin: 'user' }
    const { body: asked } = await broker.request({ intent })
    // Somebody waits while the clock is ten years ahead, and is set right.
    broker.clocks.jump(10 * YEAR)
    const waiting = broker.call('GET', `/v1/approvals/${asked.approval.id}?wait=1`, { token: asked.token })
    await broker.pass(0)
    broker.clocks.setRight()
    await broker.pass(0)
    const before = performance.now()
    expect((await waiting).body.state).to.equal('pending')
    expect(performance.now() - before, 'and no longer than it said').to.be.below(3000)
    // Stuck, gone too early, and unreachable: each waits for its own time.
    upstream.script({ revoke: 'permanent' })
    await verb(broker, held, 'complete', { outcome: 'success' })
    for (const word of ['permanent', 'gone', 'unreachable', 'throttled'] as const) {
      upstream.script({ revoke: word })
      await broker.pass(3600 * SECOND)
    }
    for (let day = 0; day < 60; day += 1) {
      const { id, token } = await lease(broker, { ttl: 86_400 })
      await verb(broker, { id, token }, 'renew', { ttl: 86_400 })
      await broker.pass(DAY)
    }
    await broker.call('POST', '/v1/clock/accept', { token: broker.operator('admin') })
    expect(timers.tooLong()).to.deep.equal([])
    expect(Math.max(...upstream.revocations.values()), 'calls for one credential').to.be.below(100)
  })

  it('would be seen if it were (a control)', () => {
    using timers = watchTimers()
    clearTimeout(setTimeout(() => undefined, LONGEST_TIMER_MS + 1))
    expect(timers.tooLong()).to.deep.equal([LONGEST_TIMER_MS + 1])
  })
})
