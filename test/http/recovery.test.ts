import { expect } from 'chai'
import { createLocalJWKSet, jwtVerify } from 'jose'

import { askFor, approve } from '../support/approvals.ts'
import { brokenAt, readAudit, recordsOf } from '../support/audit.ts'
import { startTestBroker, type Answered, type TestBroker } from '../support/broker.ts'
import { expectProblem } from '../support/expect-problem.ts'
import { later } from '../support/later.ts'
import { acknowledge, beginRecovery, isActive, markRestored, recoveryOf, stepsOf } from '../support/recovery.ts'
import { scriptedUpstream } from '../support/scripted-upstream.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { until } from '../support/until.ts'
import { unwritable } from '../support/unwritable.ts'
import { orphans, startUpstreamBroker, WAREHOUSE } from '../support/upstream-broker.ts'

const BOTH = { access: [{ grant: 'refunds-api' }, WAREHOUSE] }

/** Its tokens name it, and the port is another one after a restart. */
const withPublicUrl = ({ server, ...settings }: Record<string, unknown>) => ({
  ...settings,
  server: { ...(server as object), public_url: 'https://mayfly.test' },
})

const granted = async (broker: TestBroker, over: object = {}): Promise<Answered['body']> => {
  const { status, body } = await broker.request(over)
  expect(status, JSON.stringify(body)).to.equal(201)
  return body
}
const tokenOf = (lease: Answered['body']): string => lease.credentials[0].value.access_token
const keySet = async (broker: TestBroker) =>
  createLocalJWKSet(
    (await broker.call('GET', '/.well-known/jwks.json')).body as Parameters<typeof createLocalJWKSet>[0],
  )
const readiness = async (broker: TestBroker): Promise<Answered> => broker.call('GET', '/readyz')

