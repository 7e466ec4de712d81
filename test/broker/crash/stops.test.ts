import { expect } from 'chai'
import type { Answered } from '../../support/broker.ts'
import { ORDINARY } from '../../support/broker.ts'
import { startBrokerProcess, type ProcessBroker } from '../../support/broker-process.ts'
import { crashWorld, type CrashWorld } from '../../support/crash-world.ts'
import type { Session } from '../../support/kill-acts.ts'
import type { KillPoint } from '../../support/kill-points.ts'
import { killAll, recover } from '../../support/kill-rounds.ts'
import { WAREHOUSE } from '../../support/upstream-broker.ts'

const operate = ({ world, broker }: Session, path: string, body: object): Promise<Answered> =>
  broker.call('POST', path, { token: world.operator('operator'), body: { reason: 'Stop', ...body } })

const ask = ({ world, broker }: Session, over: object = {}, agent = 'support-bot'): Promise<Answered> =>
  broker.call('POST', '/v1/leases', { token: world.identity(agent), body: { ...ORDINARY, ...over } })

/** Runs in a broker that is killed at the end of it. */
async function killedAfter<T>(world: CrashWorld, live: (session: Session) => Promise<T>): Promise<T> {
  await using process = await startBrokerProcess()
  const sessions = await recover(process, [world])
  const [session] = sessions
  if (!session) throw new Error('No broker')
  const value = await live(session)
  await killAll(process, sessions, 'after it was answered')
  return value
}

describe('a freeze that was answered', function () {
  this.timeout(60_000)

  it('of every scope holds after a kill, and so does lifting it', async () => {
    await using world = await crashWorld()
    const frozen = await killedAfter(world, async (session) => {
      const { id } = await session.world.grant(session.broker)
      const scopes = [
        { all: true },
        { agent: 'support-bot' },
        { owner: 'dana@example.com' },
        { task: ORDINARY.task },
        { provider: 'tokens' },
        { grant: 'refunds-api' },
        { lease: id },
      ]
      const answers = []
      for (const scope of scopes) answers.push(await operate(session, '/v1/freeze', { scope }))
      expect(answers.map(({ status }) => status)).to.deep.equal(scopes.map(() => 201))
      return answers.map(({ body }) => body.id as string)
    })
    await killedAfter(world, async (session) => {
      const listed = await session.broker.call('GET', '/v1/freezes', { token: session.world.operator('viewer') })
      expect(listed.body.items.map(({ id }: { id: string }) => id)).to.have.members(frozen)
      const ofLease = frozen.at(-1)
      for (const id of frozen.slice(0, -1)) {
        expect((await ask(session)).status, `before ${id} is lifted`).to.equal(503)
        expect((await operate(session, '/v1/unfreeze', { id })).status).to.equal(200)
      }
      expect((await ask(session)).status).to.equal(201)
      const [lease] = session.world.held()
      expect((await readLease(session, lease?.id)).body.frozen).to.equal(true)
      expect((await operate(session, '/v1/unfreeze', { id: ofLease })).status).to.equal(200)
    })
    await killedAfter(world, async (session) => {
      const [lease] = session.world.held()
      expect((await readLease(session, lease?.id)).body).to.include({ frozen: false, state: 'active' })
      expect((await ask(session)).status).to.equal(201)
    })
  })
})

const readLease = ({ world, broker }: Session, lease: string | undefined): Promise<Answered> =>
  broker.call('GET', `/v1/leases/${lease}`, { token: world.operator('viewer') })

describe('a stop that a kill cuts off', function () {
  this.timeout(60_000)
  const points: readonly KillPoint['when'][] = ['before', 'after', 'inside']

  interface Verb {
    readonly step: 'mark' | 'lift'
    /** What was there before it. */
    readonly prepare: (session: Session) => Promise<object>
    readonly verb: (session: Session, prepared: object) => Promise<unknown>
    /** What a request for a lease is answered while the mark is in force. */
    readonly stopped: number
  }
  const freeze = (session: Session) => operate(session, '/v1/freeze', { scope: { agent: 'support-bot' } })
  const revoke = (session: Session) => operate(session, '/v1/agents/support-bot/revoke', {})
  const verbs: Readonly<Record<string, Verb>> = {
    'a freeze': { step: 'mark', prepare: () => Promise.resolve({}), verb: freeze, stopped: 503 },
    'lifting a freeze': {
      step: 'lift',
      prepare: async (session) => ({ id: (await freeze(session)).body.id }),
      verb: (session, frozen) => operate(session, '/v1/unfreeze', frozen),
      stopped: 503,
    },
    'a revocation of an agent': { step: 'mark', prepare: () => Promise.resolve({}), verb: revoke, stopped: 403 },
    'restoring an agent': {
      step: 'lift',
      prepare: async (session) => ((await revoke(session)).status === 200 ? {} : expect.fail('It was not revoked')),
      verb: (session) => operate(session, '/v1/agents/support-bot/restore', {}),
      stopped: 403,
    },
  }
  for (const [name, { step, prepare, verb, stopped }] of Object.entries(verbs)) {
    it(`${name} is done or not done, and never half`, async () => {
      await using worlds = new AsyncDisposableStack()
      const all = await Promise.all(points.map(async () => worlds.use(await crashWorld())))
      await using process = await startBrokerProcess()
      const sessions = await recover(process, all)
      for (const [at, session] of sessions.entries()) {
        const prepared = await prepare(session)
        await session.broker.arm({ step, when: points[at] ?? 'before' })
        verb(session, prepared).catch(() => undefined)
        await session.broker.reached
      }
      await killAll(process, sessions, name)
      await using next = await startBrokerProcess()
      const [before, after, inside] = await Promise.all(
        (await recover(next, all)).map(async (session) => (await ask(session)).status === stopped),
      )
      const done = step === 'mark'
      expect({ before, after, inside }).to.deep.equal({ before: !done, after: done, inside: !done })
    })
  }
})

