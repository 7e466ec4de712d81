import { expect } from 'chai'

import { approve, askFor, readApproval } from '../support/approvals.ts'
import { readAudit, recordsOf } from '../support/audit.ts'
import { startTestBroker, type Answered, type OperatorName, type TestBroker } from '../support/broker.ts'
import { expectProblem } from '../support/expect-problem.ts'
import { later } from '../support/later.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { startUpstreamBroker, WAREHOUSE } from '../support/upstream-broker.ts'

interface Made {
  readonly id: string
  readonly token: string
}

const BOTH = { access: [{ grant: 'refunds-api' }, { grant: 'orders-api' }] }
const HOURS_24 = 24 * 3600

const granted = async (broker: TestBroker, over: object = {}, agent?: string): Promise<Made> => {
  const { status, body } = await broker.request(over, agent === undefined ? {} : { agent })
  expect(status, JSON.stringify(body)).to.equal(201)
  return body as Made
}
const stateOf = async (broker: TestBroker, { id }: Pick<Made, 'id'>): Promise<string> => {
  const { body } = await broker.call('GET', `/v1/leases/${id}`, { token: broker.operator('viewer') })
  return body.outcome === null ? body.state : `${body.state} (${body.outcome})`
}
const call = (broker: TestBroker, path: string, over: object = {}, as: OperatorName = 'operator'): Promise<Answered> =>
  broker.call('POST', path, { token: broker.operator(as), body: { reason: 'It went wrong', ...over } })

interface Scope {
  readonly kind: string
  readonly path: string
  readonly scope: object
  /** A request of the same agent's, or another's, that it does not cover. */
  readonly outside: { readonly over?: object; readonly agent?: string }
}

const SCOPES: readonly Scope[] = [
  {
    kind: 'agent',
    path: '/v1/agents/support-bot',
    scope: { agent: 'support-bot' },
    outside: { agent: 'other-bot' },
  },
  {
    kind: 'owner',
    path: '/v1/owners/dana@example.com',
    scope: { owner: 'dana@example.com' },
    outside: { agent: 'other-bot' },
  },
  {
    kind: 'task',
    path: '/v1/tasks/run-1',
    scope: { task: 'run-1', agent: 'support-bot' },
    outside: { over: { task: 'run-2' } },
  },
]