describe('a recovery that an operator begins', () => {
  it('is announced before it is begun: what it would end, replace and cut off', async () => {
    await using broker = await startUpstreamBroker({ upstreams: [scriptedUpstream({ cutsOff: true })] })
    await granted(broker, BOTH)
    const { status, body } = await broker.call('GET', '/v1/recovery', { token: broker.operator('viewer') })
    expect(status).to.equal(200)
    expect(body).to.deep.include({ state: 'none', cause: null, detail: null, since: null, begun: null })
    expect(body.hits).to.deep.equal({ leases: 1, credentials: 2 })
    expect(
      body.steps.map(({ step, name, state, detail }: Answered['body']) => [step, name, state, detail]),
    ).to.deep.equal([
      ['leases', null, 'waiting', 'Open leases end, with all that they hold: 1'],
      [
        'keys',
        null,
        'waiting',
        'Signing keys are replaced: 4. What they signed no longer verifies, but for checkpoints of the audit',
      ],
      ['provider', 'up', 'waiting', 'Whatever it handed out is cut off, also what the ledger does not know of'],
    ])
  })

  it('ends what was handed out, and mints nothing until it is acknowledged', async () => {
    await using broker = await startUpstreamBroker({ upstreams: [scriptedUpstream({ cutsOff: true })] })
    const lease = await granted(broker, BOTH)
    const token = tokenOf(lease)
    const approval = await askFor(broker)
    expect(await isActive(broker, token)).to.equal(true)

    const begun = await beginRecovery(broker)
    expect(begun.status).to.equal(200)
    expect(begun.body).to.deep.include({ state: 'running', cause: 'suspected' })
    expect(begun.body.begun).to.include({ by: 'ada@example.com', reason: 'A laptop was stolen' })
    expect(await isActive(broker, token)).to.equal(false)
    await broker.app.sweep()

    expect(await stepsOf(broker)).to.deep.equal(['leases: done', 'keys: done', 'up: done'])
    expect((await recoveryOf(broker)).state).to.equal('carried_out')
    const closed = await broker.call('GET', `/v1/leases/${lease.id}`, { token: broker.operator('viewer') })
    expect(closed.body).to.include({ state: 'closed', outcome: 'revoked', reason: 'Recovery: A laptop was stolen' })
    expect((await approve(broker, approval)).status).to.equal(409)
    expect(broker.upstream.live()).to.deep.equal([])
    expect(await jwtVerify(token, await keySet(broker)).catch(() => 'refused')).to.equal('refused')

    const refused = await broker.request()
    expectProblem(refused, 'unavailable')
    expect(refused.body.detail).to.match(
      /^The broker is in recovery, because an operator suspects a compromise: nothing is minted/,
    )
    const { status, body } = await readiness(broker)
    expect({ status, ready: body.ready }).to.deep.equal({ status: 503, ready: false })
    expect(body.reasons).to.deep.equal([
      'The broker is in recovery, because an operator suspects a compromise: nothing is minted until an operator has acknowledged it (mayfly recover)',
    ])

    const done = await acknowledge(broker, { reason: 'The laptop was wiped' })
    expect(done.status).to.equal(200)
    expect(done.body).to.deep.include({ state: 'none', cause: null, begun: null })
    expect((await readiness(broker)).status).to.equal(200)
    const after = await granted(broker, BOTH)
    expect(await isActive(broker, tokenOf(after))).to.equal(true)
    await jwtVerify(tokenOf(after), await keySet(broker))
    expect(broker.upstream.live()).to.have.length(1)
  })

  it('reaches what the ledger knows nothing of', async () => {
    await using broker = await startUpstreamBroker({ upstreams: [scriptedUpstream({ cutsOff: true })] })
    const forgotten = { handle: 'h-forgotten', not_after: broker.clock.now() + 900_000, deadline: 0 }
    const { token } = broker.upstream.traits
    await broker.upstream.answer('/mint', { token: token ?? '', ...forgotten }, new AbortController().signal)
    expect(orphans(broker.folder, broker.upstream), 'a control').to.deep.equal(['h-forgotten'])
    await later(broker, 1)
    await beginRecovery(broker)
    await broker.app.sweep()
    expect(broker.upstream.live()).to.deep.equal([])
    const [, , up] = (await recoveryOf(broker)).steps
    expect(up).to.deep.include({ ended: ['credentials ended: 1'], remains: ['Copies that somebody made of the data'] })
  })

  it('lets what is open be ended, and be seen', async () => {
    const upstream = scriptedUpstream({ cutsOff: true })
    await using broker = await startUpstreamBroker({ upstreams: [upstream] })
    const [one, two] = [await granted(broker, BOTH), await granted(broker, { ...BOTH, task: 'run-2' })]
    await broker.app[Symbol.asyncDispose]()
    markRestored(broker.folder)
    await using again = await startUpstreamBroker({ folder: broker.folder, upstreams: [upstream] })
    expect((await recoveryOf(again)).state).to.equal('waiting')
    const completed = await again.call('POST', `/v1/leases/${one.id}/complete?wait=5`, {
      token: one.token,
      body: { outcome: 'success' },
    })
    expect([completed.status, completed.body.state]).to.deep.equal([200, 'closed'])
    const call = { token: again.operator('operator'), body: { reason: 'Not now' } }
    expect((await again.call('POST', `/v1/leases/${two.id}/revoke`, call)).status).to.equal(200)
    await again.app.sweep()
    expect(upstream.live()).to.deep.equal([])
  })

  it('is on record: who began it and why, what was cut off, which keys came and went, who acknowledged it', async () => {
    await using broker = await startUpstreamBroker({ upstreams: [scriptedUpstream({ cutsOff: true })] })
    await beginRecovery(broker)
    await broker.app.sweep()
    await acknowledge(broker, { reason: 'Everything was looked at' })
    const records = await readAudit(broker, 'operations')
    expect(brokenAt(records)).to.equal(undefined)
    const told = records
      .filter(({ kind }) => kind.startsWith('recovery.'))
      .map(({ kind, actor, subject }) => [kind, actor.id, subject['outcome'], subject['reason']])
    expect(told).to.deep.equal([
      ['recovery.begun', 'ada@example.com', 'suspected', 'A laptop was stolen'],
      ['recovery.cut_off', 'mayfly', 'up', 'credentials ended: 0. Copies that somebody made of the data'],
      [
        'recovery.acknowledged',
        'ada@example.com',
        'acknowledged',
        'Everything was looked at. Copies that somebody made of the data',
      ],
    ])
    const reason = (use: string) => `${use} EdDSA: recovery: A laptop was stolen`
    const created = recordsOf(records, 'key.created').filter(({ actor }) => actor.id === 'ada@example.com')
    expect(created.map(({ subject }) => subject['reason'])).to.have.members(
      ['access', 'access', 'audit', 'audit'].map(reason),
    )
    const gone = recordsOf(records, 'key.retired').map(({ subject }) => [subject['outcome'], subject['reason']])
    expect(gone).to.have.deep.members(['access', 'access', 'audit'].map((use) => ['withdrawn', reason(use)]))
  })

  it('leaves checkpoints that were kept elsewhere verifiable', async () => {
    await using broker = await startTestBroker()
    const viewer = { token: broker.operator('viewer') }
    const { body: checkpoint } = await broker.call('GET', '/v1/audit/checkpoint', viewer)
    await beginRecovery(broker)
    await acknowledge(broker)
    const { body: keys } = await broker.call('GET', '/v1/audit/keys', viewer)
    const kid = JSON.parse(Buffer.from(String(checkpoint).split('.')[0] ?? '', 'base64url').toString()).kid
    expect(keys.keys.map((key: { kid: string }) => key.kid)).to.include(kid)
  })

  it('is begun once, however often it is asked for', async () => {
    await using broker = await startTestBroker()
    const first = await beginRecovery(broker)
    await later(broker, 10)
    const again = await beginRecovery(broker)
    expect([again.status, again.body.begun]).to.deep.equal([200, first.body.begun])
    expect(recordsOf(await readAudit(broker, 'operations'), 'recovery.begun')).to.have.length(1)
    expect((await acknowledge(broker)).status).to.equal(200)
    const repeated = await acknowledge(broker)
    expect([repeated.status, repeated.body.state]).to.deep.equal([200, 'none'])
    expect(recordsOf(await readAudit(broker, 'operations'), 'recovery.acknowledged')).to.have.length(1)
  })

  it('may be begun again after it is over', async () => {
    await using broker = await startTestBroker()
    for (const task of ['run-1', 'run-2']) {
      const lease = await granted(broker, { task })
      await later(broker, 1)
      await beginRecovery(broker)
      expect(await isActive(broker, tokenOf(lease))).to.equal(false)
      expect((await acknowledge(broker)).status).to.equal(200)
    }
    await granted(broker, { task: 'run-3' })
  })

  it('is for admins to begin and to acknowledge, and says why', async () => {
    await using broker = await startTestBroker()
    expectProblem(await beginRecovery(broker, 'operator'), 'forbidden')
    expectProblem(await acknowledge(broker, {}, 'operator'), 'forbidden')
    const { token } = await granted(broker)
    expectProblem(await broker.call('GET', '/v1/recovery', { token }), 'forbidden')
    const admin = { token: broker.operator('admin') }
    for (const body of [undefined, {}, { reason: ' ' }, { reason: 'x', force: true }])
      expectProblem(
        await broker.call('POST', '/v1/recovery/begin', { ...admin, ...(body && { body }) }),
        'invalid-request',
      )
    expectProblem(await acknowledge(broker, { accept: 'all' }), 'invalid-request')
    expect((await recoveryOf(broker)).state).to.equal('none')
  })

  it('comes before what is being minted: nothing of it leaves', async () => {
    await using broker = await startUpstreamBroker({ upstreams: [scriptedUpstream({ cutsOff: true })] })
    broker.upstream.script({ mint: 'held' })
    const asked = broker.request(BOTH)
    await broker.upstream.reached('mint')
    await beginRecovery(broker)
    broker.upstream.open()
    const { status, body } = await asked
    expect(status).to.be.oneOf([409, 502, 503])
    expect(JSON.stringify(body)).not.to.match(/mfl_|eyJ|canary/)
    await broker.app.sweep()
    expect(broker.upstream.live()).to.deep.equal([])
    expect((await acknowledge(broker)).status).to.equal(200)
  })

  it('holds in this process at once where it cannot be written, and is written as soon as it can be', async () => {
    const ledger = unwritable()
    await using broker = await startTestBroker({ app: { decorate: { store: ledger.store } } })
    const token = tokenOf(await granted(broker))
    ledger.fail()
    expectProblem(await beginRecovery(broker), 'unavailable')
    expect((await recoveryOf(broker)).state).to.equal('none')
    ledger.mend()
    expect(await isActive(broker, token)).to.equal(false)
    expectProblem(await broker.request({ task: 'run-2' }), 'frozen')
    await broker.app.sweep()
    expect((await recoveryOf(broker)).begun).to.include({ reason: 'A laptop was stolen' })
    expect((await acknowledge(broker)).status).to.equal(200)
    await granted(broker, { task: 'run-3' })
  })

  it('goes on where a step could not be written, and is acknowledged by nobody before it is', async () => {
    const ledger = unwritable()
    await using broker = await startTestBroker({ app: { decorate: { store: ledger.store } } })
    await granted(broker)
    await beginRecovery(broker)
    ledger.fail()
    expectProblem(await acknowledge(broker), 'unavailable')
    ledger.mend()
    expect((await acknowledge(broker)).status).to.equal(200)
  })

  it('holds across restarts, wherever it stands', async () => {
    await using folder = await temporaryFolder()
    const upstream = scriptedUpstream({ cutsOff: true })
    let ahead = 0
    const start = () =>
      startUpstreamBroker({ folder: folder.path, configure: withPublicUrl, upstreams: [upstream], ahead })
    let lease: Answered['body']
    {
      await using broker = await start()
      lease = await granted(broker, BOTH)
      upstream.script({ cutOff: 'unreachable' })
      await beginRecovery(broker)
    }
    {
      await using broker = await start()
      expectProblem(await broker.request(), 'unavailable')
      expect(await isActive(broker, tokenOf(lease))).to.equal(false)
      expect((await stepsOf(broker)).at(-1)).to.match(/^up: (running|failed)$/)
      upstream.script({ cutOff: 'ok' })
      await later(broker, 600)
      ahead = 600_000
      expect((await recoveryOf(broker)).state).to.equal('carried_out')
    }
    {
      await using broker = await start()
      expect((await recoveryOf(broker)).state).to.equal('carried_out')
      expect((await acknowledge(broker)).status).to.equal(200)
    }
    await using broker = await start()
    expect((await readiness(broker)).status).to.equal(200)
    await granted(broker, BOTH)
  })
})