describe('a revocation that sticks', function () {
  this.timeout(60_000)

  it('ends after a kill what it had not ended before, and keeps new leases away', async () => {
    await using world = await crashWorld()
    await killedAfter(world, async (session) => {
      const leases = [await world.grant(session.broker), await world.grant(session.broker)]
      await session.broker.arm({ step: 'mark', when: 'after' })
      operate(session, `/v1/owners/dana@example.com/revoke`, {}).catch(() => undefined)
      await session.broker.reached
      leases.forEach(world.letGo)
      expect([...world.ledger().leases.values()].map(({ state }) => state)).to.deep.equal(['active', 'active'])
      expect(world.upstream.live()).to.have.length(2)
    })
    await killedAfter(world, async (session) => {
      await session.broker.sweep()
      const leases = [...world.ledger().leases.values()]
      expect(leases.map(({ outcome }) => outcome)).to.deep.equal(['revoked', 'revoked'])
      expect(world.upstream.live()).to.deep.equal([])
      expect((await ask(session)).status).to.equal(403)
      expect((await ask(session, {}, 'other-bot')).status, 'of another owner').to.equal(201)
    })
  })

  it('would be gone if it had been answered before it was on the disk (a control)', async () => {
    await using world = await crashWorld()
    await using process = await startBrokerProcess()
    const broker = await world.startIn(process, { forget: 'mark' })
    const { status } = await operate({ world, broker }, '/v1/agents/support-bot/revoke', {})
    expect(status).to.equal(200)
    await process.kill()
    const granted = await killedAfter(world, (session) => ask(session))
    expect(granted.status).to.equal(201)
  })
})

describe('the question after a revocation', function () {
  this.timeout(60_000)

  it('is asked after a kill too, for that task, for a day', async () => {
    await using world = await crashWorld()
    await killedAfter(world, async (session) => {
      const lease = await world.grant(session.broker)
      world.letGo(lease)
      expect((await operate(session, `/v1/leases/${lease.id}/revoke`, {})).status).to.equal(200)
    })
    await killedAfter(world, async (session) => {
      const asked = await ask(session)
      expect(asked.status).to.equal(202)
      expect(asked.body.decision.rules.map(({ id }: { id: string }) => id)).to.include('guard:revoked')
      expect((await ask(session, { task: 'run-2' })).status).to.equal(201)
    })
    await killedAfter(world, async (session) => {
      await later(session, 24 * 3600 - 60)
      expect((await ask(session)).status).to.equal(202)
    })
    await killedAfter(world, async (session) => {
      await later(session, 61)
      expect((await ask(session)).status, 'a day after').to.equal(201)
    })
  })
})

async function later({ world, broker }: Session, seconds: number): Promise<void> {
  await world.advance(broker, seconds * 1000)
  await broker.sweep()
}

describe('a lease with a heartbeat', function () {
  this.timeout(60_000)
  const HEARTBEAT = { access: [WAREHOUSE], heartbeat: 10 }
  const stateOf = (world: CrashWorld, id: string): string => {
    const row = world.ledger().leases.get(id)
    return row?.outcome ?? row?.state ?? 'gone'
  }
  const beat = ({ broker }: Session, { id, token }: { readonly id: string; readonly token: string }) =>
    broker.call('POST', `/v1/leases/${id}/heartbeat`, { token })

  it('whose agent fell silent is lost two intervals after the restart, and no sooner; one that speaks is not', async () => {
    await using world = await crashWorld()
    const leases = await killedAfter(world, async ({ broker }) => ({
      silent: await world.grant(broker, HEARTBEAT),
      alive: await world.grant(broker, HEARTBEAT),
    }))
    const { silent, alive } = leases
    await killedAfter(world, async (session) => {
      await later(session, 12)
      expect((await beat(session, alive)).status).to.equal(200)
      await later(session, 7)
      expect(stateOf(world, silent.id), 'the start forgives').to.equal('active')
      await later(session, 2)
      expect(stateOf(world, silent.id)).to.equal('lost')
      expect(stateOf(world, alive.id)).to.equal('active')
    })
    await killedAfter(world, async (session) => {
      expect(stateOf(world, silent.id)).to.equal('lost')
      expect((await beat(session, silent)).status).to.equal(409)
      expect((await beat(session, alive)).status).to.equal(200)
      expect(world.upstream.live()).to.deep.equal([alive.handle])
    })
  })

  it('that was being lost when the broker was killed is lost after the restart', async () => {
    await using world = await crashWorld()
    const lease = await killedAfter(world, async (session) => {
      const held = await world.grant(session.broker, HEARTBEAT)
      await world.advance(session.broker, 21_000)
      await session.broker.arm({ step: 'close', when: 'after' })
      session.broker.sweep().catch(() => undefined)
      await session.broker.reached
      return held
    })
    expect(stateOf(world, lease.id)).to.equal('lost')
    expect(world.upstream.live()).to.deep.equal([lease.handle])
    await killedAfter(world, ({ broker }: { readonly broker: ProcessBroker }) => broker.sweep())
    expect(world.upstream.live()).to.deep.equal([])
  })
})
