import { expect } from 'chai'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { approve, askFor } from '../support/approvals.ts'
import { readAudit, recordsOf } from '../support/audit.ts'
import {
  startTestBroker,
  TEST_RULES,
  type Answered,
  type TestBroker,
  type TestBrokerOptions,
} from '../support/broker.ts'
import { expectLease, without } from '../support/expect-lease.ts'
import { errorPaths, expectProblem } from '../support/expect-problem.ts'
import { later } from '../support/later.ts'

interface Made {
  readonly id: string
  readonly token: string
  readonly expires_at: string
  readonly max_expires_at: string
}

const made = async (broker: TestBroker, over: object = {}): Promise<Made> => (await broker.request(over)).body as Made

const renew = (
  broker: TestBroker,
  { id, token }: Pick<Made, 'id' | 'token'>,
  body: unknown = { ttl: 300 },
  headers: Readonly<Record<string, string>> = {},
): Promise<Answered> => broker.call('POST', `/v1/leases/${id}/renew`, { token, body, headers })

const read = (broker: TestBroker, { id, token }: Pick<Made, 'id' | 'token'>): Promise<Answered> =>
  broker.call('GET', `/v1/leases/${id}`, { token })

/** How many seconds are left of it. */
const left = (broker: TestBroker, { expires_at }: Pick<Made, 'expires_at'>): number =>
  Math.round((Date.parse(expires_at) - broker.clock.now()) / 1000)

const withLimits = (limits: object): TestBrokerOptions => ({ configure: (settings) => ({ ...settings, limits }) })

/** As the rules of the tests, and one more: what is known of the task by now decides. */
const AFTER_A_FAILURE = TEST_RULES.replace(
  'tiers:',
  `  - { id: failed-before, on: lease, when: 'task.outcomes.exists(o, o == "failed")', effect: EFFECT, reason: It failed before }
tiers:`,
)