describe('acknowledging a recovery', () => {
  it('is refused while a provider could not cut off what it handed out, and says what is open', async () => {
    await using broker = await startUpstreamBroker({ upstreams: [scriptedUpstream({ cutsOff: true })] })
    broker.upstream.script({ cutOff: 'unknown' })
    await beginRecovery(broker)
    await broker.app.sweep()
    expect(await stepsOf(broker)).to.deep.equal(['leases: done', 'keys: done', 'up: failed'])
    const refused = await acknowledge(broker)
    expectProblem(refused, 'conflict')
    expect(refused.body).to.include({
      state: 'running',
      detail: 'Not everything is done: up: The upstream answered 500. It is tried again.',
    })
    broker.upstream.script({ cutOff: 'ok' })
    await broker.app.sweep()
    expect((await stepsOf(broker)).at(-1), 'it is not tried at once').to.equal('up: failed')
    await later(broker, 11)
    expect((await stepsOf(broker)).at(-1)).to.equal('up: done')
    expect((await acknowledge(broker)).status).to.equal(200)
  })

  it('takes an operator who answers for a provider by its name, and for nothing else', async () => {
    await using broker = await startUpstreamBroker({ upstreams: [scriptedUpstream({ cutsOff: true })] })
    broker.upstream.script({ cutOff: 'unreachable' })
    await beginRecovery(broker)
    await broker.app.sweep()
    for (const accept of [[], ['leases', 'keys', 'other']])
      expectProblem(await acknowledge(broker, { accept }), 'conflict')
    expect((await acknowledge(broker, { accept: ['up'], reason: 'It burnt down' })).status).to.equal(200)
    const [record] = recordsOf(await readAudit(broker, 'operations'), 'recovery.acknowledged')
    expect(record?.subject['reason']).to.equal('It burnt down. up was not cut off')
  })

  it('is refused while one is still being asked', async () => {
    await using broker = await startUpstreamBroker({ upstreams: [scriptedUpstream({ cutsOff: true })] })
    broker.upstream.script({ cutOff: 'held' })
    await beginRecovery(broker)
    await broker.upstream.reached('cutOff')
    expectProblem(await acknowledge(broker), 'conflict')
    expect((await stepsOf(broker)).at(-1)).to.equal('up: running')
    broker.upstream.open()
    await broker.app.sweep()
    expect((await acknowledge(broker)).status).to.equal(200)
  })

  it('gives up what is still being asked of a provider that was accepted: it hits nothing that is minted afterwards', async () => {
    await using broker = await startUpstreamBroker({ upstreams: [scriptedUpstream({ cutsOff: true })] })
    broker.upstream.script({ cutOff: 'silent' })
    await beginRecovery(broker)
    await until('the upstream is asked', async () => (await stepsOf(broker)).at(-1) === 'up: running')
    const done = await acknowledge(broker, { accept: ['up'] })
    expect(done.status).to.equal(200)
    broker.upstream.script({ cutOff: 'ok' })
    const lease = await granted(broker, BOTH)
    await later(broker, 60)
    expect(broker.upstream.live()).to.have.length(1)
    const { body } = await broker.call('GET', `/v1/leases/${lease.id}`, { token: broker.operator('viewer') })
    expect(body.state).to.equal('active')
  })

  it('names what a provider without a cut-off leaves behind', async () => {
    await using broker = await startUpstreamBroker()
    await granted(broker, BOTH)
    await beginRecovery(broker)
    await broker.app.sweep()
    const [, , up] = (await recoveryOf(broker)).steps
    expect(up.state).to.equal('done')
    expect(up.remains[0]).to.match(/What it does not know of ends by itself/)
    expect(broker.upstream.live()).to.deep.equal([])
  })
})

