import Database from 'better-sqlite3'
import { expect } from 'chai'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { brokenChains, readLedger } from '../support/ledger-file.ts'
import { startClockedBroker, type ClockedBroker } from '../support/clocked-broker.ts'
import { damageIndex } from '../support/damage-index.ts'
import { expectProblem } from '../support/expect-problem.ts'
import { scriptedUpstream } from '../support/scripted-upstream.ts'
import { skipBecause } from '../support/skip-because.ts'
import { smallDisk } from '../support/small-disk.ts'
import { until } from '../support/until.ts'
import { WAREHOUSE } from '../support/upstream-broker.ts'

const MIB = 1024 * 1024

interface Held {
  readonly id: string
  readonly token: string
}

const ask = (broker: ClockedBroker, task = 'run-1') => broker.request({ task, access: [WAREHOUSE] })
const revoke = (broker: ClockedBroker, { id }: Held) =>
  broker.call('POST', `/v1/leases/${id}/revoke`, { token: broker.operator('operator'), body: { reason: 'Stolen' } })
const beat = async (broker: ClockedBroker, { id, token }: Held): Promise<number> =>
  (await broker.call('POST', `/v1/leases/${id}/heartbeat`, { token })).status
const reasons = async (broker: ClockedBroker): Promise<string> =>
  (await broker.call('GET', '/readyz')).body.reasons.join()
const lasting = () => scriptedUpstream({ leastLifeMs: 86_400_000 })

describe('a disk that runs full', () => {
  /** Room for the ballast and for work; and without a ballast, as the control. */
  async function start(ballast: number) {
    await using opened = new AsyncDisposableStack()
    const disk = await smallDisk(24)
    if (!disk) return undefined
    opened.use(disk)
    const space = { low: 4 * MIB, ballast }
    const upstream = lasting()
    const broker = opened.use(
      await startClockedBroker({ folder: disk.path, upstreams: [upstream], app: { decorate: { space } } }),
    )
    const parts = opened.move()
    return { disk, broker, upstream, [Symbol.asyncDispose]: () => parts.disposeAsync() }
  }
  const CANNOT = 'this user may not mount a small file system'

  it('grants nothing more while there is still room to wind everything down', async function () {
    await using world = (await start(2 * MIB)) ?? skipBecause(this, CANNOT)
    const { disk, broker, upstream } = world
    const { body: held } = await ask(broker)
    disk.fillTo(3 * MIB)
    await until('the broker has seen it', async () => (await reasons(broker)) !== '')
    expect(await reasons(broker)).to.equal('The disk is nearly full')
    expectProblem(await ask(broker, 'run-2'), 'unavailable')
    expect(await beat(broker, held), 'what is granted is not touched').to.equal(200)
    expect((await revoke(broker, held)).status).to.equal(200)
    await broker.pass(0)
    expect(upstream.live()).to.deep.equal([])
    disk.empty()
    await until('the broker has seen it', async () => (await reasons(broker)) === '')
    expect((await ask(broker, 'run-2')).status).to.equal(201)
  })

  it('throws its ballast overboard, so that a revocation can be recorded, and takes it aboard again', async function () {
    await using world = (await start(2 * MIB)) ?? skipBecause(this, CANNOT)
    const { disk, broker, upstream } = world
    const ballast = join(disk.path, 'data', 'ballast')
    const [{ body: first }, { body: second }] = [await ask(broker), await ask(broker, 'run-2')]
    expect(existsSync(ballast)).to.equal(true)
    disk.fillTo(0)
    expectProblem(await revoke(broker, first), 'unavailable')
    expect(upstream.live(), 'the upstream was asked all the same').to.have.length(1)
    expect(existsSync(ballast)).to.equal(false)
    expect(await beat(broker, first)).to.equal(409)
    expect((await revoke(broker, first)).status, 'asked again').to.equal(200)
    expect((await revoke(broker, second)).status, 'and the next').to.equal(200)
    await broker.pass(0)
    expect(upstream.live()).to.deep.equal([])
    expectProblem(await ask(broker, 'run-3'), 'unavailable')
    disk.empty()
    await until('there is room again', async () => (await reasons(broker)) === '' && existsSync(ballast))
    expect((await ask(broker, 'run-3')).status).to.equal(201)
    const ledger = readLedger(disk.path)
    expect([ledger.leases.get(first.id), ledger.leases.get(second.id)].map((row) => row?.outcome)).to.deep.equal([
      'revoked',
      'revoked',
    ])
    expect(brokenChains(ledger)).to.deep.equal([])
  })

  it('the control: without a ballast no revocation can be recorded, and it holds in this process only', async function () {
    await using world = (await start(0)) ?? skipBecause(this, CANNOT)
    const { disk, broker, upstream } = world
    const { body: held } = await ask(broker)
    disk.fillTo(0)
    for (let asked = 0; asked < 3; asked += 1) expectProblem(await revoke(broker, held), 'unavailable')
    expect(upstream.live()).to.deep.equal([])
    expect(await beat(broker, held)).to.equal(409)
    expect(readLedger(disk.path).leases.get(held.id)?.state).to.equal('active')
    disk.empty()
  })
})

