import { expect } from 'chai'

import { startTestBroker, type Answered, type TestBroker } from '../support/broker.ts'
import { errorPaths, expectProblem } from '../support/expect-problem.ts'
import { withPurpose } from '../support/requests.ts'

/** Far below what a poll waits for here, and far above what an answer takes. */
const AT_ONCE_MS = 3000

interface Poll {
  readonly answer: Promise<Answered>
  readonly answeredAt: () => number | undefined
}

/** A poll that the broker has had the time to take up. */
async function poll(broker: TestBroker, path: string, token: string): Promise<Poll> {
  let at: number | undefined
  const answer = broker.call('GET', path, { token }).finally(() => (at = Date.now()))
  // One connection after the other: the broker has read the poll before it answers the last of these.
  for (let count = 0; count < 3; count += 1) await broker.call('GET', '/livez')
  return { answer, answeredAt: () => at }
}

/** That the poll was held until this happened, and answered at once then. */
async function expectWokenBy(waiting: Poll, change: () => Promise<unknown>): Promise<Answered> {
  expect(waiting.answeredAt(), 'held').to.equal(undefined)
  const from = Date.now()
  await change()
  const answer = await waiting.answer
  expect((waiting.answeredAt() ?? Infinity) - from).to.be.lessThan(AT_ONCE_MS)
  expect(answer.status).to.equal(200)
  return answer
}

const answerTo = (broker: TestBroker, approval: { id: string; digest: string }, verb: string) =>
  broker.call('POST', `/v1/approvals/${approval.id}/${verb}`, {
    token: broker.operator('approver'),
    body: { digest: approval.digest, reason: 'Because' },
  })

describe('waiting for a lease', () => {
  for (const [verb, state] of [
    ['approve', 'active'],
    ['deny', 'closed'],
  ] as const) {
    it(`is over as soon as somebody says ${verb}`, async () => {
      await using broker = await startTestBroker()
      const { body: lease } = await broker.request(withPurpose('ask'))
      const waiting = await poll(broker, `/v1/leases/${lease.id}?wait=25&state=pending`, lease.token as string)
      const { body } = await expectWokenBy(waiting, () => answerTo(broker, lease.approval, verb))
      expect(body).to.include({ id: lease.id, state })
    })
  }

  it('is over as soon as it is completed or revoked by somebody else', async () => {
    await using broker = await startTestBroker()
    const verbs = [
      ['complete', { outcome: 'success' }, broker.identity()],
      ['revoke', { reason: 'Enough' }, broker.operator('operator')],
    ] as const
    for (const [verb, body, token] of verbs) {
      const { body: lease } = await broker.request()
      const waiting = await poll(broker, `/v1/leases/${lease.id}?wait=25`, lease.token as string)
      const end = () => broker.call('POST', `/v1/leases/${lease.id}/${verb}`, { token, body })
      expect((await expectWokenBy(waiting, end)).body).to.include({ state: 'closed' })
    }
  })

  it('is over as soon as the sweep ends it', async () => {
    await using broker = await startTestBroker()
    const { body: lease } = await broker.request({ ttl: 60 })
    const waiting = await poll(broker, `/v1/leases/${lease.id}?wait=30&state=active`, lease.token as string)
    const { body } = await expectWokenBy(waiting, () => {
      broker.clock.advance(61_000)
      return broker.app.sweep()
    })
    expect(body).to.include({ state: 'closed', outcome: 'expired' })
  })

  it('is over for everybody who waits', async () => {
    await using broker = await startTestBroker()
    const { body: lease } = await broker.request(withPurpose('ask'))
    const tokens = [lease.token as string, broker.identity(), broker.operator('viewer')]
    const path = `/v1/leases/${lease.id}?wait=25&state=pending`
    const waiting = await Promise.all(tokens.map((token) => poll(broker, path, token)))
    await answerTo(broker, lease.approval, 'approve')
    for (const each of waiting) expect((await each.answer).body).to.include({ state: 'active' })
  })

  it('is over at once when the state is another already', async () => {
    await using broker = await startTestBroker()
    const { body: lease } = await broker.request()
    const from = Date.now()
    for (const state of ['pending', 'closing', 'closed']) {
      const path = `/v1/leases/${lease.id}?wait=30&state=${state}`
      expect((await broker.call('GET', path, { token: lease.token })).body.state).to.equal('active')
    }
    expect(Date.now() - from).to.be.lessThan(AT_ONCE_MS)
  })

  it('is over after the time that was asked for, with the lease as it is', async () => {
    await using broker = await startTestBroker()
    const { body: lease } = await broker.request()
    const from = performance.now()
    const answer = await broker.call('GET', `/v1/leases/${lease.id}?wait=1`, { token: lease.token })
    expect(performance.now() - from).to.be.within(950, AT_ONCE_MS)
    expect(answer.body).to.include({ state: 'active' })
  })

  it('does not end for another lease’s sake', async () => {
    await using broker = await startTestBroker()
    const { body: lease } = await broker.request()
    const { body: other } = await broker.request()
    const waiting = await poll(broker, `/v1/leases/${lease.id}?wait=25`, lease.token as string)
    const end = (of: { id: string; token: string }) =>
      broker.call('POST', `/v1/leases/${of.id}/complete`, { token: of.token, body: { outcome: 'success' } })
    await end(other)
    await broker.call('GET', '/livez')
    await expectWokenBy(waiting, () => end(lease))
  })

  it('takes 0 to 30 whole seconds, and a state that there is', async () => {
    await using broker = await startTestBroker()
    const { body: lease } = await broker.request()
    const read = (query: string) => broker.call('GET', `/v1/leases/${lease.id}?${query}`, { token: lease.token })
    for (const query of ['wait=31', 'wait=-1', 'wait=1.5', 'wait=', 'wait=1s', 'wait=2147483648'])
      expect(errorPaths(expectProblem(await read(query), 'invalid-request')), query).to.deep.equal(['/wait'])
    expect(errorPaths(expectProblem(await read('state=done'), 'invalid-request'))).to.deep.equal(['/state'])
    expect((await read('wait=0&state=active')).status).to.equal(200)
  })

  it('is for who may see it: nobody else waits', async () => {
    await using broker = await startTestBroker()
    const { body: lease } = await broker.request()
    const path = `/v1/leases/${lease.id}?wait=30&state=active`
    const from = Date.now()
    expectProblem(await broker.call('GET', path, { token: broker.identity('other-bot') }), 'not-found')
    expect(Date.now() - from).to.be.lessThan(AT_ONCE_MS)
  })
})

