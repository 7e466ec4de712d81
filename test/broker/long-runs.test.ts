import { expect } from 'chai'
import type { Answered } from '../support/broker.ts'
import { startClockedBroker, type ClockedBroker } from '../support/clocked-broker.ts'
import { expectProblem } from '../support/expect-problem.ts'
import { WAREHOUSE } from '../support/upstream-broker.ts'

const MINUTE = 60_000
const TTL_SECONDS = 300

interface Held {
  readonly id: string
  readonly token: string
}

const lease = async (broker: ClockedBroker, over: object = {}): Promise<Held> => {
  const { status, body } = await broker.request({ access: [WAREHOUSE], ttl: TTL_SECONDS, ...over })
  if (status !== 201) throw new Error(`No lease: ${status} ${JSON.stringify(body)}`)
  return body as Held
}
const verb = (broker: ClockedBroker, { id, token }: Held, name: string, body?: object): Promise<Answered> =>
  broker.call('POST', `/v1/leases/${id}/${name}`, { token, ...(body && { body }) })

/** What an agent's harness does every three and a half minutes: more time, and a credential that lasts as long. */
async function goOn(broker: ClockedBroker, held: Held): Promise<void> {
  await broker.pass(3.5 * MINUTE)
  const renewed = await verb(broker, held, 'renew', { ttl: TTL_SECONDS })
  expect(renewed.status, JSON.stringify(renewed.body)).to.equal(200)
  const fetched = await verb(broker, held, 'credentials', { grant: WAREHOUSE.grant })
  expect(fetched.status, JSON.stringify(fetched.body)).to.equal(201)
}

describe('short times to live', () => {
  it('carry a run of three hours: nobody has to ask for long ones', async () => {
    await using broker = await startClockedBroker()
    const held = await lease(broker)
    for (let minute = 0; minute < 180; minute += 3.5) {
      await goOn(broker, held)
      await broker.pass(0)
      expect(broker.upstream.live(), 'each time the old one ended with the new one').to.have.length(1)
    }
    await verb(broker, held, 'complete', { outcome: 'success' })
    await broker.pass(0)
    expect(broker.upstream.live()).to.deep.equal([])
  })

  it('end a run that went silent long before they are over, and one that only waits goes on', async () => {
    await using broker = await startClockedBroker()
    const [silent, busy] = [await lease(broker, { heartbeat: 30 }), await lease(broker, { heartbeat: 30 })]
    for (let beats = 0; beats < 4; beats += 1) {
      await verb(broker, busy, 'heartbeat')
      await broker.pass(20_000)
    }
    expect((await verb(broker, silent, 'heartbeat')).status).to.equal(409)
    expect((await verb(broker, busy, 'heartbeat')).status).to.equal(200)
    expect(broker.upstream.live()).to.have.length(1)
  })

  it('have a cap that renewal cannot lift: who wants more asks anew, and the rules with it', async () => {
    const limits = { max_age: 900 }
    const configure = (settings: object) => ({ ...settings, limits, sweep: { every: '0 0 0 1 1 *' } })
    await using broker = await startClockedBroker({ configure })
    const held = await lease(broker)
    for (let times = 0; times < 4; times += 1) {
      broker.clocks.pass(3.5 * MINUTE)
      await verb(broker, held, 'renew', { ttl: TTL_SECONDS })
    }
    await broker.pass(MINUTE)
    expect((await verb(broker, held, 'renew', { ttl: TTL_SECONDS })).status).to.equal(409)
    expect(broker.upstream.live()).to.deep.equal([])
    expect((await broker.request({ access: [WAREHOUSE] })).status).to.equal(201)
  })

  it('are no reason to keep credentials after the end of a task: who resumes it gets new ones at once', async () => {
    await using broker = await startClockedBroker()
    const first = await lease(broker)
    await verb(broker, first, 'complete', { outcome: 'success' })
    await broker.pass(0)
    expect(broker.upstream.live(), 'taken back with the end').to.deep.equal([])
    const second = await lease(broker)
    expect(second.id).to.not.equal(first.id)
    expect(broker.upstream.live()).to.have.length(1)
    expect((await verb(broker, first, 'renew', { ttl: TTL_SECONDS })).status, 'the first stays ended').to.equal(409)
  })

  it('are no reason to destroy what only has to stop: a freeze gives all of it back', async () => {
    await using broker = await startClockedBroker()
    const held = await lease(broker, { heartbeat: 60 })
    const operator = { token: broker.operator('operator') }
    const body = { scope: { agent: 'support-bot' }, reason: 'Looking into it' }
    const { body: freeze } = await broker.call('POST', '/v1/freeze', { ...operator, body })
    for (let beats = 0; beats < 3; beats += 1) {
      await broker.pass(50_000)
      expect((await verb(broker, held, 'heartbeat')).status, 'it waits, and is not lost').to.equal(200)
    }
    expectProblem(await verb(broker, held, 'renew', { ttl: TTL_SECONDS }), 'frozen')
    expect(broker.upstream.live()).to.have.length(1)
    await broker.call('POST', '/v1/unfreeze', { ...operator, body: { id: freeze.id, reason: 'All is well' } })
    await broker.pass(60_000)
    expect((await verb(broker, held, 'renew', { ttl: TTL_SECONDS })).status).to.equal(200)
    expect((await verb(broker, held, 'credentials', { grant: WAREHOUSE.grant })).status).to.equal(201)
  })
})
