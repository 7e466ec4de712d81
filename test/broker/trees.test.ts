import Database from 'better-sqlite3'
import { expect } from 'chai'
import { join } from 'node:path'
import type { SqliteStore } from '../../src/store/sqlite/open-store.ts'
import { startClockedBroker, type ClockedBroker } from '../support/clocked-broker.ts'
import { disposedBy } from '../support/disposed-by.ts'
import { readLedger } from '../support/ledger-file.ts'
import { watchLoop } from '../support/longest-stall.ts'
import { sampleLease } from '../support/sample-rows.ts'
import { scriptedUpstream } from '../support/scripted-upstream.ts'
import { memoryFolder } from '../support/temporary-folder.ts'
import { plant, type Planted } from '../support/trees.ts'

/** A broker whose ledger a test reaches, and whose commits it can hold back once it has closed something. */
async function treeBroker() {
  await using opened = new AsyncDisposableStack()
  const folder = opened.use(await memoryFolder())
  const upstream = scriptedUpstream()
  let ledger: SqliteStore | undefined
  let open = (): void => undefined
  let held: Promise<void> | undefined
  let armed = false
  const store = (real: SqliteStore): SqliteStore => {
    ledger = real
    return {
      ...real,
      commit: async (step) => {
        await held
        const result = await real.commit(step)
        if (armed && !held) held = new Promise((resolve) => (open = resolve))
        return result
      },
    }
  }
  const broker = opened.use(
    await startClockedBroker({ folder: folder.path, upstreams: [upstream], app: { decorate: { store } } }),
  )
  await broker.pass(0)
  return {
    ...disposedBy(opened),
    broker,
    upstream,
    ledger: (): SqliteStore => {
      if (!ledger) throw new Error('There is no ledger yet')
      return ledger
    },
    /** Lets one more commit through, and none after it until `release`. */
    holdAfterNext: () => void (armed = true),
    release: () => {
      armed = false
      held = undefined
      open()
    },
  }
}

const beat = async (broker: ClockedBroker, { lease: { id }, token }: Planted): Promise<number> =>
  (await broker.call('POST', `/v1/leases/${id}/heartbeat`, { token })).status
const fetchAgain = async (broker: ClockedBroker, { lease: { id }, token }: Planted): Promise<number> =>
  (await broker.call('POST', `/v1/leases/${id}/credentials`, { token, body: { grant: 'refunds-api' } })).status
const revoke = (broker: ClockedBroker, id: string) =>
  broker.call('POST', `/v1/leases/${id}/revoke`, { token: broker.operator('operator'), body: { reason: 'Stolen' } })
const shown = async (broker: ClockedBroker, { lease: { id } }: Planted) =>
  (await broker.call('GET', `/v1/leases/${id}`, { token: broker.operator('viewer') })).body

const states = (folder: string): Readonly<Record<string, number>> => {
  const counts: Record<string, number> = {}
  for (const { state, outcome } of readLedger(folder).leases.values()) {
    const what = outcome === null ? state : `${state} (${outcome})`
    counts[what] = (counts[what] ?? 0) + 1
  }
  return counts
}

describe('a tree of ten thousand leases', () => {
  it('is dead with the commit that ends its root, and its rows follow without holding the loop for 100 ms', async function () {
    this.timeout(60_000)
    await using world = await treeBroker()
    const { broker, upstream } = world
    const now = broker.clocks.truth()
    // One in a hundred has something at an upstream.
    const tree = await plant(world.ledger(), [1, 9, 90, 900, 9000], {
      now,
      upstream: (at) => (at % 100 === 1 ? upstream : null),
    })
    expect(tree).to.have.length(10_000)
    const root = tree[0]!
    const some = [1, 5, 50, 500, 5000, 9999].map((at) => tree[at]!)
    for (const each of some) expect(await beat(broker, each), 'the control: alive').to.equal(200)
    expect(upstream.live()).to.have.length(100)

    world.holdAfterNext()
    expect((await revoke(broker, root.lease.id)).status).to.equal(200)
    for (const each of some) {
      expect(await beat(broker, each), 'not a row of it has been touched').to.equal(409)
      expect(await fetchAgain(broker, each)).to.equal(409)
      expect((await shown(broker, each)).state).to.equal('closing')
    }
    expect(states(broker.folder)).to.deep.equal({ active: 9999, 'closed (revoked)': 1 })

    using loop = watchLoop()
    world.release()
    const before = broker.app.commits()
    await broker.pass(0)
    for (let second = 0; second < 10 && upstream.live().length > 0; second += 1) await broker.pass(1000)
    expect(loop.longest(), 'ms that the loop was held').to.be.below(100)
    expect(states(broker.folder)).to.deep.equal({ 'closed (cascaded)': 9999, 'closed (revoked)': 1 })
    expect(broker.app.commits() - before, 'many ends share a commit').to.be.below(500)
    expect(upstream.live()).to.deep.equal([])
    const { state, outcome, closed_at: closedAt } = await shown(broker, some[5]!)
    expect({ state, outcome }).to.deep.equal({ state: 'closed', outcome: 'cascaded' })
    expect(Date.parse(closedAt)).to.be.at.least(now)
  })

  it('the control: closed in one step, its rows would hold the loop longer', async () => {
    await using world = await treeBroker()
    const tree = await plant(world.ledger(), [1, 9999], { now: world.broker.clocks.truth() })
    using loop = watchLoop()
    await world.ledger().commit((tx) => {
      for (const { lease } of tree) tx.moveLease(lease, { state: 'closed', outcome: 'cascaded' })
    })
    await world.broker.pass(0)
    expect(loop.longest()).to.be.greaterThan(100)
  })

  it('goes on being closed after a stop in the middle', async function () {
    this.timeout(60_000)
    await using world = await treeBroker()
    const { broker, upstream } = world
    const tree = await plant(world.ledger(), [1, 10, 1000], { now: broker.clocks.truth() })
    world.holdAfterNext()
    await revoke(broker, tree[0]!.lease.id)
    const { folder, clocks } = broker
    const stopped = broker.app[Symbol.asyncDispose]()
    world.release()
    await stopped
    await using next = await startClockedBroker({ folder, clocks, upstreams: [upstream] })
    await next.pass(0)
    expect(states(folder)).to.deep.equal({ 'closed (cascaded)': 1010, 'closed (revoked)': 1 })
  })
})