for (const { kind, path, scope, outside } of SCOPES) {
  describe(`revoking one ${kind}`, () => {
    it('ends every lease of it, with their credentials, and says how many', async () => {
      await using broker = await startTestBroker()
      const [one, two] = [await granted(broker, BOTH), await granted(broker)]
      const other = await granted(broker, outside.over, outside.agent)
      const { status, headers, body } = await call(broker, `${path}/revoke`)
      expect(status).to.equal(200)
      expect(headers.get('cache-control')).to.equal('no-store')
      expect(body).to.deep.equal({ leases: 2, credentials: 3, already: false })
      for (const lease of [one, two]) {
        expect(await stateOf(broker, lease)).to.equal('closed (revoked)')
        const read = await broker.call('GET', `/v1/leases/${lease.id}`, { token: lease.token })
        expect(read.body.reason).to.equal('It went wrong')
        for (const credential of read.body.credentials)
          expect(credential).to.include({ state: 'closed', outcome: 'revoked' })
      }
      expect(await stateOf(broker, other)).to.equal('active')
      expect(await call(broker, `${path}/revoke`)).to.deep.include({
        status: 200,
        body: { leases: 0, credentials: 0, already: true },
      })
    })

    it('sticks: a new lease is forbidden until it is restored, and the answer says how', async () => {
      await using broker = await startTestBroker()
      await granted(broker)
      await call(broker, `${path}/revoke`)
      const problem = expectProblem(await broker.request(), 'forbidden')
      expect(problem.hint).to.match(new RegExp(`mayfly ${kind} restore \\S+ --reason`))
      await granted(broker, outside.over, outside.agent)
      expect(await call(broker, `${path}/restore`)).to.deep.include({ status: 200, body: { already: false } })
      expect((await broker.request()).status, 'a human decides for a day').to.equal(202)
    })

    it('is restored without an effect where it is not revoked', async () => {
      await using broker = await startTestBroker()
      const lease = await granted(broker)
      expect(await call(broker, `${path}/restore`)).to.deep.include({ status: 200, body: { already: true } })
      expect(await stateOf(broker, lease)).to.equal('active')
      await call(broker, `${path}/revoke`)
      await call(broker, `${path}/restore`)
      expect(await call(broker, `${path}/restore`)).to.deep.include({ status: 200, body: { already: true } })
      expect(await stateOf(broker, lease), 'what was ended stays ended').to.equal('closed (revoked)')
    })

    it('can be done again after it was restored', async () => {
      await using broker = await startTestBroker()
      await granted(broker)
      await call(broker, `${path}/revoke`)
      await call(broker, `${path}/restore`)
      expect((await broker.request()).status).to.equal(202)
      const again = await call(broker, `${path}/revoke`)
      expect(again.body).to.deep.equal({ leases: 1, credentials: 0, already: false })
      expectProblem(await broker.request(), 'forbidden')
    })

    it('ends a lease that waits for people, and its question', async () => {
      await using broker = await startTestBroker()
      const asked = await askFor(broker)
      await call(broker, `${path}/revoke`)
      expect(await stateOf(broker, { id: asked.lease })).to.equal('closed (revoked)')
      expect((await readApproval(broker, asked)).body.state).to.equal('cancelled')
      expectProblem(await approve(broker, asked), 'conflict')
    })

    it('holds at once for what is being minted, and over a restart', async () => {
      await using folder = await temporaryFolder()
      {
        await using broker = await startUpstreamBroker({ folder: folder.path })
        await granted(broker)
        broker.upstream.script({ mint: 'held' })
        const asking = broker.request({ access: [WAREHOUSE] })
        await broker.upstream.reached('mint')
        const revoked = await call(broker, `${path}/revoke`)
        expect(revoked.body).to.include({ already: false })
        broker.upstream.open()
        expect((await asking).status).to.be.within(400, 599)
        await broker.app.sweep()
        expect(broker.upstream.live()).to.deep.equal([])
      }
      await using broker = await startTestBroker({ folder: folder.path })
      expectProblem(await broker.request(), 'forbidden')
      expect((await call(broker, `${path}/restore`)).body).to.deep.equal({ already: false })
      expect((await broker.request()).status).to.equal(202)
    })

    it('takes back what upstreams issued', async () => {
      await using broker = await startUpstreamBroker()
      const lease = await granted(broker, { access: [WAREHOUSE] })
      broker.upstream.script({ revoke: 'held' })
      const { body } = await call(broker, `${path}/revoke`)
      expect(body).to.deep.equal({ leases: 1, credentials: 1, already: false })
      expect(await stateOf(broker, lease)).to.equal('closing (revoked)')
      await broker.upstream.reached('revoke')
      broker.upstream.open()
      broker.upstream.script({ revoke: 'ok' })
      await broker.app.sweep()
      expect(await stateOf(broker, lease)).to.equal('closed (revoked)')
      expect(broker.upstream.live()).to.deep.equal([])
    })

    it('is on record, with each lease that it ended', async () => {
      await using broker = await startTestBroker()
      const lease = await granted(broker)
      const revoked = await call(broker, `${path}/revoke`)
      const restored = await call(broker, `${path}/restore`, { reason: 'It was nothing' }, 'admin')
      const records = await readAudit(broker, 'operations')
      const ops = { type: 'operator', id: 'ops@example.com' }
      const [mark] = recordsOf(records, 'mark.revoked')
      expect(mark).to.deep.include({
        ...{ actor: ops, request_id: revoked.headers.get('request-id'), lease: null, decision: null },
        subject: { scope, reason: 'It went wrong' },
      })
      const [lifted] = recordsOf(records, 'mark.restored')
      expect(lifted).to.deep.include({
        ...{ actor: { type: 'operator', id: 'ada@example.com' }, request_id: restored.headers.get('request-id') },
        subject: { scope, reason: 'It was nothing' },
      })
      const [closed] = recordsOf(records, 'lease.closed')
      expect(closed).to.deep.include({ actor: ops, lease: lease.id })
      expect(closed?.subject).to.include({ id: lease.id, outcome: 'revoked', reason: 'It went wrong' })
      const denied = recordsOf(await readAudit(broker, 'denied'), 'lease.denied')
      expect(denied).to.deep.equal([])
    })

    it('puts the refusal of a new lease on record', async () => {
      await using broker = await startTestBroker()
      await granted(broker)
      await call(broker, `${path}/revoke`)
      await broker.request()
      const [denied] = recordsOf(await readAudit(broker, 'denied'), 'lease.denied')
      expect(denied).to.deep.include({ agent: 'support-bot', task: 'run-1', lease: null })
      expect(denied?.subject).to.have.all.keys('task', 'intent', 'access', 'tools', 'ttl')
    })

    it('is for the role operator, and says why', async () => {
      await using broker = await startTestBroker()
      const lease = await granted(broker)
      for (const verb of ['revoke', 'restore']) {
        for (const as of ['viewer', 'approver'] as const)
          expectProblem(await call(broker, `${path}/${verb}`, {}, as), 'forbidden')
        const { token } = lease
        const body = { reason: 'Mine' }
        expectProblem(await broker.call('POST', `${path}/${verb}`, { token, body }), 'forbidden')
        for (const wrong of [{ reason: '' }, { reason: undefined }, { because: 'x' }])
          expectProblem(await call(broker, `${path}/${verb}`, wrong), 'invalid-request')
      }
      expect(await stateOf(broker, lease)).to.equal('active')
    })

    it('that nobody knows is not found', async () => {
      await using broker = await startTestBroker()
      await granted(broker)
      for (const verb of ['revoke', 'restore'])
        for (const name of ['nobody', '__proto__', '%00', 'run-1%2F..', 'x'.repeat(200)])
          expectProblem(await call(broker, `/v1/${kind}s/${name}/${verb}`), 'not-found')
    })
  })
}