describe('waiting for an approval', () => {
  for (const [verb, state] of [
    ['approve', 'approved'],
    ['deny', 'denied'],
  ] as const) {
    it(`is over as soon as somebody says ${verb}`, async () => {
      await using broker = await startTestBroker()
      const { body: lease } = await broker.request(withPurpose('ask'))
      const waiting = await poll(broker, `${lease.approval.status_url}?wait=25`, lease.token as string)
      const { body } = await expectWokenBy(waiting, () => answerTo(broker, lease.approval, verb))
      expect(body).to.include({ id: lease.approval.id, state })
    })
  }

  it('is over when its lease is taken back, and when nobody answers in time', async () => {
    await using broker = await startTestBroker()
    const ends: readonly (readonly [state: string, end: (id: string) => Promise<unknown>])[] = [
      [
        'cancelled',
        (id) =>
          broker.call('POST', `/v1/leases/${id}/revoke`, {
            token: broker.operator('operator'),
            body: { reason: 'No' },
          }),
      ],
      [
        'expired',
        () => {
          broker.clock.advance(901_000)
          return broker.app.sweep()
        },
      ],
    ]
    for (const [state, end] of ends) {
      const { body: lease } = await broker.request(withPurpose('ask'))
      const waiting = await poll(broker, `${lease.approval.status_url}?wait=30`, lease.token as string)
      expect((await expectWokenBy(waiting, () => end(lease.id as string))).body).to.include({ state })
    }
  })
})

describe('a broker that stops', () => {
  it('answers whoever waits at once, with things as they are', async () => {
    const broker = await startTestBroker()
    const { body: lease } = await broker.request(withPurpose('ask'))
    const waiting = await Promise.all(
      [`/v1/leases/${lease.id}?wait=30`, `${lease.approval.status_url}?wait=30`].map((path) =>
        poll(broker, path, lease.token as string),
      ),
    )
    for (const each of waiting) expect(each.answeredAt()).to.equal(undefined)
    const from = Date.now()
    const stopped = broker[Symbol.asyncDispose]()
    for (const each of waiting) expect((await each.answer).body.state).to.equal('pending')
    await stopped
    expect(Date.now() - from).to.be.lessThan(AT_ONCE_MS)
  })
})