describe('renewing a lease', () => {
  it('moves its end to ttl from now, and changes nothing else', async () => {
    await using broker = await startTestBroker()
    const lease = await made(broker)
    const { body: before } = await read(broker, lease)
    await later(broker, 200)
    const { status, headers, body } = await renew(broker, lease, { ttl: 120 })
    expect(status).to.equal(200)
    expect(headers.get('cache-control')).to.equal('no-store')
    expectLease(body)
    expect(left(broker, body)).to.be.within(119, 120)
    expect(without(body, 'expires_at')).to.deep.equal(without(before, 'expires_at'))
    expect((await read(broker, lease)).body).to.deep.equal(body)
  })

  it('never moves it to an earlier time', async () => {
    await using broker = await startTestBroker()
    const lease = await made(broker, { ttl: 900 })
    const { status, body } = await renew(broker, lease, { ttl: 5 })
    expect({ status, end: body.expires_at }).to.deep.equal({ status: 200, end: lease.expires_at })
  })

  it('gives no more than the tier and the limits do at a request', async () => {
    await using tiered = await startTestBroker()
    const lease = await made(tiered)
    expect(left(tiered, (await renew(tiered, lease, { ttl: 86_400 })).body)).to.be.within(898, 900)
    await using limited = await startTestBroker(withLimits({ max_ttl: 120 }))
    const short = await made(limited, { ttl: 60 })
    expect(left(limited, (await renew(limited, short, { ttl: 600 })).body)).to.be.within(118, 120)
  })

  it('ends at max_expires_at, however often it is asked for, and that never moves', async () => {
    await using broker = await startTestBroker(withLimits({ max_age: 400 }))
    const lease = await made(broker)
    expect(Date.parse(lease.max_expires_at) - Date.parse(lease.expires_at)).to.equal(100_000)
    for (const seconds of [250, 100]) {
      await later(broker, seconds)
      const { status, body } = await renew(broker, lease)
      expect(status).to.equal(200)
      expect(body).to.include({ expires_at: lease.max_expires_at, max_expires_at: lease.max_expires_at })
    }
    await later(broker, 51)
    expectProblem(await renew(broker, lease), 'conflict')
    expect((await read(broker, lease)).body).to.include({ state: 'closed', outcome: 'expired' })
  })

  it('does not extend its credentials: they are fetched again', async () => {
    await using broker = await startTestBroker()
    const { body: lease } = await broker.request({ ttl: 60 })
    const { body } = await renew(broker, lease, { ttl: 600 })
    expect(body.credentials[0].expires_at).to.equal(lease.credentials[0].expires_at)
    await later(broker, 61)
    const path = `/v1/leases/${lease.id}/credentials`
    const fetched = await broker.call('POST', path, { token: lease.token, body: { grant: 'refunds-api' } })
    expect(fetched.status).to.equal(201)
    expect(fetched.body.value.expires_in).to.be.within(200, 300)
  })

  for (const effect of ['deny', 'ask'] as const) {
    it(`asks the rules again, with what is known by now: ${effect} is 403, and the lease goes on as it was`, async () => {
      await using broker = await startTestBroker({ rules: AFTER_A_FAILURE.replace('EFFECT', effect) })
      const lease = await made(broker)
      const other = await made(broker)
      expect((await renew(broker, lease)).status, 'the control').to.equal(200)
      const failed = { token: other.token, body: { outcome: 'failure' } }
      await broker.call('POST', `/v1/leases/${other.id}/complete`, failed)
      const { body: before } = await read(broker, lease)
      await later(broker, 60)
      const { decision } = expectProblem(await renew(broker, lease), 'denied')
      expect(decision).to.include({ effect })
      expect(decision.rules.map(({ id }: { id: string }) => id)).to.deep.equal(['failed-before'])
      expect((await read(broker, lease)).body).to.deep.equal(before)
      const [record] = recordsOf(await readAudit(broker, 'denied'), 'lease.denied')
      expect(record).to.deep.include({
        ...{ agent: 'support-bot', owner: 'dana@example.com', task: 'run-1', lease: lease.id },
        ...{ actor: { type: 'lease', id: lease.id }, decision },
      })
      expect(record?.subject).to.have.all.keys('task', 'intent', 'access', 'tools', 'ttl')
    })
  }

  it('asks the rules that are in force now', async () => {
    await using broker = await startTestBroker()
    const lease = await made(broker)
    const stricter = TEST_RULES.replace('max_ttl: 900', 'max_ttl: 400')
    await writeFile(join(broker.folder, 'rules.yaml'), stricter)
    expect((await broker.app.reload()).ok).to.equal(true)
    expect(left(broker, (await renew(broker, lease, { ttl: 900 })).body)).to.be.within(398, 400)
  })

  it('counts the asks of its own approval as answered', async () => {
    await using broker = await startTestBroker()
    const asked = await askFor(broker)
    await approve(broker, asked)
    const lease = { id: asked.lease, token: asked.token }
    await later(broker, 200)
    const { status, body } = await renew(broker, lease)
    expect(status).to.equal(200)
    expect(left(broker, body)).to.be.within(298, 300)
  })

  it('counts them as answered for the time that was approved, and not for more', async () => {
    await using broker = await startTestBroker()
    const narrowed = await askFor(broker)
    await approve(broker, narrowed, 'approver', { narrow: { ttl: 60 } })
    const whole = await askFor(broker)
    await approve(broker, whole)
    for (const [asked, seconds] of [
      [narrowed, 60],
      [whole, 300],
    ] as const) {
      const { status, body } = await renew(broker, { id: asked.lease, token: asked.token }, { ttl: 900 })
      expect(status).to.equal(200)
      expect(left(broker, body)).to.be.within(seconds - 2, seconds)
    }
  })

  it('counts no ask as answered that was not shown to those who approved', async () => {
    await using broker = await startTestBroker({ rules: AFTER_A_FAILURE.replace('EFFECT', 'ask') })
    const asked = await askFor(broker)
    await approve(broker, asked)
    const lease = { id: asked.lease, token: asked.token }
    expect((await renew(broker, lease)).status, 'the control').to.equal(200)
    const other = await made(broker)
    const failed = { token: other.token, body: { outcome: 'failure' } }
    await broker.call('POST', `/v1/leases/${other.id}/complete`, failed)
    expect(expectProblem(await renew(broker, lease), 'denied').decision).to.include({ effect: 'ask' })
  })

  it('asks the same ask again where nobody has approved anything', async () => {
    await using broker = await startTestBroker()
    const lease = await made(broker)
    const asking = TEST_RULES.replace('intent.purpose == "ask"', 'true')
    await writeFile(join(broker.folder, 'rules.yaml'), asking)
    expect((await broker.app.reload()).ok).to.equal(true)
    expectProblem(await renew(broker, lease), 'denied')
  })

  it('is a conflict while it is pending and once it has ended', async () => {
    await using broker = await startTestBroker()
    const asked = await askFor(broker)
    const pending = await renew(broker, { id: asked.lease, token: asked.token })
    expect(expectProblem(pending, 'conflict').state).to.equal('pending')
    const lease = await made(broker)
    await broker.call('POST', `/v1/leases/${lease.id}/complete`, { token: lease.token, body: { outcome: 'success' } })
    expect(expectProblem(await renew(broker, lease), 'conflict').state).to.equal('closed')
    const late = await made(broker, { ttl: 5 })
    await later(broker, 5)
    expectProblem(await renew(broker, late), 'conflict')
    expect((await read(broker, late)).body.expires_at, 'nothing revives').to.equal(late.expires_at)
  })

  it('is for its own token alone', async () => {
    await using broker = await startTestBroker()
    const lease = await made(broker)
    const { token: other } = await made(broker)
    expectProblem(await renew(broker, { id: lease.id, token: other }), 'not-found')
    for (const token of [broker.identity(), broker.operator('admin'), broker.pep])
      expectProblem(await renew(broker, { id: lease.id, token }), 'forbidden')
    expect((await read(broker, lease)).body.expires_at).to.equal(lease.expires_at)
  })

  it('takes a ttl as a request does, and nothing else', async () => {
    await using broker = await startTestBroker()
    const lease = await made(broker)
    for (const body of [{}, { ttl: 4 }, { ttl: 86_401 }, { ttl: 5.5 }, { ttl: '300' }, { ttl: 2 ** 31 }, { ttl: null }])
      expect(errorPaths(expectProblem(await renew(broker, lease, body), 'invalid-request'))).to.deep.equal(['/ttl'])
    expectProblem(await renew(broker, lease, { ttl: 300, until: 'x' }), 'invalid-request')
    for (const ttl of [5, 86_400]) expect((await renew(broker, lease, { ttl })).status).to.equal(200)
  })

  it('is on record, with what was renewed and for how long', async () => {
    await using broker = await startTestBroker()
    const { body: lease } = await broker.request()
    const { headers } = await renew(broker, lease, { ttl: 2000 })
    const records = recordsOf(await readAudit(broker, 'operations'), 'lease.renewed')
    expect(records).to.have.length(1)
    expect(records[0]).to.deep.include({
      ...{ agent: 'support-bot', owner: 'dana@example.com', task: 'run-1', lease: lease.id },
      ...{ actor: { type: 'lease', id: lease.id }, request_id: headers.get('request-id') },
    })
    const { task, intent, access, tools } = lease
    expect(records[0]?.subject).to.deep.equal({ task, intent, access, tools, ttl: 900 })
  })
})