/** Another process that holds the database for writing, until it is told to let go. */
async function thief(path: string) {
  const script = `
    const db = new (require('better-sqlite3'))(${JSON.stringify(path)})
    db.exec('begin immediate')
    process.stdout.write('locked')
    process.stdin.once('data', () => { db.exec('rollback'); process.exit() })
  `
  const child = spawn(process.execPath, ['-e', script], {
    cwd: import.meta.dirname,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const ended = once(child, 'close')
  await once(child.stdout, 'data')
  return {
    letGo: async () => {
      child.stdin.end('go')
      await ended
    },
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL')
      await ended
    },
  }
}

describe('a database that another process has locked', () => {
  const databaseOf = (broker: ClockedBroker): string => join(broker.folder, 'data', 'mayfly.db')

  it('for a second makes nobody fail: who asks waits, and the broker goes on answering', async () => {
    await using broker = await startClockedBroker()
    const { body: held } = await ask(broker)
    await beat(broker, held)
    await using other = await thief(databaseOf(broker))
    const waiting = ask(broker, 'run-2')
    const before = performance.now()
    await wait(500)
    for (let asked = 0; asked < 5; asked += 1) expect((await broker.call('GET', '/livez')).status).to.equal(200)
    expect(await beat(broker, held)).to.equal(200)
    expect(performance.now() - before, 'the loop was not held').to.be.below(1500)
    await other.letGo()
    expect((await waiting).status).to.equal(201)
  })

  it('for ten seconds is a clear refusal, in time, and nothing is lost', async function () {
    this.timeout(30_000)
    const upstream = lasting()
    await using broker = await startClockedBroker({ upstreams: [upstream] })
    const [{ body: held }, { body: other }] = [await ask(broker), await ask(broker, 'run-2')]
    await beat(broker, held)
    await using lock = await thief(databaseOf(broker))
    const from = performance.now()
    const answers = await Promise.all([ask(broker, 'run-3'), revoke(broker, held)])
    const took = performance.now() - from
    for (const answer of answers) expectProblem(answer, 'unavailable')
    expect(took).to.be.below(9000)
    expect(await beat(broker, held), 'the revocation holds').to.equal(409)
    expect(upstream.live(), 'and has reached the upstream').to.have.length(1)
    await wait(Math.max(0, 10_000 - (performance.now() - from)))
    await lock.letGo()
    expect((await revoke(broker, held)).status).to.equal(200)
    expect((await ask(broker, 'run-3')).status).to.equal(201)
    await broker.pass(0)
    const ledger = readLedger(broker.folder)
    expect(ledger.leases.size).to.equal(3)
    expect(ledger.leases.get(held.id)).to.include({ state: 'closed', outcome: 'revoked' })
    expect(ledger.leases.get(other.id)).to.include({ state: 'active' })
    expect(brokenChains(ledger)).to.deep.equal([])
  })
})

describe('a database with a page that is not what was written', () => {
  /** A broker with one lease, which has stopped, and whose database has been damaged since. */
  async function damaged(page: string): Promise<ClockedBroker & { readonly held: Held }> {
    const upstream = lasting()
    const broker = await startClockedBroker({ upstreams: [upstream] })
    const { body: held } = await ask(broker)
    await broker.app[Symbol.asyncDispose]()
    damageIndex(join(broker.folder, 'data', 'mayfly.db'), page)
    return { ...broker, held }
  }
  const again = (broker: ClockedBroker) =>
    startClockedBroker({ clocks: broker.clocks, folder: broker.folder, upstreams: [broker.upstream] })

  it('stops the start where the start needs it, and says what to do', async () => {
    for (const page of ['lease_live', 'audit', 'mark_in_force']) {
      await using first = await damaged(page)
      const started = await again(first).then(
        async (broker) => {
          await broker[Symbol.asyncDispose]()
          return 'it started'
        },
        (error: unknown) => String(error),
      )
      expect(started, page).to.match(/^DatabaseDamaged: The database is damaged: .*backup/)
    }
  })

  it('refuses what needs it, goes on with the rest, and never falls over', async () => {
    await using first = await damaged('lease_by_created')
    await using broker = await again(first)
    expectProblem(await ask(broker, 'run-2'), 'unavailable')
    expect(broker.upstream.mints.size, 'nothing was minted without a record').to.equal(1)
    expect(await beat(broker, first.held)).to.equal(200)
    expect((await revoke(broker, first.held)).status, 'a revocation does not need it').to.equal(200)
    await broker.pass(0)
    expect(broker.upstream.live()).to.deep.equal([])
    expect((await broker.call('GET', '/livez')).status).to.equal(200)
  })

  it('that no revocation can do without makes one hold in this process, and reach the upstream', async () => {
    await using first = await damaged('credential_due')
    await using broker = await again(first)
    expectProblem(await revoke(broker, first.held), 'unavailable')
    expect(await beat(broker, first.held)).to.equal(409)
    expect(broker.upstream.live()).to.deep.equal([])
    await broker.pass(5000)
    expect((await broker.call('GET', '/livez')).status).to.equal(200)
  })

  it('the control: the damage is real', async () => {
    await using first = await damaged('lease_by_created')
    const db = new Database(join(first.folder, 'data', 'mayfly.db'), { readonly: true })
    expect(db.pragma('quick_check(1)', { simple: true })).to.not.equal('ok')
    db.close()
  })
})

describe('a second broker on the folder of another', () => {
  it('does not start, and does the first no harm', async () => {
    await using first = await startClockedBroker()
    const { body: held } = await ask(first)
    const second = await startClockedBroker({ folder: first.folder, upstreams: [first.upstream] }).catch(
      (error: unknown) => error,
    )
    expect(String(second)).to.match(/^DataFolderInUse: Another broker already runs/)
    expect(await beat(first, held)).to.equal(200)
    expect((await ask(first, 'run-2')).status).to.equal(201)
    await first.pass(0)
    expect(brokenChains(readLedger(first.folder))).to.deep.equal([])
  })
})
