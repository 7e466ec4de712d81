import { expect } from 'chai'

import { approve, askFor } from '../support/approvals.ts'
import { readAudit, recordsOf } from '../support/audit.ts'
import { startTestBroker, type Answered, type TestBroker } from '../support/broker.ts'
import { expectLease } from '../support/expect-lease.ts'
import { expectProblem } from '../support/expect-problem.ts'
import { later } from '../support/later.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { until } from '../support/until.ts'

interface Made {
  readonly id: string
  readonly token: string
}

const made = async (broker: TestBroker, over: object = {}): Promise<Made> =>
  (await broker.request({ ttl: 900, heartbeat: 60, ...over })).body as Made

const beat = (broker: TestBroker, { id, token }: Made): Promise<Answered> =>
  broker.call('POST', `/v1/leases/${id}/heartbeat`, { token })

/** Read as an operator: a call with the token of the lease would be a sign of life. */
const read = (broker: TestBroker, { id }: Pick<Made, 'id'>): Promise<Answered> =>
  broker.call('GET', `/v1/leases/${id}`, { token: broker.operator('viewer') })

const stateOf = async (broker: TestBroker, lease: Pick<Made, 'id'>): Promise<string> => {
  const { body } = await read(broker, lease)
  return body.outcome === null ? body.state : `${body.state} (${body.outcome})`
}

describe('a heartbeat', () => {
  it('answers with the lease, as often as it comes', async () => {
    await using broker = await startTestBroker()
    const lease = await made(broker)
    for (const answer of [await beat(broker, lease), await beat(broker, lease)]) {
      expect(answer.status).to.equal(200)
      expectLease(answer.body)
      expect(answer.body).to.include({ id: lease.id, state: 'active', heartbeat: 60 })
    }
  })

  it('keeps a lease alive that would be lost after two intervals without one', async () => {
    await using broker = await startTestBroker()
    const [heard, silent] = [await made(broker), await made(broker)]
    await later(broker, 119)
    expect([await stateOf(broker, heard), await stateOf(broker, silent)]).to.deep.equal(['active', 'active'])
    await beat(broker, heard)
    await later(broker, 2)
    expect(await stateOf(broker, heard)).to.equal('active')
    expect(await stateOf(broker, silent)).to.equal('closed (lost)')
    await later(broker, 116)
    expect(await stateOf(broker, heard), 'a second before two intervals').to.equal('active')
    await later(broker, 3)
    expect(await stateOf(broker, heard)).to.equal('closed (lost)')
  })

  it('is every call with the token of the lease, also one that is refused', async () => {
    await using broker = await startTestBroker()
    const lease = await made(broker)
    const { id, token } = lease
    const calls: readonly (() => Promise<Answered>)[] = [
      () => broker.call('GET', `/v1/leases/${id}`, { token }),
      () => broker.call('POST', `/v1/leases/${id}/credentials`, { token, body: { grant: 'refunds-api' } }),
      () => broker.call('POST', `/v1/leases/${id}/renew`, { token, body: { ttl: 900 } }),
      () => broker.call('GET', '/v1/leases', { token }),
    ]
    for (const [at, call] of calls.entries()) {
      await call()
      await later(broker, 100)
      expect(await stateOf(broker, lease), `call ${at}`).to.equal('active')
    }
    await later(broker, 21)
    expect(await stateOf(broker, lease), 'the control').to.equal('closed (lost)')
  })

  it('is nobody else’s call: not the agent’s identity, not another lease’s token, not an operator', async () => {
    await using broker = await startTestBroker()
    const [lease, other] = [await made(broker), await made(broker)]
    await later(broker, 100)
    await broker.call('GET', `/v1/leases/${lease.id}`, { token: broker.identity() })
    await read(broker, lease)
    expectProblem(await beat(broker, { id: lease.id, token: other.token }), 'not-found')
    for (const token of [broker.identity(), broker.operator('admin'), broker.pep])
      expectProblem(await beat(broker, { id: lease.id, token }), 'forbidden')
    await later(broker, 21)
    expect(await stateOf(broker, lease)).to.equal('closed (lost)')
    expect(await stateOf(broker, other)).to.equal('active')
  })

  it('is a conflict for a lease that is pending or has ended', async () => {
    await using broker = await startTestBroker()
    const asked = await askFor(broker, { heartbeat: 60 })
    const pending = await beat(broker, { id: asked.lease, token: asked.token })
    expect(expectProblem(pending, 'conflict').state).to.equal('pending')
    const lease = await made(broker)
    await later(broker, 121)
    expect(expectProblem(await beat(broker, lease), 'conflict').state).to.equal('closed')
  })

  it('takes no body', async () => {
    await using broker = await startTestBroker()
    const { id, token } = await made(broker)
    const call = { token, body: { alive: true } }
    expectProblem(await broker.call('POST', `/v1/leases/${id}/heartbeat`, call), 'invalid-request')
  })
})

