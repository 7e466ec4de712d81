import { expect } from 'chai'
import { startBrokerProcess, type BrokerProcess, type ProcessBroker } from '../../support/broker-process.ts'
import { crashWorld, type CrashWorld } from '../../support/crash-world.ts'
import type { KillPoint } from '../../support/kill-points.ts'
import { recover } from '../../support/kill-rounds.ts'
import { readLedger } from '../../support/ledger-file.ts'
import { until } from '../../support/until.ts'
import { WAREHOUSE } from '../../support/upstream-broker.ts'

const LEASES = 40
const UPSTREAM_ONLY = { access: [WAREHOUSE] }

/** Many leases fall due at once. */
async function fallDue(world: CrashWorld, broker: ProcessBroker): Promise<void> {
  await Promise.all(Array.from({ length: LEASES }, () => world.grant(broker, UPSTREAM_ONLY)))
  await world.advance(broker, 301_000)
}

/** And the sweep has begun to take them back. */
async function startToSweep(world: CrashWorld, broker: ProcessBroker): Promise<void> {
  await fallDue(world, broker)
  world.upstream.script({ revoke: 'slow' })
  broker.sweep().catch(() => undefined)
  await until('the sweep is in the middle', () => world.upstream.revocations.size > LEASES / 4)
  expect(world.upstream.live(), 'not all of them yet').to.not.be.empty
}

/** How often each credential was asked back, once the next broker has done the rest. */
async function callsAfterRestart(world: CrashWorld): Promise<readonly number[]> {
  await using process = await startBrokerProcess()
  await recover(process, [world])
  // What was due and not yet begun is nobody's remains: it is waited for besides.
  const rows = () => [...world.ledger().credentials.values()]
  await until('every row is closed', () => rows().every(({ state }) => state === 'closed'))
  return rows()
    .filter(({ handle }) => handle.startsWith('h-'))
    .map(({ handle }) => world.upstream.revocations.get(handle) ?? 0)
}

/** How many records say that a credential has ended, of each. */
function endings(world: CrashWorld): readonly number[] {
  const { audit, credentials } = readLedger(world.folder)
  const ended = audit
    .map(({ record }) => JSON.parse(record) as { readonly kind: string; readonly subject: { readonly id: string } })
    .filter(({ kind }) => kind === 'credential.closed')
  return [...credentials.keys()].map((id) => ended.filter(({ subject }) => subject.id === id).length)
}

describe('a sweep that is cut off', function () {
  this.timeout(60_000)

  const cuts: Readonly<Record<string, (process: BrokerProcess) => Promise<void>>> = {
    SIGKILL: (process) => process.kill('SIGKILL'),
    SIGTERM: (process) => process.kill('SIGTERM'),
    'SIGTERM, and SIGKILL before it has finished': async (process) => {
      const ended = process.kill('SIGTERM')
      await process.kill('SIGKILL')
      await ended
    },
  }
  for (const [signal, cut] of Object.entries(cuts)) {
    it(`by ${signal} is finished by the next start, with at most two calls a row`, async () => {
      await using world = await crashWorld({ slowMs: 200 })
      await using process = await startBrokerProcess()
      const broker = await world.startIn(process)
      await startToSweep(world, broker)
      await cut(process)
      expect(await process.ended).to.equal(signal === 'SIGTERM' ? 0 : 'SIGKILL')
      expect(world.faults()).to.deep.equal([])
      expect(await callsAfterRestart(world))
        .to.have.length(LEASES)
        .and.to.satisfy(onceOrTwice)
      expect(endings(world)).to.satisfy((counts: readonly number[]) => counts.every((count) => count === 1))
    })
  }

  const points: readonly KillPoint[] = [
    { step: 'close', when: 'after', nth: LEASES / 2 },
    { step: 'close', when: 'inside', nth: LEASES / 2 },
    { step: 'revoke', when: 'after', nth: LEASES / 2 },
    { step: 'end', when: 'before', nth: LEASES / 2 },
    { step: 'end', when: 'after', nth: LEASES / 2 },
  ]
  for (const point of points) {
    it(`${point.when} the ${point.step} of its ${point.nth}th row, likewise`, async () => {
      await using world = await crashWorld()
      await using process = await startBrokerProcess()
      const broker = await world.startIn(process)
      await fallDue(world, broker)
      await broker.arm(point)
      broker.sweep().catch(() => undefined)
      await broker.reached
      await process.kill()
      expect(world.faults()).to.deep.equal([])
      const calls = await callsAfterRestart(world)
      expect(calls).to.have.length(LEASES).and.to.satisfy(onceOrTwice)
      expect(calls.filter((count) => count === 2)).to.have.length.at.most(10)
    })
  }

  it('would ask for a row again and again if its end were never on record (a control)', async () => {
    await using world = await crashWorld()
    await using process = await startBrokerProcess()
    const broker = await world.startIn(process, { forget: 'end' })
    await fallDue(world, broker)
    broker.sweep().catch(() => undefined)
    const { revocations } = world.upstream
    await until('a row is asked for a third time', () => [...revocations.values()].some((count) => count > 2))
    expect([...revocations.values()]).to.not.satisfy(onceOrTwice)
    await process.kill()
  })
})

const onceOrTwice = (counts: readonly number[]): boolean => counts.every((count) => count === 1 || count === 2)

describe('a crash between a revocation and its record', function () {
  this.timeout(60_000)

  /** A lease whose credential the upstream has taken back, and whose broker died before it could say so. */
  async function revokedAndForgotten(world: CrashWorld): Promise<string> {
    await using process = await startBrokerProcess()
    const broker = await world.startIn(process)
    const lease = await world.grant(broker)
    await broker.arm({ step: 'revoke', when: 'after' })
    world.letGo(lease)
    const path = `/v1/leases/${lease.id}/complete`
    const answer = broker.call('POST', path, { token: lease.token, body: { outcome: 'success' } })
    expect((await answer).body.state).to.equal('closing')
    world.ended(lease)
    await broker.reached
    await process.kill()
    expect(world.upstream.live()).to.deep.equal([])
    expect(rowOf(world, lease.handle)).to.include({ state: 'revoking', outcome: null })
    return lease.handle
  }
  const rowOf = (world: CrashWorld, handle: string) =>
    [...world.ledger().credentials.values()].find((row) => row.handle === handle)

  it('is harmless: it is asked for once more, and what is gone counts as taken back', async () => {
    await using world = await crashWorld()
    const handle = await revokedAndForgotten(world)
    await using process = await startBrokerProcess()
    await recover(process, [world])
    expect(rowOf(world, handle)).to.include({ state: 'closed', outcome: 'revoked' })
    expect(world.upstream.revocations.get(handle)).to.equal(2)
    expect(endings(world)).to.satisfy((counts: readonly number[]) => counts.every((count) => count === 1))
  })

  it('would stay open if the second answer were not understood (a control)', async () => {
    await using world = await crashWorld()
    const handle = await revokedAndForgotten(world)
    world.upstream.script({ revoke: 'unknown' })
    await using process = await startBrokerProcess()
    const broker = await world.startIn(process)
    await broker.sweep()
    expect(rowOf(world, handle)).to.include({ state: 'revoking', attempts: 1 })
    expect(world.leftBehind()).to.deep.equal([handle])
  })
})