describe('renewing with an Idempotency-Key', () => {
  const KEY = { 'idempotency-key': 'renew-1' }

  it('takes effect once', async () => {
    await using broker = await startTestBroker()
    const lease = await made(broker)
    const { body: first } = await renew(broker, lease, { ttl: 600 }, KEY)
    await later(broker, 60)
    const again = await renew(broker, lease, { ttl: 600 }, KEY)
    expect({ status: again.status, end: again.body.expires_at }).to.deep.equal({ status: 200, end: first.expires_at })
    expectLease(again.body)
    expect(recordsOf(await readAudit(broker, 'operations'), 'lease.renewed')).to.have.length(1)
    expect(left(broker, (await renew(broker, lease, { ttl: 600 })).body), 'the control').to.be.within(599, 600)
  })

  it('stands for one body, and for one lease', async () => {
    await using broker = await startTestBroker()
    const [lease, other] = [await made(broker), await made(broker)]
    await renew(broker, lease, { ttl: 600 }, KEY)
    expectProblem(await renew(broker, lease, { ttl: 601 }, KEY), 'idempotency-mismatch')
    const { status, body } = await renew(broker, other, { ttl: 601 }, KEY)
    expect({ status, id: body.id }).to.deep.equal({ status: 200, id: other.id })
  })

  it('keeps no answer that was a no', async () => {
    await using broker = await startTestBroker()
    const asked = await askFor(broker)
    const lease = { id: asked.lease, token: asked.token }
    expectProblem(await renew(broker, lease, { ttl: 600 }, KEY), 'conflict')
    await approve(broker, asked)
    expect((await renew(broker, lease, { ttl: 600 }, KEY)).body).to.include({ state: 'active' })
  })
})