describe('a lost lease', () => {
  it('is on record, with its credentials', async () => {
    await using broker = await startTestBroker()
    const lease = await made(broker)
    await later(broker, 121)
    const records = await readAudit(broker, 'operations')
    const [closed] = recordsOf(records, 'lease.closed')
    expect(closed).to.deep.include({ actor: { type: 'broker', id: 'mayfly' }, lease: lease.id })
    expect(closed?.subject).to.include({ id: lease.id, outcome: 'lost' })
    expect(closed?.subject['reason']).to.be.a('string')
    expect(recordsOf(records, 'credential.closed')[0]?.subject).to.include({ outcome: 'revoked' })
  })

  it('has a heartbeat: of itself or of its agent; without one it lasts to its end', async () => {
    await using broker = await startTestBroker({
      configure: ({ agents, ...settings }) => ({
        ...settings,
        agents: (agents as object[]).map((agent, at) => ({ ...agent, heartbeat: at === 0 ? 30 : null })),
      }),
    })
    const { body: agents } = await broker.request({ ttl: 900 })
    const { body: own } = await broker.request({ ttl: 900, heartbeat: 300 })
    const { body: without } = await broker.request({ ttl: 900 }, { agent: 'other-bot' })
    expect([agents.heartbeat, own.heartbeat, without.heartbeat]).to.deep.equal([30, 300, null])
    await later(broker, 61)
    const states = () => Promise.all([agents, own, without].map((lease) => stateOf(broker, lease)))
    expect(await states()).to.deep.equal(['closed (lost)', 'active', 'active'])
    await later(broker, 540)
    expect(await states()).to.deep.equal(['closed (lost)', 'closed (lost)', 'active'])
  })

  it('was active: a pending one waits for people, and its intervals count from its activation', async () => {
    await using broker = await startTestBroker()
    const asked = await askFor(broker, { heartbeat: 60, ttl: 900 })
    await later(broker, 600)
    expect(await stateOf(broker, { id: asked.lease })).to.equal('pending')
    await approve(broker, asked)
    await later(broker, 119)
    expect(await stateOf(broker, { id: asked.lease })).to.equal('active')
    await later(broker, 2)
    expect(await stateOf(broker, { id: asked.lease })).to.equal('closed (lost)')
  })

  it('is one that the broker could hear: after a start every deadline counts from readiness', async () => {
    await using folder = await temporaryFolder()
    const first = await startTestBroker({ folder: folder.path })
    const lease = await made(first)
    await first[Symbol.asyncDispose]()
    await using second = await startTestBroker({ folder: folder.path, ahead: 200_000 })
    await second.app.sweep()
    expect(await stateOf(second, lease), 'it was away for longer than two intervals').to.equal('active')
    await later(second, 118)
    expect(await stateOf(second, lease)).to.equal('active')
    await later(second, 4)
    expect(await stateOf(second, lease)).to.equal('closed (lost)')
  })

  it('is not lost while the broker is not ready', async () => {
    await using folder = await temporaryFolder()
    const first = await startTestBroker({ folder: folder.path })
    const lease = await made(first)
    await first[Symbol.asyncDispose]()
    const checked = Promise.withResolvers<undefined>()
    await using second = await startTestBroker({
      folder: folder.path,
      app: { decorate: { store: (store) => ({ ...store, integrity: checked.promise }) } },
    })
    await later(second, 600)
    expect(await stateOf(second, lease)).to.equal('active')
    checked.resolve(undefined)
    await until('the broker is ready', async () => (await second.call('GET', '/readyz')).body.ready)
    await later(second, 118)
    expect(await stateOf(second, lease)).to.equal('active')
    await later(second, 4)
    expect(await stateOf(second, lease)).to.equal('closed (lost)')
  })
})
