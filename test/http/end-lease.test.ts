import { expect } from 'chai'

import { startTestBroker, type Answered, type TestBroker } from '../support/broker.ts'
import { expectCredential, expectLease } from '../support/expect-lease.ts'
import { errorPaths, expectProblem } from '../support/expect-problem.ts'
import { withPurpose } from '../support/requests.ts'

const SUCCESS = { outcome: 'success' }
const NOWHERE = 'lse_00000000000000000000000000'

interface Made {
  readonly id: string
  readonly token: string
  readonly approval: { readonly status_url: string }
}

/** The names of the kinds of record that are about this lease, in one stream. */
const recordsOf = async (broker: TestBroker, { id }: Made, stream = 'operations') => {
  const token = broker.operator('viewer')
  const { body } = await broker.call('GET', `/v1/audit/${stream}?limit=200`, { token })
  return body.items.filter(({ lease }: { lease: string }) => lease === id).map(({ kind }: { kind: string }) => kind)
}

describe('completing a lease', () => {
  let broker: TestBroker
  before(async () => (broker = await startTestBroker()))
  after(() => broker[Symbol.asyncDispose]())

  // Each of a task of its own: a task that an operator revoked a lease of asks a human next time.
  let tasks = 0
  const made = async (over: object = {}): Promise<Made> =>
    (await broker.request({ task: `run-${(tasks += 1)}`, ...over })).body as Made
  const complete = ({ id, token }: Made, body: object = SUCCESS, query = ''): Promise<Answered> =>
    broker.call('POST', `/v1/leases/${id}/complete${query}`, { token, body })

  for (const [said, outcome] of [
    ['success', 'completed'],
    ['failure', 'failed'],
  ] as const) {
    it(`as a ${said} closes it and its credentials at once`, async () => {
      const lease = await made({ access: [{ grant: 'refunds-api' }, { grant: 'orders-api' }] })
      const { status, body } = await complete(lease, { outcome: said, summary: 'Order 1234 is refunded' })
      expect(status).to.equal(200)
      expectLease(body)
      expect(body).to.include({ id: lease.id, state: 'closed', outcome, reason: 'Order 1234 is refunded' })
      expect(body.closed_at).to.be.a('string')
      expect(body.credentials).to.have.length(2)
      for (const credential of body.credentials) {
        expectCredential(credential)
        expect(credential).to.include({ state: 'closed', outcome: 'revoked', confirmed_at: body.closed_at })
      }
      expect(await recordsOf(broker, lease)).to.deep.equal(['credential.closed', 'credential.closed', 'lease.closed'])
    })
  }

  it('is repeated without an effect, and answers with the same lease', async () => {
    const lease = await made()
    const { body: first } = await complete(lease, { outcome: 'success', summary: 'Done' })
    broker.clock.advance(1000)
    for (const body of [SUCCESS, { outcome: 'success', summary: 'Done again' }]) {
      const again = await complete(lease, body)
      expect(again.status).to.equal(200)
      expect(again.body).to.deep.equal(first)
    }
    expect(await recordsOf(broker, lease)).to.deep.equal(['credential.closed', 'lease.closed'])
  })

  it('fifty times at once closes it once', async () => {
    const lease = await made()
    const answers = await Promise.all(Array.from({ length: 50 }, () => complete(lease)))
    expect(new Set(answers.map(({ status, body }) => `${status} ${body.outcome}`))).to.deep.equal(
      new Set(['200 completed']),
    )
    expect(await recordsOf(broker, lease)).to.deep.equal(['credential.closed', 'lease.closed'])
  })

  it('with another outcome is a conflict, and the first one stays', async () => {
    const lease = await made()
    await complete(lease)
    expect(expectProblem(await complete(lease, { outcome: 'failure' }), 'conflict').state).to.equal('closed')
    expect((await complete(lease)).body.outcome).to.equal('completed')
  })

  it('that has ended in another way is a conflict', async () => {
    const revoked = await made()
    await broker.call('POST', `/v1/leases/${revoked.id}/revoke`, {
      token: broker.operator('operator'),
      body: { reason: 'Enough' },
    })
    expectProblem(await complete(revoked), 'conflict')
    const expired = await made({ ttl: 5 })
    broker.clock.advance(5000)
    await broker.app.sweep()
    expectProblem(await complete(expired), 'conflict')
  })

  it('that is pending cancels it and its approval, and is repeated without an effect', async () => {
    const lease = await made(withPurpose('ask'))
    for (const outcome of ['success', 'success', 'failure']) {
      const { status, body } = await complete(lease, { outcome })
      expect({ status, state: body.state, outcome: body.outcome }).to.deep.equal({
        status: 200,
        state: 'closed',
        outcome: 'cancelled',
      })
    }
    const { body: approval } = await broker.call('GET', lease.approval.status_url, { token: lease.token })
    expect(approval.state).to.equal('cancelled')
    expect(await recordsOf(broker, lease)).to.deep.equal(['lease.closed'])
  })

  it('works with the agent’s own identity: the answer with the token may have been lost', async () => {
    const lease = await made()
    const done = await complete({ ...lease, token: broker.identity() })
    expect(done.body).to.include({ state: 'closed', outcome: 'completed' })
  })

  it('is answered at once where nothing has to be confirmed elsewhere, however long one would wait', async () => {
    const lease = await made()
    const from = Date.now()
    expect((await complete(lease, SUCCESS, '?wait=5')).body.state).to.equal('closed')
    expect(Date.now() - from).to.be.lessThan(3000)
  })

  it('says how it went, and in at most so many words', async () => {
    const lease = await made()
    for (const [body, path] of [
      [{}, '/outcome'],
      [{ outcome: 'done' }, '/outcome'],
      [{ outcome: 'success', summary: 'a'.repeat(4097) }, '/summary'],
      [{ outcome: 'success', summary: 1 }, '/summary'],
      [{ outcome: 'success', reason: 'x' }, '/reason'],
    ] as const)
      expect(errorPaths(expectProblem(await complete(lease, body), 'invalid-request'))).to.deep.equal([path])
    expectProblem(await complete(lease, SUCCESS, '?wait=31'), 'invalid-request')
    expect((await complete(lease)).status).to.equal(200)
  })

  it('that is not there is not found', async () => {
    expectProblem(await complete({ ...(await made()), id: NOWHERE }), 'not-found')
  })
})

