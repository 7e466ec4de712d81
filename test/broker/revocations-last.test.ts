import { expect } from 'chai'
import Database from 'better-sqlite3'
import { join } from 'node:path'
import { StoreUnavailable } from '../../src/store/sqlite/group-commit.ts'
import type { SqliteStore } from '../../src/store/sqlite/open-store.ts'
import type { Answered } from '../support/broker.ts'
import { startBrokerProcess } from '../support/broker-process.ts'
import { seldom, startClockedBroker, twoClocks, type ClockedBroker } from '../support/clocked-broker.ts'
import { crashWorld } from '../support/crash-world.ts'
import { end } from '../support/kill-acts.ts'
import { recover } from '../support/kill-rounds.ts'
import { readLedger } from '../support/ledger-file.ts'
import { scriptedUpstream, type RevokeScript, type ScriptedUpstreamOptions } from '../support/scripted-upstream.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { orphans, WAREHOUSE } from '../support/upstream-broker.ts'

const [SECOND, MINUTE, HOUR] = [1000, 60_000, 3_600_000]

/** An upstream that does not end its credentials with their leases: what nobody takes back lives on. */
const lasting = (over: ScriptedUpstreamOptions = {}) => scriptedUpstream({ leastLifeMs: 100 * HOUR, ...over })

const grant = async (broker: ClockedBroker): Promise<Answered['body']> =>
  (await broker.request({ access: [WAREHOUSE] })).body
const complete = (broker: ClockedBroker, { id, token }: Answered['body']): Promise<Answered> =>
  broker.call('POST', `/v1/leases/${id}/complete`, { token, body: { outcome: 'success' } })
const revoke = (broker: ClockedBroker, { id }: Answered['body']): Promise<Answered> =>
  broker.call('POST', `/v1/leases/${id}/revoke`, { token: broker.operator('operator'), body: { reason: 'Stop' } })
const renew = (broker: ClockedBroker, { id, token }: Answered['body']): Promise<Answered> =>
  broker.call('POST', `/v1/leases/${id}/renew`, { token, body: { ttl: 60 } })
const beat = (broker: ClockedBroker, { id, token }: Answered['body']): Promise<Answered> =>
  broker.call('POST', `/v1/leases/${id}/heartbeat`, { token })
const rowOf = ({ folder }: Pick<ClockedBroker, 'folder'>) => [...readLedger(folder).credentials.values()][0]

describe('a revocation that cannot be saved', function () {
  this.timeout(20_000)

  it('is no success: it holds at once, whoever asked is told to ask again, and what was asked again lasts', async () => {
    await using life = new AsyncDisposableStack()
    const { path: folder } = life.use(await temporaryFolder())
    const [upstream, clocks] = [lasting(), twoClocks()]
    let down = false
    const store = (real: SqliteStore): SqliteStore => ({
      ...real,
      commit: (step) => (down ? Promise.reject(new StoreUnavailable('The disk is full')) : real.commit(step)),
    })
    const options = { folder, clocks, upstreams: [upstream] }
    await using broker = await startClockedBroker({ ...options, app: { decorate: { store } } })
    const lease = await grant(broker)
    expect((await beat(broker, lease)).status).to.equal(200)
    down = true
    expect((await revoke(broker, lease)).status).to.equal(503)
    expect((await beat(broker, lease)).status, 'dead at once').to.equal(409)
    expect(upstream.live()).to.deep.equal([])
    expect(readLedger(folder).leases.get(lease.id)?.state, 'and not on record').to.equal('active')
    down = false
    expect((await revoke(broker, lease)).status).to.equal(200)
    await broker[Symbol.asyncDispose]()
    await using next = await startClockedBroker(options)
    expect((await renew(next, lease)).status, 'after a restart').to.equal(409)
    expect(readLedger(folder).leases.get(lease.id)?.outcome).to.equal('revoked')
  })
})

describe('a revocation that was said to be a success', function () {
  this.timeout(20_000)

  it('outlasts a kill: the answer comes after the disk', async () => {
    await using world = await crashWorld()
    await using process = await startBrokerProcess()
    const broker = await world.startIn(process)
    const leases = [await world.grant(broker), await world.grant(broker)]
    const [completed, revoked] = leases
    if (!completed || !revoked) throw new Error('No leases')
    expect(await end({ world, broker }, completed, 'complete')).to.equal(200)
    expect(await end({ world, broker }, revoked, 'revoke')).to.equal(200)
    await process.kill()
    expect(world.faults()).to.deep.equal([])
    await using next = await startBrokerProcess()
    const [session] = await recover(next, [world])
    for (const { id, token } of leases) {
      const again = await session?.broker.call('POST', `/v1/leases/${id}/renew`, { token, body: { ttl: 60 } })
      expect(again?.status).to.equal(409)
    }
    expect(world.upstream.live()).to.deep.equal([])
  })
})