describe('revoking an agent or an owner', () => {
  it('that holds nothing keeps leases away all the same', async () => {
    await using broker = await startTestBroker()
    for (const path of ['/v1/agents/support-bot', '/v1/owners/otto@example.com'])
      expect((await call(broker, `${path}/revoke`)).body).to.deep.equal({ leases: 0, credentials: 0, already: false })
    expectProblem(await broker.request(), 'forbidden')
    expectProblem(await broker.request({}, { agent: 'other-bot' }), 'forbidden')
    for (const path of ['/v1/agents/support-bot', '/v1/owners/otto@example.com']) await call(broker, `${path}/restore`)
    expect((await broker.request()).status, 'no lease was revoked').to.equal(201)
    expect((await broker.request({}, { agent: 'other-bot' })).status).to.equal(201)
  })

  it('compares owners as people do', async () => {
    await using broker = await startTestBroker()
    const lease = await granted(broker)
    expect((await call(broker, '/v1/owners/DANA@example.com/revoke')).body).to.include({ leases: 1 })
    expect(await stateOf(broker, lease)).to.equal('closed (revoked)')
    expect((await call(broker, '/v1/owners/dana@example.com/revoke')).body).to.include({ already: true })
    expect((await call(broker, '/v1/owners/Dana@Example.com/restore')).body).to.deep.equal({ already: false })
  })

  it('takes no agent in its body: that goes with a task', async () => {
    await using broker = await startTestBroker()
    for (const path of ['/v1/agents/support-bot', '/v1/owners/dana@example.com'])
      expectProblem(await call(broker, `${path}/revoke`, { agent: 'support-bot' }), 'invalid-request')
  })
})

