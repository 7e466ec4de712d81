import { expect } from 'chai'

import { approve, askFor } from '../support/approvals.ts'
import { readAudit, recordsOf } from '../support/audit.ts'
import type { Answered, TestBroker } from '../support/broker.ts'
import { expectCredential, expectLease, without } from '../support/expect-lease.ts'
import { expectProblem } from '../support/expect-problem.ts'
import { later } from '../support/later.ts'
import { scriptedUpstream, type MintScript, type RevokeScript } from '../support/scripted-upstream.ts'
import { orphans, startUpstreamBroker, WAREHOUSE, type UpstreamBroker } from '../support/upstream-broker.ts'

const BOTH = { access: [WAREHOUSE, { grant: 'refunds-api' }] }
const SUCCESS = { outcome: 'success' }

interface Made {
  readonly id: string
  readonly token: string
}

const granted = async (broker: UpstreamBroker, over: object = {}) => {
  const { status, body } = await broker.request({ access: [WAREHOUSE], ...over })
  expect(status, JSON.stringify(body)).to.equal(201)
  return body
}
const complete = (broker: TestBroker, { id, token }: Made, query = ''): Promise<Answered> =>
  broker.call('POST', `/v1/leases/${id}/complete${query}`, { token, body: SUCCESS })
const read = (broker: TestBroker, { id }: Pick<Made, 'id'>, query = ''): Promise<Answered> =>
  broker.call('GET', `/v1/leases/${id}${query}`, { token: broker.operator('viewer') })
const fetchOne = (broker: TestBroker, { id, token }: Made, headers: Readonly<Record<string, string>> = {}) =>
  broker.call('POST', `/v1/leases/${id}/credentials`, { token, headers, body: { grant: WAREHOUSE.grant } })
const milliseconds = (from: string, to: string): number => Date.parse(to) - Date.parse(from)

/** The credentials of a lease, those of the upstream first. */
function byUpstream({ credentials }: Answered['body']): readonly [Answered['body'], Answered['body']] {
  const upstream = credentials.filter(({ grant }: { readonly grant: string }) => grant === WAREHOUSE.grant)
  return [upstream, credentials.filter((each: unknown) => !upstream.includes(each))]
}

/** The one credential of the lease, as it is by now. */
const credentialOf = async (broker: TestBroker, lease: Pick<Made, 'id'>) =>
  (await read(broker, lease)).body.credentials[0]

