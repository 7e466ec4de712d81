import { expect } from 'chai'
import { readAudit, recordsOf } from '../support/audit.ts'
import { ORDINARY, type Answered } from '../support/broker.ts'
import { startBrokerProcess } from '../support/broker-process.ts'
import { crashWorld } from '../support/crash-world.ts'
import { readLedger } from '../support/ledger-file.ts'
import { recover } from '../support/kill-rounds.ts'
import { startUpstreamBroker, WAREHOUSE, type UpstreamBroker } from '../support/upstream-broker.ts'

const FIFTY = Array.from({ length: 50 }, (_, at) => at)
const statuses = (answers: readonly Answered[]) =>
  Object.fromEntries(Object.entries(Object.groupBy(answers, ({ status }) => status)).map(([s, of]) => [s, of?.length]))

const ask = (broker: UpstreamBroker, key: string): Promise<Answered> =>
  broker.request({ access: [WAREHOUSE] }, { headers: { 'idempotency-key': key } })

describe('the same request, fifty times', function () {
  this.timeout(20_000)

  it('with one key makes one lease and one credential', async () => {
    await using broker = await startUpstreamBroker()
    const answers = await Promise.all(FIFTY.map(() => ask(broker, 'one')))
    const again = await Promise.all(FIFTY.map(() => ask(broker, 'one')))
    expect(statuses(answers)).to.have.property('201', 1)
    expect(answers.every(({ status }) => [200, 201, 409].includes(status))).to.equal(true)
    expect(statuses(again)).to.deep.equal({ 200: 50 })
    const ids = [...answers, ...again].filter(({ status }) => status < 300).map(({ body }) => body.id)
    expect(new Set(ids).size).to.equal(1)
    expect(broker.upstream.mints.size).to.equal(1)
    expect(broker.upstream.live()).to.have.length(1)
    expect(readLedger(broker.folder).leases.size).to.equal(1)
    expect(recordsOf(await readAudit(broker, 'approved'), 'lease.granted')).to.have.length(1)
  })

  it('with fifty keys makes fifty of each (a control)', async () => {
    await using broker = await startUpstreamBroker()
    const answers = await Promise.all(FIFTY.map((at) => ask(broker, `key-${at}`)))
    expect(statuses(answers)).to.deep.equal({ 201: 50 })
    expect(broker.upstream.live()).to.have.length(50)
    expect(readLedger(broker.folder).leases.size).to.equal(50)
  })

  for (const [step, when] of [
    ['intent', 'after'],
    ['mint', 'after'],
    ['release', 'before'],
  ] as const) {
    it(`mints anew for a key whose first request was killed ${when} its ${step}`, async () => {
      await using world = await crashWorld()
      const key = { 'idempotency-key': 'one' }
      await using process = await startBrokerProcess()
      const broker = await world.startIn(process)
      await broker.arm({ step, when })
      world.grant(broker, {}, key).catch(() => undefined)
      await broker.reached
      await process.kill()
      await using next = await startBrokerProcess()
      const [session] = await recover(next, [world])
      if (!session) throw new Error('No broker')
      const lease = await world.grant(session.broker, {}, key)
      expect(world.upstream.live()).to.deep.equal([lease.handle])
      expect(world.faults()).to.deep.equal([])
    })
  }

  it('finds the lease of a key whose first request was killed before its answer', async () => {
    await using world = await crashWorld()
    const body = { ...ORDINARY, access: [WAREHOUSE, ...ORDINARY.access] }
    const key = { 'idempotency-key': 'one' }
    await using process = await startBrokerProcess()
    const broker = await world.startIn(process)
    await broker.arm({ step: 'release', when: 'after' })
    world.grant(broker, {}, key).catch(() => undefined)
    await broker.reached
    await process.kill()
    await using next = await startBrokerProcess()
    const [session] = await recover(next, [world])
    const call = { token: world.identity(), body, headers: key }
    const again = await session?.broker.call('POST', '/v1/leases', call)
    expect(again?.status).to.equal(200)
    expect(again?.body).to.include({ replayed: true, state: 'active' })
    expect(world.upstream.live()).to.have.length(1)
  })
})

describe('the same end, fifty times', function () {
  this.timeout(20_000)

  interface Ending {
    readonly of: (broker: UpstreamBroker, lease: Answered['body'], at: number) => Promise<Answered>
    readonly outcomes: readonly string[]
    readonly statuses: readonly number[]
  }
  const complete: Ending['of'] = (broker, { id, token }) =>
    broker.call('POST', `/v1/leases/${id}/complete`, { token, body: { outcome: 'success' } })
  const revoke: Ending['of'] = (broker, { id }) =>
    broker.call('POST', `/v1/leases/${id}/revoke`, { token: broker.operator('operator'), body: { reason: 'Stop' } })
  const endings: Readonly<Record<string, Ending>> = {
    completions: { of: complete, outcomes: ['completed'], statuses: [200] },
    revocations: { of: revoke, outcomes: ['revoked'], statuses: [200] },
    'completions and revocations': {
      of: (broker, lease, at) => (at % 2 === 0 ? complete : revoke)(broker, lease, at),
      outcomes: ['completed', 'revoked'],
      statuses: [200, 409],
    },
  }
  for (const [name, ending] of Object.entries(endings)) {
    it(`is one transition, one record and one call to the upstream: ${name}`, async () => {
      await using broker = await startUpstreamBroker()
      const { body: lease } = await broker.request({ access: [WAREHOUSE] })
      const answers = await Promise.all(FIFTY.map((at) => ending.of(broker, lease, at)))
      expect(answers.every(({ status }) => ending.statuses.includes(status))).to.equal(true)
      const said = answers.filter(({ status }) => status === 200).map(({ body }) => body.outcome as string)
      expect(new Set(said).size).to.equal(1)
      expect(ending.outcomes).to.include(said[0])
      await broker.app.sweep()
      const closed = recordsOf(await readAudit(broker, 'operations'), 'lease.closed')
      expect(closed.map(({ subject }) => subject['outcome'])).to.deep.equal([said[0]])
      expect([...broker.upstream.revocations.values()]).to.deep.equal([1])
      expect(broker.upstream.live()).to.deep.equal([])
    })
  }

  it('of fifty leases is fifty of each (a control)', async () => {
    await using broker = await startUpstreamBroker()
    const leases = await Promise.all(FIFTY.map(() => broker.request({ access: [WAREHOUSE] })))
    await Promise.all(leases.map(({ body }) => complete(broker, body, 0)))
    await broker.app.sweep()
    expect(recordsOf(await readAudit(broker, 'operations'), 'lease.closed')).to.have.length(50)
    expect([...broker.upstream.revocations.values()]).to.deep.equal(FIFTY.map(() => 1))
  })
})
