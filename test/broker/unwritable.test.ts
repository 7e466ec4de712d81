import { expect } from 'chai'
import { readAudit, recordsOf } from '../support/audit.ts'
import type { Answered } from '../support/broker.ts'
import { startClockedBroker, type ClockedBroker } from '../support/clocked-broker.ts'
import { expectProblem } from '../support/expect-problem.ts'
import { scriptedUpstream } from '../support/scripted-upstream.ts'
import { unwritable } from '../support/unwritable.ts'
import { orphans, WAREHOUSE } from '../support/upstream-broker.ts'

const LOCAL = { grant: 'refunds-api', actions: ['refund:create'] }

interface Held {
  readonly id: string
  readonly token: string
  readonly accessToken: string
}

/** A lease with a credential of each kind: signed here, and minted upstream. */
async function lease(broker: ClockedBroker): Promise<Held> {
  const { status, body } = await broker.request({ access: [LOCAL, WAREHOUSE] })
  if (status !== 201) throw new Error(`No lease: ${status} ${JSON.stringify(body)}`)
  const signed = body.credentials.find(({ type }: { readonly type: string }) => type === 'jwt')
  return { id: body.id, token: body.token, accessToken: signed.value.access_token }
}

/** Every use of a lease that needs no commit: what each says of it now. */
async function uses(broker: ClockedBroker, { id, token, accessToken }: Held) {
  const alive = await broker.call('POST', `/v1/leases/${id}/heartbeat`, { token })
  const more = await broker.call('POST', `/v1/leases/${id}/credentials`, { token, body: { grant: 'refunds-api' } })
  const introspected = await broker.call('POST', '/oauth/introspect', {
    token: broker.pep,
    body: new URLSearchParams({ token: accessToken }).toString(),
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  })
  return { alive: alive.status, active: introspected.body.active, more: more.status }
}

interface Stop {
  readonly stop: (broker: ClockedBroker, held: Held) => Promise<Answered>
  readonly outcome: string
}

const byOperator = (broker: ClockedBroker, path: string, body: object = {}): Promise<Answered> =>
  broker.call('POST', path, { token: broker.operator('operator'), body: { reason: 'Stolen', ...body } })

const stops: Readonly<Record<string, Stop>> = {
  'the end that its agent says': {
    stop: (broker, { id, token }) =>
      broker.call('POST', `/v1/leases/${id}/complete`, { token, body: { outcome: 'success' } }),
    outcome: 'completed',
  },
  'its revocation': { stop: (broker, { id }) => byOperator(broker, `/v1/leases/${id}/revoke`), outcome: 'revoked' },
  'a revocation of its agent': {
    stop: (broker) => byOperator(broker, '/v1/agents/support-bot/revoke'),
    outcome: 'revoked',
  },
  'a revocation of its owner': {
    stop: (broker) => byOperator(broker, '/v1/owners/dana@example.com/revoke'),
    outcome: 'revoked',
  },
  'a revocation of its task': { stop: (broker) => byOperator(broker, '/v1/tasks/run-1/revoke'), outcome: 'revoked' },
}