describe('a chain as deep as there may be one', () => {
  const DEEPEST = 64

  it('ends below whichever of its leases ends, and stays alive above it', async () => {
    await using world = await treeBroker()
    const { broker } = world
    const chain = await plant(
      world.ledger(),
      Array.from({ length: DEEPEST + 1 }, () => 1),
      {
        now: broker.clocks.truth(),
        upstream: () => world.upstream,
      },
    )
    const [last, above] = [chain[DEEPEST]!, chain[31]!]
    expect(await beat(broker, last), 'the control: alive').to.equal(200)
    await revoke(broker, chain[32]!.lease.id)
    expect(await beat(broker, last)).to.equal(409)
    expect(await beat(broker, chain[33]!)).to.equal(409)
    expect(await beat(broker, above)).to.equal(200)
    await broker.pass(0)
    await broker.pass(1000)
    expect(states(broker.folder)).to.deep.equal({ active: 32, 'closed (revoked)': 1, 'closed (cascaded)': 32 })
    expect(world.upstream.live()).to.have.length(32)
    await revoke(broker, chain[0]!.lease.id)
    await broker.pass(1000)
    expect(world.upstream.live()).to.deep.equal([])
  })

  it('ends with the time of its root, before anything was swept', async () => {
    await using world = await treeBroker()
    const { broker } = world
    const ttlMs = (depth: number): number => (depth === 0 ? 60_000 : 600_000)
    const [, child, grandchild] = await plant(world.ledger(), [1, 1, 1], { now: broker.clocks.truth(), ttlMs })
    broker.clocks.pass(59_999)
    expect(await beat(broker, grandchild!)).to.equal(200)
    broker.clocks.pass(1)
    for (const each of [child!, grandchild!]) expect(await beat(broker, each)).to.equal(409)
    await broker.pass(0)
    expect(states(broker.folder)).to.deep.equal({ 'closed (expired)': 1, 'closed (cascaded)': 2 })
  })

  it('waits while one above it is frozen, and is not ended by that', async () => {
    await using world = await treeBroker()
    const { broker } = world
    const [root, child] = await plant(world.ledger(), [1, 1], { now: broker.clocks.truth() })
    const operator = { token: broker.operator('operator') }
    const scope = { agent: root!.lease.agent }
    const { body } = await broker.call('POST', '/v1/freeze', { ...operator, body: { scope, reason: 'Wait' } })
    expect(await fetchAgain(broker, child!)).to.equal(503)
    await broker.call('POST', '/v1/unfreeze', { ...operator, body: { id: body.id, reason: 'Over' } })
    expect(await beat(broker, child!)).to.equal(200)
  })
})

describe('a cycle of leases', () => {
  it('cannot be stored', async () => {
    await using world = await treeBroker()
    const own = sampleLease()
    const stored = world.ledger().commit((tx) => {
      tx.insertLease({ ...own, parent: own.id, depth: 1 })
    })
    expect(String(await stored.catch((error: unknown) => error))).to.match(/constraint/i)
    const child = sampleLease()
    const orphan = world.ledger().commit((tx) => {
      tx.insertLease({ ...child, parent: sampleLease().id, depth: 1 })
    })
    expect(String(await orphan.catch((error: unknown) => error)), 'nor a child before its parent').to.match(
      /constraint/i,
    )
  })

  it('that somebody forced into the database is refused at every use, and can be ended', async () => {
    await using world = await treeBroker()
    const { broker, upstream } = world
    const tree = await plant(world.ledger(), [1, 1, 1], { now: broker.clocks.truth(), upstream: () => upstream })
    const [root, middle, leaf] = tree.map(({ lease }) => lease.id)
    await broker.app[Symbol.asyncDispose]()
    const db = new Database(join(broker.folder, 'data', 'mayfly.db'))
    db.prepare('update lease set parent = ?, depth = 3 where id = ?').run(leaf, root)
    db.close()
    await using next = await startClockedBroker({ folder: broker.folder, clocks: broker.clocks, upstreams: [upstream] })
    for (const each of tree) expect(await beat(next, each)).to.be.within(400, 599)
    expect(upstream.live(), 'the control: nothing has ended it yet').to.have.length(3)
    expect((await revoke(next, middle!)).status).to.be.oneOf([200, 500])
    await next.pass(0)
    await next.pass(1000)
    expect(upstream.live()).to.deep.equal([])
    expect(readLedger(broker.folder).leases.get(root!)?.state).to.equal('closed')
    expect((await next.request()).status, 'and the broker goes on').to.equal(201)
  })
})