describe('a broker that was started on a restored ledger', () => {
  async function restored(broker: TestBroker): Promise<TestBroker> {
    await broker.app[Symbol.asyncDispose]()
    markRestored(broker.folder)
    return startTestBroker({ folder: broker.folder, configure: withPublicUrl })
  }

  it('stands in a recovery by itself: nothing is minted, and nothing of before may be used', async () => {
    await using broker = await startTestBroker({ configure: withPublicUrl })
    const lease = await granted(broker)
    await using again = await restored(broker)
    expect(await recoveryOf(again)).to.deep.include({ state: 'waiting', cause: 'restored', begun: null })
    expect((await recoveryOf(again)).since).to.be.a('string')
    const refused = await again.request()
    expectProblem(refused, 'unavailable')
    expect(refused.body.detail).to.match(
      /^The broker is in recovery, because its ledger was restored from the backup of 2027/,
    )
    expect(await isActive(again, tokenOf(lease))).to.equal(false)
    expect((await readiness(again)).status).to.equal(503)
    for (const [verb, body] of [
      ['credentials', { grant: 'refunds-api' }],
      ['renew', { ttl: 60 }],
    ] as const)
      expectProblem(
        await again.call('POST', `/v1/leases/${lease.id}/${verb}`, { token: lease.token, body }),
        'unavailable',
      )
    const [record] = recordsOf(await readAudit(again, 'operations'), 'recovery.required')
    expect(record).to.deep.include({ actor: { type: 'broker', id: 'mayfly' } })
    expect(record?.subject).to.include({
      outcome: 'restored',
      reason: 'its ledger was restored from the backup of 2027-03-01T12:00:00.000Z',
    })
  })

  it('ends nothing and asks nobody before an operator begins', async () => {
    const upstream = scriptedUpstream({ cutsOff: true })
    await using broker = await startUpstreamBroker({ upstreams: [upstream] })
    const { id } = await granted(broker, BOTH)
    await broker.app[Symbol.asyncDispose]()
    markRestored(broker.folder)
    await using again = await startUpstreamBroker({ folder: broker.folder, upstreams: [upstream] })
    await later(again, 20)
    expect((await again.call('GET', `/v1/leases/${id}`, { token: again.operator('viewer') })).body.state).to.equal(
      'active',
    )
    expect(upstream.live()).to.have.length(1)
    expectProblem(await acknowledge(again), 'conflict')
    await beginRecovery(again)
    await again.app.sweep()
    expect(upstream.live()).to.deep.equal([])
    expect((await acknowledge(again)).status).to.equal(200)
  })

  it('that is older than a week waits for its clock to be accepted as well', async () => {
    await using broker = await startTestBroker({ configure: withPublicUrl })
    await granted(broker)
    await broker.app[Symbol.asyncDispose]()
    markRestored(broker.folder)
    const ahead = 30 * 24 * 3_600_000
    await using again = await startTestBroker({ folder: broker.folder, configure: withPublicUrl, ahead })
    const { body } = await readiness(again)
    expect(body.reasons).to.have.length(2)
    expect(body.reasons[1]).to.match(/^The clock is ahead of the time that is believed/)
    await beginRecovery(again)
    expect((await acknowledge(again)).status).to.equal(200)
    expectProblem(await again.request({ task: 'run-2' }), 'unavailable')
    expect((await again.call('POST', '/v1/clock/accept', { token: again.operator('admin') })).status).to.equal(200)
    const lease = await granted(again, { task: 'run-2' })
    await jwtVerify(tokenOf(lease), await keySet(again), { currentDate: new Date(again.clock.now()) })
  })

  it('begins it with a rotation of the keys as well', async () => {
    await using broker = await startTestBroker({ configure: withPublicUrl })
    const token = tokenOf(await granted(broker))
    await using again = await restored(broker)
    const rotated = await again.call('POST', '/v1/keys/rotate', { token: again.operator('admin') })
    expect(rotated.status).to.equal(200)
    expect(rotated.body.items.filter(({ use }: { use: string }) => use === 'access')).to.have.length(2)
    expect((await recoveryOf(again)).begun).to.include({ by: 'ada@example.com', reason: 'The keys were rotated' })
    expect((await acknowledge(again)).status).to.equal(200)
    expect(await jwtVerify(token, await keySet(again)).catch(() => 'refused')).to.equal('refused')
    await granted(again, { task: 'run-2' })
  })
})
