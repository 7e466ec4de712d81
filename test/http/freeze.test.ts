import { expect } from 'chai'

import { approve, askFor } from '../support/approvals.ts'
import { readAudit, recordsOf } from '../support/audit.ts'
import { startTestBroker, type Answered, type OperatorName, type TestBroker } from '../support/broker.ts'
import { errorPaths, expectProblem } from '../support/expect-problem.ts'
import { later } from '../support/later.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { startUpstreamBroker, WAREHOUSE } from '../support/upstream-broker.ts'

interface Made {
  readonly id: string
  readonly token: string
  readonly credentials: readonly { readonly value: { readonly access_token: string } }[]
}

const BOTH = { access: [{ grant: 'refunds-api' }, { grant: 'orders-api' }] }

const freeze = (broker: TestBroker, scope: unknown, as: OperatorName = 'operator'): Promise<Answered> =>
  broker.call('POST', '/v1/freeze', { token: broker.operator(as), body: { scope, reason: 'Something is odd' } })
const unfreeze = (broker: TestBroker, id: string, as: OperatorName = 'operator'): Promise<Answered> =>
  broker.call('POST', '/v1/unfreeze', { token: broker.operator(as), body: { id, reason: 'It was nothing' } })
const freezes = async (broker: TestBroker, query = '') =>
  (await broker.call('GET', `/v1/freezes${query}`, { token: broker.operator('viewer') })).body

const granted = async (broker: TestBroker, over: object = {}, agent?: string): Promise<Made> => {
  const { status, body } = await broker.request(over, agent === undefined ? {} : { agent })
  expect(status, JSON.stringify(body)).to.equal(201)
  return body as Made
}
const read = (broker: TestBroker, { id }: { readonly id: string }): Promise<Answered> =>
  broker.call('GET', `/v1/leases/${id}`, { token: broker.operator('viewer') })
const verb = (broker: TestBroker, { id, token }: Made, name: string, body?: object): Promise<Answered> =>
  broker.call('POST', `/v1/leases/${id}/${name}`, { token, ...(body && { body }) })

/** Its tokens name it, and the port is another one after a restart. */
const withPublicUrl = ({ server, ...settings }: Record<string, unknown>) => ({
  ...settings,
  server: { ...(server as object), public_url: 'https://mayfly.test' },
})

/** Whether each of its tokens is good at this instant, as an operator sees it. */
const areActive = (broker: TestBroker, { credentials }: Made): Promise<readonly boolean[]> =>
  Promise.all(
    credentials.map(async ({ value }) => {
      const headers = { 'content-type': 'application/x-www-form-urlencoded' }
      const call = { token: broker.operator('viewer'), headers, body: `token=${value.access_token}` }
      return (await broker.call('POST', '/oauth/introspect', call)).body.active as boolean
    }),
  )

