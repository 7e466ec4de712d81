import { expect } from 'chai'
import { ORDINARY, startTestBroker, type TestBroker } from '../support/broker.ts'

const LIMITS = { leases_per_agent: 10_000, lease_requests_per_minute: 100_000 }
const IN_FLIGHT = 32

/** Durable commits while `work` runs. */
async function commitsOf(broker: TestBroker, work: () => Promise<void>): Promise<number> {
  const before = broker.app.commits()
  await work()
  return broker.app.commits() - before
}

describe('a grant in the ledger', () => {
  it('of its own is exactly one commit, whatever it grants', async () => {
    await using broker = await startTestBroker()
    await broker.request()
    const access = [{ grant: 'refunds-api' }, { grant: 'orders-api' }]
    for (const over of [{}, { access }, { tools: [{ tool: 'orders.get' }] }]) {
      const commits = await commitsOf(broker, async () => {
        expect((await broker.request(over)).status).to.equal(201)
      })
      expect(commits).to.equal(1)
    }
  })

  it('refused, asked, completed: each is one commit too, and reading is none', async () => {
    await using broker = await startTestBroker()
    const { body: lease } = await broker.request()
    const intent = (purpose: string) => ({ intent: { goal: 'x', purpose, autonomy: 'supervised', origin: 'user' } })
    const end = { token: lease.token, body: { outcome: 'success' } }
    await broker.call('GET', `/v1/leases/${lease.id}`, { token: lease.token })
    const done: readonly (readonly [number, () => Promise<{ readonly status: number }>, number])[] = [
      [1, () => broker.request(intent('deny')), 403],
      [1, () => broker.request(intent('ask')), 202],
      [0, () => broker.call('GET', `/v1/leases/${lease.id}`, { token: lease.token }), 200],
      [0, () => broker.call('GET', '/v1/leases', { token: broker.operator('viewer') }), 200],
      [1, () => broker.call('POST', `/v1/leases/${lease.id}/complete`, end), 200],
    ]
    for (const [wanted, act, status] of done) {
      const commits = await commitsOf(broker, async () => {
        expect((await act()).status).to.equal(status)
      })
      expect(commits).to.equal(wanted)
    }
  })

  it('among others is at most a tenth of a commit with 32 in flight', async () => {
    await using broker = await startTestBroker({ configure: (settings) => ({ ...settings, limits: LIMITS }) })
    const call = { token: broker.identity(), body: ORDINARY }
    const grants = async (each: number): Promise<void> => {
      for (let grant = 0; grant < each; grant += 1)
        expect((await broker.call('POST', '/v1/leases', call)).status).to.equal(201)
    }
    const inFlight = (each: number) => async (): Promise<void> => {
      await Promise.all(Array.from({ length: IN_FLIGHT }, () => grants(each)))
    }
    await inFlight(4)()
    const each = 15
    const commits = await commitsOf(broker, inFlight(each))
    expect(commits).to.be.at.most(0.1 * IN_FLIGHT * each)
  })
})