describe('a credential of an upstream', () => {
  it('has every member, and its value once', async () => {
    await using broker = await startUpstreamBroker()
    const lease = await granted(broker)
    expectLease(lease, 'token')
    const [minted] = lease.credentials
    expectCredential(minted, 'value')
    const expected = {
      ...{ lease: lease.id, grant: 'up-warehouse', type: 'vault-secret', state: 'active', outcome: null },
      ...{ expires_at: lease.expires_at, hard_expires_at: lease.expires_at, revocation: 'immediate' },
      ...{ offline_until: null, effective_after: null, confirmed_at: null },
      ...{ attempts: 0, next_attempt_at: null, stuck: false, last_error: null },
    }
    expect(minted).to.include(expected)
    expect(minted.value.username).to.equal(broker.upstream.live()[0])
    expect(await credentialOf(broker, lease)).to.deep.equal(without(minted, 'value'))
  })

  it('says when the upstream itself ends it, where that is later than what the lease promises', async () => {
    await using broker = await startUpstreamBroker({ upstreams: [scriptedUpstream({ leastLifeMs: 900_000 })] })
    const lease = await granted(broker, { ttl: 60 })
    const [{ issued_at, expires_at, hard_expires_at }] = lease.credentials
    expect(expires_at).to.equal(lease.expires_at)
    expect(milliseconds(issued_at, hard_expires_at)).to.equal(900_000)
    await later(broker, 60)
    expect(await credentialOf(broker, lease)).to.include({ state: 'closed', outcome: 'revoked' })
    expect(broker.upstream.live()).to.deep.equal([])
  })

  it('is taken back upstream with its lease, which is closing until that is confirmed', async () => {
    await using broker = await startUpstreamBroker()
    broker.upstream.script({ revoke: 'held' })
    const lease = await granted(broker, BOTH)
    const { status, body } = await complete(broker, lease)
    expect(status).to.equal(200)
    expectLease(body)
    expect(body).to.include({ state: 'closing', outcome: 'completed', closed_at: null })
    // Made in the same millisecond, they are in no order.
    const [[upstream], [signed]] = byUpstream(body)
    expect(upstream).to.include({ state: 'revoking', outcome: null, attempts: 0, confirmed_at: null })
    expect(upstream.next_attempt_at).to.be.a('string')
    expect(signed).to.include({ state: 'closed', outcome: 'revoked' })
    const waiting = read(broker, lease, '?wait=25&state=closing')
    await broker.upstream.reached('revoke')
    broker.upstream.open()
    const { body: closed } = await waiting
    expect(closed).to.include({ state: 'closed', outcome: 'completed' })
    expect(closed.closed_at).to.be.a('string')
    const [[ended]] = byUpstream(closed)
    expect(ended).to.include({ state: 'closed', outcome: 'revoked', stuck: false, last_error: null })
    expect(ended.confirmed_at).to.be.a('string')
    expect(broker.upstream.live()).to.deep.equal([])
  })

  it('is waited for by who completes with ?wait=, and by nobody for longer than that', async () => {
    await using broker = await startUpstreamBroker()
    const quick = await complete(broker, await granted(broker), '?wait=25')
    expect(quick.body).to.include({ state: 'closed', outcome: 'completed' })
    broker.upstream.script({ revoke: 'unreachable' })
    const started = performance.now()
    const slow = await complete(broker, await granted(broker, { task: 'run-2' }), '?wait=1')
    expect(performance.now() - started).to.be.within(900, 5000)
    expect(slow.body).to.include({ state: 'closing', outcome: 'completed' })
    broker.upstream.script({ revoke: 'ok' })
    await later(broker, 20)
    expect(broker.upstream.live()).to.deep.equal([])
  })

  it('keeps a lease from being completed or revoked another way while it is closing', async () => {
    await using broker = await startUpstreamBroker()
    broker.upstream.script({ revoke: 'unreachable' })
    const lease = await granted(broker)
    const first = await complete(broker, lease)
    const again = await complete(broker, lease)
    expect({ status: again.status, state: again.body.state }).to.deep.equal({ status: 200, state: 'closing' })
    expect(again.body.outcome).to.equal(first.body.outcome)
    const revoke = { token: broker.operator('operator'), body: { reason: 'Enough' } }
    const late = await broker.call('POST', `/v1/leases/${lease.id}/revoke`, revoke)
    expect(expectProblem(late, 'conflict').state).to.equal('closing')
    for (const answer of [
      await fetchOne(broker, lease),
      await broker.call('POST', `/v1/leases/${lease.id}/renew`, { token: lease.token, body: { ttl: 60 } }),
      await broker.call('POST', `/v1/leases/${lease.id}/heartbeat`, { token: lease.token }),
    ])
      expect(expectProblem(answer, 'conflict').state).to.equal('closing')
  })

  const ENDS: readonly (readonly [script: RevokeScript, shows: object, live: number])[] = [
    ['unknown', { state: 'revoking', attempts: 1, stuck: false, last_error: 'The upstream answered 500' }, 1],
    ['throttled', { state: 'revoking', attempts: 1, stuck: false, last_error: 'The upstream answered 429' }, 1],
    ['permanent', { state: 'revoking', attempts: 1, stuck: true, last_error: 'The upstream answered 403' }, 1],
    ['unreachable', { state: 'revoking', attempts: 0, stuck: false }, 1],
    ['throws', { state: 'revoking', attempts: 1, stuck: false, last_error: 'The provider failed' }, 1],
    ['at_expiry', { state: 'revoking', attempts: 1, stuck: false, last_error: null }, 1],
    ['lost', { state: 'revoking', attempts: 0, stuck: false }, 0],
    ['gone', { state: 'closed', outcome: 'revoked', stuck: false, last_error: null }, 0],
    ['ok', { state: 'closed', outcome: 'revoked', stuck: false, last_error: null }, 0],
  ]
  for (const [script, shows, live] of ENDS) {
    it(`shows how its revocation stands: ${script}`, async () => {
      await using broker = await startUpstreamBroker()
      const lease = await granted(broker)
      broker.upstream.script({ revoke: script })
      await complete(broker, lease)
      await broker.app.sweep()
      const credential = await credentialOf(broker, lease)
      expectCredential(credential)
      expect(credential).to.include(shows)
      if (credential.state === 'revoking') expect(credential.next_attempt_at).to.be.a('string')
      else expect(credential.next_attempt_at).to.equal(null)
      if (script === 'unreachable') expect(credential.last_error).to.be.a('string')
      expect(broker.upstream.live()).to.have.length(live)
      expect(orphans(broker.folder, broker.upstream)).to.deep.equal([])
    })
  }

  it('that only spreads says by when it is gone, and is closed by then', async () => {
    await using broker = await startUpstreamBroker({
      upstreams: [scriptedUpstream({ revocation: 'propagating', propagationMs: 60_000 })],
    })
    const lease = await granted(broker)
    expect(lease.credentials[0]).to.include({ revocation: 'propagating', effective_after: null })
    broker.upstream.script({ revoke: 'propagating' })
    await complete(broker, lease)
    await broker.app.sweep()
    const spreading = await credentialOf(broker, lease)
    expect(spreading).to.include({ state: 'revoking', outcome: null })
    expect(Date.parse(spreading.effective_after) - broker.clock.now()).to.be.within(50_000, 60_000)
    expect((await read(broker, lease)).body.state).to.equal('closing')
    await later(broker, 61)
    const gone = await credentialOf(broker, lease)
    expect(gone).to.include({ state: 'closed', outcome: 'revoked', effective_after: spreading.effective_after })
    expect(broker.upstream.live()).to.deep.equal([])
  })

  it('that ends only by itself is closed as expired, once it has', async () => {
    await using broker = await startUpstreamBroker({ upstreams: [scriptedUpstream({ revocation: 'at_expiry' })] })
    const lease = await granted(broker, { ttl: 300 })
    broker.upstream.script({ revoke: 'at_expiry' })
    await complete(broker, lease)
    await later(broker, 240)
    expect(await credentialOf(broker, lease)).to.include({ state: 'revoking', revocation: 'at_expiry' })
    await later(broker, 121)
    expect(await credentialOf(broker, lease)).to.include({ state: 'closed', outcome: 'expired' })
    expect((await read(broker, lease)).body).to.include({ state: 'closed', outcome: 'completed' })
  })
})