describe('a freeze', () => {
  it('says what was stopped, by whom, when, and what it hits', async () => {
    await using broker = await startTestBroker()
    await granted(broker, BOTH)
    await granted(broker)
    await granted(broker, {}, 'other-bot')
    const before = broker.clock.now()
    const { status, headers, body } = await freeze(broker, { agent: 'support-bot' })
    expect(status).to.equal(201)
    expect(headers.get('cache-control')).to.equal('no-store')
    expect(body).to.have.all.keys('id', 'scope', 'reason', 'by', 'at', 'hits', 'note')
    expect(body.id).to.match(/^frz_[0-9a-hjkmnp-tv-z]{26}$/)
    expect(body).to.deep.include({
      ...{ scope: { agent: 'support-bot' }, reason: 'Something is odd', by: 'ops@example.com' },
      ...{ hits: { leases: 2, credentials: 3 } },
    })
    expect(Date.parse(body.at)).to.be.within(before, broker.clock.now())
  })

  it('of what is frozen already answers 200 with the same thing', async () => {
    await using broker = await startTestBroker()
    const first = await freeze(broker, { owner: 'dana@example.com' })
    await later(broker, 1)
    await granted(broker, {}, 'other-bot')
    for (const owner of ['dana@example.com', 'Dana@Example.com']) {
      const again = await freeze(broker, { owner }, 'admin')
      expect({ status: again.status, body: again.body }).to.deep.equal({ status: 200, body: first.body })
    }
    expect((await freezes(broker)).items).to.have.length(1)
    expect(recordsOf(await readAudit(broker, 'operations'), 'freeze.set')).to.have.length(1)
  })

  const HOLDS: readonly (readonly [kind: string, scope: (lease: Made) => object, frozenLease: boolean])[] = [
    ['all', () => ({ all: true }), true],
    ['agent', () => ({ agent: 'support-bot' }), true],
    ['owner', () => ({ owner: 'DANA@example.com' }), true],
    ['task', () => ({ task: 'run-1' }), true],
    ['task of an agent', () => ({ task: 'run-1', agent: 'support-bot' }), true],
    ['lease', ({ id }) => ({ lease: id }), true],
    ['provider', () => ({ provider: 'tokens' }), false],
    ['grant', () => ({ grant: 'refunds-api' }), false],
  ]
  for (const [kind, scopeOf, frozenLease] of HOLDS) {
    it(`of a scope of kind ${kind} stops every use, destroys nothing, and gives all of it back`, async () => {
      await using broker = await startTestBroker()
      const lease = await granted(broker)
      expect(await areActive(broker, lease), 'the control').to.deep.equal([true])
      const { body: frozen } = await freeze(broker, scopeOf(lease))
      expect(frozen.hits).to.deep.equal({ leases: 1, credentials: 1 })

      expect((await read(broker, lease)).body).to.include({ state: 'active', outcome: null, frozen: frozenLease })
      expect(await areActive(broker, lease)).to.deep.equal([false])
      await later(broker, 210)
      expectProblem(await verb(broker, lease, 'credentials', { grant: 'refunds-api' }), 'frozen')
      if (frozenLease) expectProblem(await verb(broker, lease, 'renew', { ttl: 300 }), 'frozen')
      expect((await verb(broker, lease, 'heartbeat')).status, 'it is alive all the same').to.equal(200)
      if (kind !== 'lease') expectProblem(await broker.request(), 'frozen')

      const lifted = await unfreeze(broker, frozen.id as string)
      expect(lifted.status).to.equal(200)
      expect(lifted.body).to.include({ id: frozen.id })
      expect((await read(broker, lease)).body).to.include({ state: 'active', frozen: false })
      expect(await areActive(broker, lease)).to.deep.equal([true])
      expect((await verb(broker, lease, 'credentials', { grant: 'refunds-api' })).status).to.equal(201)
      expect((await verb(broker, lease, 'renew', { ttl: 300 })).status).to.equal(200)
      expect((await broker.request()).status).to.equal(201)
    })
  }

  it('leaves everything outside its scope alone', async () => {
    await using broker = await startTestBroker()
    const lease = await granted(broker)
    const outside: readonly (readonly [scope: object, over: object, agent?: string])[] = [
      [{ agent: 'support-bot' }, {}, 'other-bot'],
      [{ owner: 'dana@example.com' }, {}, 'other-bot'],
      [{ task: 'run-1' }, { task: 'run-2' }],
      [{ task: 'run-1' }, {}, 'other-bot'],
      [{ lease: lease.id }, {}],
      [{ grant: 'refunds-api' }, { access: [{ grant: 'orders-api' }] }],
      [{ grant: 'refunds-api' }, { access: [], tools: [{ tool: 'orders.get' }] }],
    ]
    for (const [scope, over, agent] of outside) {
      const { body: frozen } = await freeze(broker, scope)
      const other = await granted(broker, over, agent)
      expect((await read(broker, other)).body.frozen, JSON.stringify(scope)).to.equal(false)
      for (const active of await areActive(broker, other)) expect(active, JSON.stringify(scope)).to.equal(true)
      expect((await verb(broker, other, 'renew', { ttl: 300 })).status, JSON.stringify(scope)).to.equal(200)
      await unfreeze(broker, frozen.id as string)
      await verb(broker, other, 'complete', { outcome: 'success' })
    }
  })

  it('of a grant stops that credential of a lease, and not its others', async () => {
    await using broker = await startTestBroker()
    const lease = await granted(broker, BOTH)
    await freeze(broker, { grant: 'orders-api' })
    expect(await areActive(broker, lease)).to.deep.equal([true, false])
    await later(broker, 210)
    expectProblem(await verb(broker, lease, 'credentials', { grant: 'orders-api' }), 'frozen')
    expect((await verb(broker, lease, 'credentials', { grant: 'refunds-api' })).status).to.equal(201)
    expectProblem(await broker.request({ task: 'run-2', ...BOTH }), 'frozen')
  })

  it('lets who holds a lease complete it, and operators revoke it', async () => {
    await using broker = await startTestBroker()
    const [one, other] = [await granted(broker), await granted(broker)]
    await freeze(broker, { all: true })
    const completed = await verb(broker, one, 'complete', { outcome: 'success' })
    expect({ status: completed.status, ...completed.body }).to.include({
      status: 200,
      state: 'closed',
      outcome: 'completed',
    })
    const token = broker.operator('operator')
    const revoked = await broker.call('POST', `/v1/leases/${other.id}/revoke`, { token, body: { reason: 'Enough' } })
    expect({ status: revoked.status, ...revoked.body }).to.include({ status: 200, state: 'closed', outcome: 'revoked' })
  })

  it('lets what is due end: a frozen lease lasts no longer', async () => {
    await using broker = await startTestBroker()
    const lease = await granted(broker, { ttl: 60 })
    await freeze(broker, { lease: lease.id })
    await later(broker, 61)
    expect((await read(broker, lease)).body).to.include({ state: 'closed', outcome: 'expired' })
  })

  it('keeps a lease that is approved meanwhile from everything but its end', async () => {
    await using broker = await startTestBroker()
    const asked = await askFor(broker)
    await freeze(broker, { agent: 'support-bot' })
    expect((await approve(broker, asked)).status).to.equal(200)
    const lease: Made = { id: asked.lease, token: asked.token, credentials: [] }
    expect((await read(broker, lease)).body).to.include({ state: 'active', frozen: true })
    expectProblem(await verb(broker, lease, 'credentials', { grant: 'refunds-api' }), 'frozen')
    expect((await verb(broker, lease, 'complete', { outcome: 'success' })).status).to.equal(200)
  })

  it('tells who asks that an upstream knows nothing of it: what it issued keeps working there until it is closed', async () => {
    await using broker = await startUpstreamBroker()
    const lease = await granted(broker, { access: [WAREHOUSE] })
    const { body: frozen } = await freeze(broker, { provider: 'up' })
    expect(frozen.hits).to.deep.equal({ leases: 1, credentials: 1 })
    expect(frozen.note).to.match(/keep working there until they are closed/)
    expect(broker.upstream.live()).to.have.length(1)
    expectProblem(await broker.request({ access: [WAREHOUSE] }), 'frozen')
    await verb(broker, lease, 'complete', { outcome: 'success' })
    await broker.app.sweep()
    expect(broker.upstream.live()).to.deep.equal([])
  })

  it('comes before what is being minted: nothing leaves', async () => {
    await using broker = await startUpstreamBroker()
    broker.upstream.script({ mint: 'held' })
    const asking = broker.request({ access: [WAREHOUSE] })
    await broker.upstream.reached('mint')
    await freeze(broker, { agent: 'support-bot' })
    broker.upstream.open()
    expectProblem(await asking, 'frozen')
    await broker.app.sweep()
    expect(broker.upstream.live()).to.deep.equal([])
  })

  it('survives a restart', async () => {
    await using folder = await temporaryFolder()
    const options = { folder: folder.path, configure: withPublicUrl }
    const first = await startTestBroker(options)
    const lease = await granted(first)
    const { body: frozen } = await freeze(first, { lease: lease.id })
    await first[Symbol.asyncDispose]()
    await using second = await startTestBroker(options)
    expect((await read(second, lease)).body.frozen).to.equal(true)
    expect(await areActive(second, lease)).to.deep.equal([false])
    expect((await unfreeze(second, frozen.id as string)).status).to.equal(200)
    expect(await areActive(second, lease)).to.deep.equal([true])
  })

  it('needs the role operator', async () => {
    await using broker = await startTestBroker()
    const lease = await granted(broker)
    for (const as of ['viewer', 'approver'] as const) {
      expectProblem(await freeze(broker, { all: true }, as), 'forbidden')
      expectProblem(await unfreeze(broker, `frz_${'0'.repeat(26)}`, as), 'forbidden')
    }
    for (const token of [lease.token, broker.identity(), broker.pep]) {
      const body = { scope: { all: true }, reason: 'Mine' }
      expectProblem(await broker.call('POST', '/v1/freeze', { token, body }), 'forbidden')
    }
    expect((await freezes(broker)).items).to.deep.equal([])
  })

  it('names one scope that there is, and says why', async () => {
    await using broker = await startTestBroker()
    const shapes = [
      {},
      { all: false },
      { all: 'yes' },
      { agent: '' },
      { agent: 'support-bot', owner: 'dana@example.com' },
      { all: true, agent: 'support-bot' },
      { everything: true },
      'all',
      [],
      null,
    ]
    for (const scope of shapes) expectProblem(await freeze(broker, scope), 'invalid-request')
    for (const body of [{ scope: { all: true } }, { scope: { all: true }, reason: '' }, { reason: 'x' }])
      expectProblem(
        await broker.call('POST', '/v1/freeze', { token: broker.operator('operator'), body }),
        'invalid-request',
      )
    const lease = `lse_${'0'.repeat(26)}`
    const nobody = ['agent', 'owner', 'task', 'provider', 'grant'].map((kind) => ({ [kind]: 'nobody' }))
    for (const scope of [...nobody, { lease }, { lease: 'nobody' }, { agent: '__proto__' }])
      expectProblem(await freeze(broker, scope), 'not-found')
    expect((await freezes(broker)).items).to.deep.equal([])
  })

  it('of a task that two agents have says whose there are', async () => {
    await using broker = await startTestBroker()
    const [mine, theirs] = [await granted(broker), await granted(broker, {}, 'other-bot')]
    const problem = expectProblem(await freeze(broker, { task: 'run-1' }), 'conflict')
    expect(problem.agents).to.have.members(['support-bot', 'other-bot'])
    const { status, body } = await freeze(broker, { task: 'run-1', agent: 'other-bot' })
    expect(status).to.equal(201)
    expect(body.scope).to.deep.equal({ task: 'run-1', agent: 'other-bot' })
    const states = await Promise.all([mine, theirs].map(async (lease) => (await read(broker, lease)).body.frozen))
    expect(states).to.deep.equal([false, true])
    expectProblem(await freeze(broker, { task: 'run-1', agent: 'nobody' }), 'not-found')
  })
})