describe('a task that two agents gave the same name', () => {
  it('is two tasks: the answer says whose there are, and one of them is named', async () => {
    await using broker = await startTestBroker()
    const [mine, theirs] = [await granted(broker), await granted(broker, {}, 'other-bot')]
    for (const verb of ['revoke', 'restore']) {
      const problem = expectProblem(await call(broker, `/v1/tasks/run-1/${verb}`), 'conflict')
      expect(problem.agents).to.have.members(['support-bot', 'other-bot'])
      expect(problem).to.not.have.property('state')
    }
    const { body } = await call(broker, '/v1/tasks/run-1/revoke', { agent: 'other-bot' })
    expect(body).to.deep.equal({ leases: 1, credentials: 1, already: false })
    expect([await stateOf(broker, mine), await stateOf(broker, theirs)]).to.deep.equal(['active', 'closed (revoked)'])
    expectProblem(await broker.request({}, { agent: 'other-bot' }), 'forbidden')
    await granted(broker)
    expect((await call(broker, '/v1/tasks/run-1/restore', { agent: 'other-bot' })).body).to.deep.equal({
      already: false,
    })
    expectProblem(await call(broker, '/v1/tasks/run-1/revoke', { agent: 'nobody' }), 'not-found')
  })
})

describe('asking again for what an operator revoked', () => {
  const revoke = (broker: TestBroker, { id }: Pick<Made, 'id'>): Promise<Answered> =>
    call(broker, `/v1/leases/${id}/revoke`)

  it('asks a human for 24 hours, and only this agent for this task', async () => {
    await using broker = await startTestBroker()
    await revoke(broker, await granted(broker))
    const { status, body } = await broker.request()
    expect(status).to.equal(202)
    expect(body.decision).to.include({ effect: 'ask' })
    expect(body.decision.rules.map(({ id }: { id: string }) => id)).to.deep.equal(['guard:revoked'])
    await granted(broker, { task: 'run-2' })
    await granted(broker, {}, 'other-bot')
    await later(broker, HOURS_24 - 60)
    expect((await broker.request()).status).to.equal(202)
    await later(broker, 61)
    await granted(broker)
  })

  it('is answered by an approver who sees why, and then goes on', async () => {
    await using broker = await startTestBroker()
    await revoke(broker, await granted(broker))
    const { body: lease } = await broker.request()
    const asked = { approval: lease.approval.id, digest: lease.approval.digest }
    const { body: approval } = await readApproval(broker, asked)
    expect(approval.subject.rules).to.have.length(1)
    expect(approval.subject.rules[0].reason).to.match(/revoked/)
    expect((await approve(broker, asked)).status).to.equal(200)
    expect(await stateOf(broker, lease)).to.equal('active')
    const renewed = await broker.call('POST', `/v1/leases/${lease.id}/renew`, {
      token: lease.token,
      body: { ttl: 600 },
    })
    expect(renewed.status, 'it was answered for this lease').to.equal(200)
  })

  it('survives a restart', async () => {
    await using folder = await temporaryFolder()
    const first = await startTestBroker({ folder: folder.path })
    await revoke(first, await granted(first))
    await first[Symbol.asyncDispose]()
    await using second = await startTestBroker({ folder: folder.path })
    expect((await second.request()).status).to.equal(202)
  })

  it('is no question after an end that no operator made', async () => {
    await using broker = await startTestBroker()
    const completed = await granted(broker)
    await broker.call('POST', `/v1/leases/${completed.id}/complete`, {
      token: completed.token,
      body: { outcome: 'failure' },
    })
    await granted(broker, { ttl: 5 })
    await later(broker, 6)
    await granted(broker)
  })

  it('keeps a rule that denies a no', async () => {
    await using broker = await startTestBroker()
    await revoke(broker, await granted(broker))
    const intent = { goal: 'x', purpose: 'deny', autonomy: 'supervised', origin: 'user' }
    expectProblem(await broker.request({ intent }), 'denied')
  })
})