describe('a mint that fails', () => {
  const FAILURES: readonly MintScript[] = [
    ...(['lost', 'unreachable', 'permanent', 'throttled', 'unknown', 'throws'] as const),
    ...(['outlives', 'overpromises', 'nameless'] as const),
  ]
  for (const mint of FAILURES) {
    it(`is 502, whatever the others gave, and leaves nothing: ${mint}`, async () => {
      await using broker = await startUpstreamBroker()
      broker.upstream.script({ mint })
      const answer = await broker.request(BOTH)
      expectProblem(answer, 'provider-unavailable')
      await broker.app.sweep()
      expect(broker.upstream.live()).to.deep.equal([])
      const list = await broker.call('GET', '/v1/leases', { token: broker.operator('viewer') })
      expect(list.body.items).to.have.length(1)
      const [lease] = list.body.items
      expect(lease).to.include({ state: 'closed', outcome: 'not_minted' })
      expect(lease.credentials.map(({ state }: { state: string }) => state)).to.deep.equal(['closed'])
      expect(JSON.stringify(answer.body)).to.not.include('canary')
    })
  }

  it('says of a credential that never came to be that it was never minted', async () => {
    await using broker = await startUpstreamBroker()
    broker.upstream.script({ mint: 'permanent' })
    expectProblem(await broker.request(BOTH), 'provider-unavailable')
    await broker.app.sweep()
    const { body } = await broker.call('GET', '/v1/credentials', { token: broker.operator('viewer') })
    expect(body.items).to.have.length(1)
    expect(body.items[0]).to.include({ state: 'closed', outcome: 'never_minted', fingerprint: '' })
  })

  it('is on record: what was intended, and how it ended', async () => {
    await using broker = await startUpstreamBroker()
    broker.upstream.script({ mint: 'lost' })
    const { body: problem } = await broker.request({ access: [WAREHOUSE] })
    await broker.app.sweep()
    const operations = await readAudit(broker, 'operations')
    const [intended] = recordsOf(operations, 'credential.intended')
    const [lease] = recordsOf(operations, 'lease.closed')
    const [closed] = recordsOf(operations, 'credential.closed')
    expect(intended).to.deep.include({ actor: { type: 'agent', id: 'support-bot' }, request_id: problem.instance })
    expect(intended?.subject).to.deep.equal({ id: closed?.subject['id'], outcome: null, reason: null })
    expect(intended?.fingerprint).to.equal(null)
    expect(lease?.subject).to.include({ id: intended?.lease, outcome: 'not_minted' })
    const [denied] = recordsOf(await readAudit(broker, 'denied'), 'lease.denied')
    expect(denied?.subject).to.have.all.keys('task', 'intent', 'access', 'tools', 'ttl')
    expect(await readAudit(broker, 'approved')).to.deep.equal([])
  })

  it('of what the upstream cannot narrow to is 400, before anything exists', async () => {
    await using broker = await startUpstreamBroker({
      upstreams: [scriptedUpstream({ unnarrowable: ['warehouse/cellar'] })],
    })
    const access = [{ ...WAREHOUSE, resources: ['warehouse/cellar'] }]
    expect(expectProblem(await broker.request({ access }), 'invalid-request').detail).to.include('warehouse/cellar')
    expect(broker.upstream.mints.size).to.equal(0)
    const list = await broker.call('GET', '/v1/leases', { token: broker.operator('viewer') })
    expect(list.body.items).to.deep.equal([])
  })

  it('of a later credential leaves the lease and its other credentials alone', async () => {
    await using broker = await startUpstreamBroker()
    const asked = await askFor(broker, { access: [WAREHOUSE] })
    await approve(broker, asked)
    const lease = { id: asked.lease, token: asked.token }
    broker.upstream.script({ mint: ['lost'] })
    expectProblem(await fetchOne(broker, lease), 'provider-unavailable')
    await broker.app.sweep()
    expect((await read(broker, lease)).body).to.include({ state: 'active' })
    expect(broker.upstream.live()).to.deep.equal([])
    expect((await fetchOne(broker, lease)).status).to.equal(201)
    expect(broker.upstream.live()).to.have.length(1)
  })
})