describe('unfreezing', () => {
  it('lifts one freeze of several: what another covers stays frozen', async () => {
    await using broker = await startTestBroker()
    const lease = await granted(broker)
    const { body: one } = await freeze(broker, { all: true })
    const { body: other } = await freeze(broker, { agent: 'support-bot' })
    await unfreeze(broker, one.id as string)
    expect((await read(broker, lease)).body.frozen).to.equal(true)
    await unfreeze(broker, other.id as string)
    expect((await read(broker, lease)).body.frozen).to.equal(false)
  })

  it('is repeated without an effect', async () => {
    await using broker = await startTestBroker()
    const { body: frozen } = await freeze(broker, { all: true })
    const answers = [await unfreeze(broker, frozen.id as string), await unfreeze(broker, frozen.id as string, 'admin')]
    for (const { status, body } of answers) {
      expect(status).to.equal(200)
      expect(body).to.deep.include({ id: frozen.id, scope: { all: true }, reason: 'Something is odd' })
    }
    expect(recordsOf(await readAudit(broker, 'operations'), 'freeze.lifted')).to.have.length(1)
    const { status, body } = await freeze(broker, { all: true })
    expect(status).to.equal(201)
    expect(body.id, 'frozen again, it is another freeze').to.not.equal(frozen.id)
  })

  it('of what is none is not found', async () => {
    await using broker = await startTestBroker()
    const { body: frozen } = await freeze(broker, { all: true })
    for (const id of [`frz_${'0'.repeat(26)}`, `lse_${'0'.repeat(26)}`, 'frz_', 'all', frozen.id.toUpperCase()])
      expectProblem(await unfreeze(broker, id as string), 'not-found')
  })

  it('says why', async () => {
    await using broker = await startTestBroker()
    const { body: frozen } = await freeze(broker, { all: true })
    for (const [body, path] of [
      [{ id: frozen.id }, '/reason'],
      [{ reason: 'x' }, '/id'],
    ] as const) {
      const answer = await broker.call('POST', '/v1/unfreeze', { token: broker.operator('operator'), body })
      expect(errorPaths(expectProblem(answer, 'invalid-request'))).to.deep.equal([path])
    }
  })
})