describe('revoking a lease', () => {
  let broker: TestBroker
  before(async () => (broker = await startTestBroker()))
  after(() => broker[Symbol.asyncDispose]())

  // Each of a task of its own: a task that an operator revoked a lease of asks a human next time.
  let tasks = 0
  const made = async (over: object = {}): Promise<Made> =>
    (await broker.request({ task: `run-${(tasks += 1)}`, ...over })).body as Made
  const revoke = ({ id }: Pick<Made, 'id'>, body: object = { reason: 'Out of hand' }): Promise<Answered> =>
    broker.call('POST', `/v1/leases/${id}/revoke`, { token: broker.operator('operator'), body })

  it('closes it and its credentials at once, with the reason', async () => {
    const lease = await made()
    const { status, body } = await revoke(lease, { reason: '  Out of hand ' })
    expect(status).to.equal(200)
    expectLease(body)
    expect(body).to.include({ state: 'closed', outcome: 'revoked', reason: 'Out of hand' })
    expect(body.credentials[0]).to.include({ state: 'closed', outcome: 'revoked' })
    expect(await recordsOf(broker, lease)).to.deep.equal(['credential.closed', 'lease.closed'])
  })

  it('is repeated without an effect, and the first reason stays', async () => {
    const lease = await made()
    const { body: first } = await revoke(lease)
    const again = await revoke(lease, { reason: 'Another' })
    expect({ status: again.status, body: again.body }).to.deep.equal({ status: 200, body: first })
    expect(await recordsOf(broker, lease)).to.deep.equal(['credential.closed', 'lease.closed'])
  })

  it('that is pending ends it and its approval', async () => {
    const lease = await made(withPurpose('ask'))
    expect((await revoke(lease)).body).to.include({ state: 'closed', outcome: 'revoked' })
    const { body: approval } = await broker.call('GET', lease.approval.status_url, { token: lease.token })
    expect(approval.state).to.equal('cancelled')
  })

  it('that has ended in another way is a conflict', async () => {
    const lease = await made()
    await broker.call('POST', `/v1/leases/${lease.id}/complete`, { token: lease.token, body: SUCCESS })
    expect(expectProblem(await revoke(lease), 'conflict').state).to.equal('closed')
  })

  it('and completing it at once end it in one way', async () => {
    for (let round = 0; round < 10; round += 1) {
      const lease = await made()
      const [completed, revoked] = await Promise.all([
        broker.call('POST', `/v1/leases/${lease.id}/complete`, { token: lease.token, body: SUCCESS }),
        revoke(lease),
      ])
      expect([completed.status, revoked.status].sort()).to.deep.equal([200, 409])
      expect(await recordsOf(broker, lease)).to.deep.equal(['credential.closed', 'lease.closed'])
    }
  })

  it('says why', async () => {
    const lease = await made()
    for (const body of [{}, { reason: '' }, { reason: '   ' }, { reason: 'a'.repeat(1025) }, { reason: 1 }])
      expect(errorPaths(expectProblem(await revoke(lease, body), 'invalid-request'))).to.deep.equal(['/reason'])
    expectProblem(
      await broker.call('POST', `/v1/leases/${lease.id}/revoke`, { token: broker.operator('admin') }),
      'invalid-request',
    )
    expect((await revoke(lease)).status).to.equal(200)
  })

  it('that is not there is not found', async () => {
    expectProblem(await revoke({ id: NOWHERE }), 'not-found')
  })
})