describe('a revocation that fails', function () {
  this.timeout(20_000)
  const failures: readonly RevokeScript[] = ['unreachable', 'throttled', 'unknown', 'permanent', 'throws', 'lost']

  for (const failure of failures) {
    it(`keeps its row, and with it the only handle, until it has succeeded: ${failure}`, async () => {
      await using life = new AsyncDisposableStack()
      const { path: folder } = life.use(await temporaryFolder())
      const options = { folder, clocks: twoClocks(), upstreams: [lasting()] as const }
      const [upstream] = options.upstreams
      upstream.script({ revoke: failure })
      {
        await using broker = await startClockedBroker(options)
        await complete(broker, await grant(broker))
        for (let hour = 0; hour < 5; hour += 1) await broker.pass(HOUR)
        expect(rowOf(broker)).to.include(failure === 'lost' ? { outcome: 'revoked' } : { state: 'revoking' })
        expect(orphans(folder, upstream)).to.deep.equal([])
      }
      upstream.script({ revoke: 'ok' })
      await using broker = await startClockedBroker(options)
      await broker.pass(HOUR + SECOND)
      await broker.pass(MINUTE)
      expect(upstream.live()).to.deep.equal([])
      expect(rowOf(broker)).to.include({ state: 'closed', outcome: 'revoked' })
    })
  }

  it('would leave behind what nobody can name, if its row were dropped (a control)', async () => {
    await using broker = await startClockedBroker({ upstreams: [lasting()] })
    broker.upstream.script({ revoke: 'unreachable' })
    await complete(broker, await grant(broker))
    await broker.app.sweep()
    const db = new Database(join(broker.folder, 'data', 'mayfly.db'))
    db.exec('delete from credential')
    db.close()
    broker.upstream.script({ revoke: 'ok' })
    for (let hour = 0; hour < 5; hour += 1) await broker.pass(HOUR)
    expect(orphans(broker.folder, broker.upstream)).to.have.length(1)
  })
})

describe('a revocation', function () {
  this.timeout(20_000)

  const outages: Readonly<Record<'unreachable' | 'unknown', number>> = { unreachable: MINUTE, unknown: 8 * MINUTE }
  for (const [answer, withinMs] of Object.entries(outages) as [keyof typeof outages, number][]) {
    it(`is never given up: thirty hours of ${answer} later it is done within minutes`, async () => {
      await using broker = await startClockedBroker({ upstreams: [lasting()] })
      broker.upstream.script({ revoke: answer })
      await complete(broker, await grant(broker))
      for (let hour = 0; hour < 30; hour += 1)
        for (let quarter = 0; quarter < 4; quarter += 1) await broker.pass(15 * MINUTE)
      expect(broker.upstream.live()).to.have.length(1)
      broker.upstream.script({ revoke: 'ok' })
      let passed = 0
      for (; broker.upstream.live().length > 0; passed += 15 * SECOND) await broker.pass(15 * SECOND)
      expect(passed).to.be.at.most(withinMs)
      expect(rowOf(broker)).to.include({ state: 'closed', outcome: 'revoked' })
    })
  }

  it('of what can only end by itself is never called one: it stays open until that has ended', async () => {
    await using broker = await startClockedBroker({
      upstreams: [scriptedUpstream({ leastLifeMs: HOUR, revocation: 'at_expiry' })],
    })
    broker.upstream.script({ revoke: 'at_expiry' })
    const lease = await grant(broker)
    const { body: completed } = await complete(broker, lease)
    expect(completed).to.include({ state: 'closing', outcome: 'completed' })
    expect(completed.credentials[0]).to.include({ state: 'revoking', outcome: null, revocation: 'at_expiry' })
    for (let minute = 1; minute < 60; minute += 1) {
      await broker.pass(MINUTE)
      expect(rowOf(broker)).to.include({ state: 'revoking', outcome: null })
      expect(broker.upstream.live()).to.have.length(1)
    }
    for (let minute = 0; minute < 3; minute += 1) await broker.pass(MINUTE)
    expect(broker.upstream.live()).to.deep.equal([])
    expect(rowOf(broker)).to.include({ state: 'closed', outcome: 'expired' })
  })
})

describe('the end of a lease', function () {
  this.timeout(20_000)

  for (const [who, ends] of Object.entries({ 'its agent': complete, 'an operator': revoke })) {
    it(`by ${who} reaches the upstream at once: it waits for no sweep and for no job`, async () => {
      // A sweep once a year.
      await using broker = await startClockedBroker({ configure: seldom, upstreams: [lasting()] })
      const lease = await grant(broker)
      broker.upstream.script({ revoke: 'held' })
      const reached = broker.upstream.reached('revoke').then(() => performance.now())
      expect((await ends(broker, lease)).status).to.equal(200)
      const answered = performance.now()
      expect((await reached) - answered, 'ms from the answer to the call').to.be.below(500)
      broker.upstream.open()
    })
  }

  it('by nothing but its time waits for the sweep, and for no longer (a control)', async () => {
    await using broker = await startClockedBroker({ configure: seldom, upstreams: [lasting()] })
    await grant(broker)
    broker.clocks.pass(HOUR)
    expect(broker.upstream.revocations.size).to.equal(0)
    await broker.app.sweep()
    expect(broker.upstream.live()).to.deep.equal([])
  })
})