describe('a ledger that cannot be written', () => {
  for (const [what, { stop, outcome }] of Object.entries(stops)) {
    it(`does not keep ${what} from holding at once, reaching the upstream, and being on record as soon as it can be`, async () => {
      const disk = unwritable()
      const upstream = scriptedUpstream({ leastLifeMs: 86_400_000 })
      const app = { decorate: { store: disk.store } }
      await using broker = await startClockedBroker({ app, upstreams: [upstream] })
      const held = await lease(broker)
      expect(await uses(broker, held)).to.deep.equal({ alive: 200, active: true, more: 409 })

      disk.fail()
      expect((await uses(broker, held)).active, 'the control: an outage alone stops nothing').to.equal(true)
      const answer = await stop(broker, held)
      expectProblem(answer, 'unavailable')
      expect(upstream.live(), 'what the upstream made').to.deep.equal([])
      expect(orphans(broker.folder, upstream)).to.deep.equal([])
      expect((await uses(broker, held)).active, 'held in this process').to.equal(false)

      disk.mend()
      expect(await uses(broker, held), 'before anything was written').to.deep.equal({
        alive: 409,
        active: false,
        more: 409,
      })
      await broker.pass(0)
      await broker.pass(0)
      const { body } = await broker.call('GET', `/v1/leases/${held.id}`, { token: broker.operator('viewer') })
      expect(body).to.deep.include({ state: 'closed', outcome })
      const [closed] = recordsOf(await readAudit(broker, 'operations'), 'lease.closed')
      expect(closed?.subject).to.include({ id: held.id, outcome })
      expect((await stop(broker, held)).status, 'asked again, as the answer said').to.equal(200)

      await broker.app[Symbol.asyncDispose]()
      await using next = await startClockedBroker({
        clocks: broker.clocks,
        folder: broker.folder,
        upstreams: [upstream],
      })
      expect(await uses(next, held), 'after a restart').to.deep.equal({ alive: 409, active: false, more: 409 })
    })
  }

  it('does not keep a freeze from holding at once, and one that was asked for again is lifted once', async () => {
    const disk = unwritable()
    await using broker = await startClockedBroker({ app: { decorate: { store: disk.store } } })
    const held = await lease(broker)
    disk.fail()
    const scope = { agent: 'support-bot' }
    expectProblem(await byOperator(broker, '/v1/freeze', { scope }), 'unavailable')
    expectProblem(await byOperator(broker, '/v1/freeze', { scope }), 'unavailable')
    expect((await uses(broker, held)).active).to.equal(false)
    expect(broker.upstream.live(), 'a freeze destroys nothing').to.have.length(1)
    disk.mend()
    expect((await uses(broker, held)).active, 'before anything was written').to.equal(false)
    const { status, body } = await byOperator(broker, '/v1/freeze', { scope })
    expect(status).to.be.oneOf([200, 201])
    await byOperator(broker, '/v1/unfreeze', { id: body.id })
    await broker.pass(0)
    expect((await uses(broker, held)).active).to.equal(true)
    const { body: left } = await broker.call('GET', '/v1/freezes', { token: broker.operator('viewer') })
    expect(left.items).to.deep.equal([])
  })

  it('lets nothing come back that was restored: a revocation is on record before it is lifted', async () => {
    const disk = unwritable()
    await using broker = await startClockedBroker({ app: { decorate: { store: disk.store } } })
    disk.fail()
    expectProblem(await byOperator(broker, '/v1/agents/support-bot/revoke'), 'unavailable')
    expectProblem(await byOperator(broker, '/v1/agents/support-bot/restore'), 'unavailable')
    disk.mend()
    const { status, body } = await byOperator(broker, '/v1/agents/support-bot/restore')
    expect({ status, already: body.already }).to.deep.equal({ status: 200, already: false })
    await broker.app.sweep()
    expect((await broker.request()).status).to.equal(201)
  })

  it('gives away nothing: no lease, no credential, no renewal', async () => {
    const disk = unwritable()
    await using broker = await startClockedBroker({ app: { decorate: { store: disk.store } } })
    const { id, token } = await lease(broker)
    broker.clocks.pass(250_000)
    disk.fail()
    const call = (verb: string, body: object): Promise<Answered> =>
      broker.call('POST', `/v1/leases/${id}/${verb}`, { token, body })
    const answers = [
      await broker.request({ task: 'run-2' }),
      await call('renew', { ttl: 300 }),
      await call('credentials', { grant: 'refunds-api' }),
      await call('credentials', { grant: WAREHOUSE.grant }),
    ]
    for (const answer of answers) expectProblem(answer, 'unavailable')
    expect(broker.upstream.mints.size, 'and no upstream is asked before the intent is on record').to.equal(1)
  })

  it('loses nothing that ends meanwhile', async () => {
    const disk = unwritable()
    const upstream = scriptedUpstream({ leastLifeMs: 86_400_000 })
    await using broker = await startClockedBroker({ app: { decorate: { store: disk.store } }, upstreams: [upstream] })
    const held = await lease(broker)
    disk.fail()
    await broker.pass(301_000)
    expect(await uses(broker, held)).to.include({ alive: 409, active: false })
    disk.mend()
    await broker.pass(1000)
    expect(upstream.live()).to.deep.equal([])
  })
})
