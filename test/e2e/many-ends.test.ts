import Database from 'better-sqlite3'
import { expect } from 'chai'
import { join } from 'node:path'
import { startBrokerProcess, type BrokerProcess } from '../support/broker-process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { until } from '../support/until.ts'
import { ROLE_ARN } from '../providers/aws-sts/support/aws-account.ts'
import { killWorld, type KillWorld } from './support/kill-world.ts'
import { livingInVault } from './support/living.ts'
import { leaseOf, startRealBroker, stateOf } from './support/real-broker.ts'
import { GRANTS, upstreamsOfSuite } from './support/real-upstreams.ts'
import { workingOf } from './support/what-works.ts'

const LEASES = 40

describe('many leases of real credentials that end at once', function () {
  this.timeout(60_000)
  const upstreams = upstreamsOfSuite()

  /** How often each database user was asked back. */
  function callsOf({ toVault }: KillWorld): readonly number[] {
    const calls = new Map<string, number>()
    for (const { request } of toVault.exchanges) {
      if (request.path !== '/v1/sys/leases/revoke') continue
      const { lease_id: lease } = JSON.parse(request.body) as { readonly lease_id: string }
      calls.set(lease, (calls.get(lease) ?? 0) + 1)
    }
    return [...calls.values()]
  }
  const states = ({ ledger }: KillWorld): ReadonlySet<string> =>
    new Set([...ledger().credentials.values()].map(({ state }) => state))

  const cuts: Readonly<Record<string, (process: BrokerProcess) => Promise<void>>> = {
    SIGKILL: (process) => process.kill('SIGKILL'),
    SIGTERM: (process) => process.kill('SIGTERM'),
  }
  for (const [signal, cut] of Object.entries(cuts)) {
    it(`are all taken back, with at most two calls each, where the sweep is cut off by ${signal}`, async () => {
      await using world = await killWorld(upstreams(), ROLE_ARN)
      {
        await using process = await startBrokerProcess()
        const broker = await world.startIn(process)
        await Promise.all(Array.from({ length: LEASES }, () => world.grant(broker, 'orders-db', 300)))
        await world.advance(broker, 301_000)
        using _ = world.toVault.inject({ kind: 'delay', ms: 50 })
        broker.sweep().catch(() => undefined)
        await until('the sweep is in the middle', () => callsOf(world).length > LEASES / 4)
        await cut(process)
        expect(await process.ended).to.equal(signal === 'SIGTERM' ? 0 : 'SIGKILL')
      }
      expect(states(world), 'a control: not all of them yet').to.include('revoking')
      await using process = await startBrokerProcess()
      await world.startIn(process)
      await until('every row is closed', () => [...states(world)].join() === 'closed')
      const living = await livingInVault(upstreams())()
      for (const handle of world.ledger().credentials.keys()) expect(living.has(handle), handle).to.be.false
      const calls = callsOf(world)
      expect(calls).to.have.length(LEASES)
      expect(Math.max(...calls)).to.be.at.most(2)
    })
  }

  it('keep nobody else waiting, and nobody hears of a fault of the broker', async () => {
    await using world = await killWorld(upstreams(), ROLE_ARN)
    await using process = await startBrokerProcess()
    const broker = await world.startIn(process)
    const grants = Array.from({ length: LEASES }, () => GRANTS).flat()
    await Promise.all(grants.map((grant) => world.grant(broker, grant, 300)))
    await world.advance(broker, 301_000)
    const lag = async (): Promise<number> => {
      const { body } = await broker.call('GET', '/metrics')
      return Number(/^nodejs_eventloop_lag_p99_seconds (\S+)/m.exec(String(body))?.[1])
    }
    // It counts since it was read last.
    await lag()
    const swept = broker.sweep()
    let over = 0
    void swept.finally(() => (over += 1))
    const statuses = new Set<number>()
    const took: number[] = []
    while (over === 0) {
      const from = performance.now()
      statuses.add((await broker.call('GET', '/v1/whoami', { token: 'nobody' })).status)
      took.push(performance.now() - from)
    }
    await swept
    expect([...statuses]).to.deep.equal([401])
    expect(await lag(), 'seconds, the slowest turn of its loop in a hundred').to.be.below(0.15)
    expect(took.toSorted((one, other) => one - other)[Math.floor(took.length * 0.99)]).to.be.below(500)
    const living = livingInVault(upstreams())
    const ours = world.ledger().credentials
    await until('nothing works', async () => [...(await living())].every((handle) => !ours.has(handle)))
  })

  it('are taken back beside a row that nobody can read, and one whose provider nobody knows', async () => {
    await using folder = await temporaryFolder()
    const before = await startRealBroker(upstreams(), { folder: folder.path })
    const leases = [await leaseOf(before), await leaseOf(before), await leaseOf(before)]
    const [poisoned, unknown, good] = leases
    await before[Symbol.asyncDispose]()
    const file = join(folder.path, 'data', 'mayfly.db')
    {
      using db = disposable(new Database(file))
      const spoil = (change: string, lease: { readonly id: string }, type: string): void =>
        void db.open.prepare(`update credential set ${change} where lease = ? and type = ?`).run(lease.id, type)
      spoil("sealed = 'poison'", poisoned, 'vault-secret')
      spoil("provider = 'nobody'", unknown, 'vault-token')
    }
    await using broker = await startRealBroker(upstreams(), { folder: folder.path, ahead: 301_000 })
    await broker.app.sweep()
    for (const grant of ['orders-db', 'orders-reader'])
      await until('the good one is closed', async () => (await stateOf(broker, good, grant)).state === 'closed')
    expect(await workingOf(upstreams(), good)).to.not.include.members(['orders-db', 'orders-reader'])
    await until('what can be is taken back', async () => {
      const left = await Promise.all([poisoned, unknown].map((lease) => workingOf(upstreams(), lease)))
      return left.every((each) => each.filter((grant) => grant !== 'orders-bucket').length === 1)
    })
    const stuck = await stateOf(broker, unknown, 'orders-reader')
    expect(stuck).to.include({ state: 'revoking', stuck: true })
    expect(stuck.last_error).to.match(/No provider nobody is configured/)
    const unreadable = await stateOf(broker, poisoned, 'orders-db')
    expect(unreadable).to.include({ state: 'revoking', stuck: true })
    expect(unreadable.last_error).to.match(/does not open with this seal key/)
  })
})

const disposable = (open: Database.Database): { readonly open: Database.Database } & Disposable => ({
  open,
  [Symbol.dispose]: () => void open.close(),
})