describe('the list of freezes', () => {
  it('holds those in force, newest first, a page at a time', async () => {
    await using broker = await startTestBroker()
    const lease = await granted(broker)
    const made: string[] = []
    const scopes = [{ all: true }, { agent: 'support-bot' }, { lease: lease.id }, { grant: 'refunds-api' }]
    for (const scope of scopes) {
      made.unshift((await freeze(broker, scope)).body.id as string)
      await later(broker, 1)
    }
    await unfreeze(broker, made[1] as string)
    const left = made.filter((_, at) => at !== 1)
    const whole = await freezes(broker)
    expect(whole.items.map(({ id }: { id: string }) => id)).to.deep.equal(left)
    expect(whole.next_cursor).to.equal(null)
    for (const each of whole.items) {
      expect(each).to.have.all.keys('id', 'scope', 'reason', 'by', 'at', 'hits', 'note')
      expect(each.hits, 'nobody counts in a list').to.equal(null)
    }
    const first = await freezes(broker, '?limit=2')
    expect(first.items.map(({ id }: { id: string }) => id)).to.deep.equal(left.slice(0, 2))
    const second = await freezes(broker, `?limit=2&cursor=${first.next_cursor as string}`)
    expect(second.items.map(({ id }: { id: string }) => id)).to.deep.equal(left.slice(2))
    expect(second.next_cursor).to.equal(null)
  })

  it('holds no revocation, and takes no cursor of another list', async () => {
    await using broker = await startTestBroker()
    await granted(broker)
    await granted(broker)
    const token = broker.operator('operator')
    await broker.call('POST', '/v1/agents/other-bot/revoke', { token, body: { reason: 'Enough' } })
    expect((await freezes(broker)).items).to.deep.equal([])
    const { body } = await broker.call('GET', '/v1/leases?limit=1', { token })
    const answer = await broker.call('GET', `/v1/freezes?cursor=${body.next_cursor as string}`, { token })
    expect(errorPaths(expectProblem(answer, 'invalid-request'))).to.deep.equal(['/cursor'])
  })
})

describe('the record of a freeze', () => {
  it('says what was stopped and why, and that it was lifted and why', async () => {
    await using broker = await startTestBroker()
    await granted(broker)
    const set = await freeze(broker, { task: 'run-1' })
    const lifted = await unfreeze(broker, set.body.id as string, 'admin')
    const records = await readAudit(broker, 'operations')
    const scope = { task: 'run-1', agent: 'support-bot' }
    const [first] = recordsOf(records, 'freeze.set')
    expect(first).to.deep.include({
      ...{ actor: { type: 'operator', id: 'ops@example.com' }, request_id: set.headers.get('request-id') },
      ...{ agent: null, owner: null, task: null, lease: null, decision: null, fingerprint: null },
      subject: { scope, reason: 'Something is odd' },
    })
    const [second] = recordsOf(records, 'freeze.lifted')
    expect(second).to.deep.include({
      ...{ actor: { type: 'operator', id: 'ada@example.com' }, request_id: lifted.headers.get('request-id') },
      subject: { scope, reason: 'It was nothing' },
    })
  })
})