describe('fetching a credential of an upstream', () => {
  it('replaces the one in its last third: the old one is taken back once the new one stands', async () => {
    await using broker = await startUpstreamBroker()
    const lease = await granted(broker, { ttl: 300 })
    expect(expectProblem(await fetchOne(broker, lease), 'conflict').state).to.equal('active')
    await later(broker, 201)
    broker.upstream.script({ mint: 'unknown' })
    expectProblem(await fetchOne(broker, lease), 'provider-unavailable')
    await broker.app.sweep()
    expect(broker.upstream.live(), 'a new one that failed costs nothing').to.deep.equal([
      lease.credentials[0].value.username,
    ])
    broker.upstream.script({ mint: 'ok' })
    const fetched = await fetchOne(broker, lease)
    expect(fetched.status).to.equal(201)
    expectCredential(fetched.body, 'value')
    await broker.app.sweep()
    expect(broker.upstream.live()).to.deep.equal([fetched.body.value.username])
  })

  it('while one is being minted is a conflict', async () => {
    await using broker = await startUpstreamBroker()
    const asked = await askFor(broker, { access: [WAREHOUSE] })
    await approve(broker, asked)
    const lease = { id: asked.lease, token: asked.token }
    broker.upstream.script({ mint: 'held' })
    const first = fetchOne(broker, lease)
    await broker.upstream.reached('mint')
    expectProblem(await fetchOne(broker, lease), 'conflict')
    const minting = await credentialOf(broker, lease)
    expect(minting).to.include({ state: 'minting', outcome: null, fingerprint: '', attempts: 0 })
    broker.upstream.open()
    expect((await first).status).to.equal(201)
  })

  it('is 502 or 409 where the lease ends meanwhile, and nothing of it stays', async () => {
    await using broker = await startUpstreamBroker()
    const asked = await askFor(broker, { access: [WAREHOUSE] })
    await approve(broker, asked)
    const lease = { id: asked.lease, token: asked.token }
    broker.upstream.script({ mint: 'held' })
    const fetching = fetchOne(broker, lease)
    await broker.upstream.reached('mint')
    expect((await complete(broker, lease)).body.state).to.equal('closing')
    broker.upstream.open()
    expectProblem(await fetching, 'conflict')
    await broker.app.sweep()
    expect(broker.upstream.live()).to.deep.equal([])
    expect((await read(broker, lease)).body).to.include({ state: 'closed', outcome: 'completed' })
  })

  describe('with an Idempotency-Key', () => {
    const KEY = { 'idempotency-key': 'fetch-1' }
    const pendingLease = async (broker: UpstreamBroker): Promise<Made> => {
      const asked = await askFor(broker, { access: [WAREHOUSE] })
      await approve(broker, asked)
      return { id: asked.lease, token: asked.token }
    }

    it('gives one, and its value once', async () => {
      await using broker = await startUpstreamBroker()
      const lease = await pendingLease(broker)
      const first = await fetchOne(broker, lease, KEY)
      const again = await fetchOne(broker, lease, KEY)
      expect([first.status, again.status]).to.deep.equal([201, 200])
      expectCredential(again.body, 'replayed')
      expect(again.body).to.deep.equal({ ...without(first.body, 'value'), replayed: true })
      expect(broker.upstream.mints.size).to.equal(1)
      await later(broker, 201)
      const late = await fetchOne(broker, lease, KEY)
      expect({ status: late.status, id: late.body.id }, 'in its last third too').to.deep.equal({
        status: 200,
        id: first.body.id,
      })
      expect((await fetchOne(broker, lease, { 'idempotency-key': 'fetch-2' })).status, 'the control').to.equal(201)
    })

    it('is a conflict while it is being answered, and another body is a mismatch', async () => {
      await using broker = await startUpstreamBroker()
      const lease = await pendingLease(broker)
      broker.upstream.script({ mint: 'held' })
      const first = fetchOne(broker, lease, KEY)
      await broker.upstream.reached('mint')
      expectProblem(await fetchOne(broker, lease, KEY), 'conflict')
      broker.upstream.open()
      expect((await first).status).to.equal(201)
      const call = { token: lease.token, headers: KEY, body: { grant: 'refunds-api' } }
      expectProblem(await broker.call('POST', `/v1/leases/${lease.id}/credentials`, call), 'idempotency-mismatch')
    })

    it('stands for nothing after a mint that failed', async () => {
      await using broker = await startUpstreamBroker()
      const lease = await pendingLease(broker)
      broker.upstream.script({ mint: ['unknown'] })
      expectProblem(await fetchOne(broker, lease, KEY), 'provider-unavailable')
      expect((await fetchOne(broker, lease, KEY)).status).to.equal(201)
    })

    it('is the lease’s own', async () => {
      await using broker = await startUpstreamBroker()
      const [one, other] = [await pendingLease(broker), await pendingLease(broker)]
      const answers = [await fetchOne(broker, one, KEY), await fetchOne(broker, other, KEY)]
      expect(answers.map(({ status }) => status)).to.deep.equal([201, 201])
      expect(answers[0]?.body.id).to.not.equal(answers[1]?.body.id)
    })
  })
})
