import { expect } from 'chai'
import { readLedger } from '../support/ledger-file.ts'
import { TEST_RULES, type TestBrokerOptions } from '../support/broker.ts'
import { expectProblem } from '../support/expect-problem.ts'
import { accessorsOf } from '../providers/vault/support/vault-world.ts'
import { complete, leaseOf, startRealBroker, type RealBroker } from './support/real-broker.ts'
import { BUCKET_ACCESS, upstreamsOfSuite } from './support/real-upstreams.ts'
import { workingOf } from './support/what-works.ts'

/* eslint-disable @typescript-eslint/no-explicit-any -- the answers are what is being tested */

const LEASES = 200
const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
/** As often as the sweep comes when nobody says otherwise. */
const SWEEP_MS = 5 * SECOND_MS

/** Leases may live for longer than the outage, so that what ends early has to be taken back and does not end by itself. */
const LONG: TestBrokerOptions = {
  configure: (settings) => ({ ...settings, limits: { max_ttl: 10_800 } }),
  rules: TEST_RULES.replace('max_ttl: 900', 'max_ttl: 10800'),
}

describe('an hour without the OpenBao, over which two hundred leases end', function () {
  this.timeout(120_000)
  const upstreams = upstreamsOfSuite({ storage: 'raft' })

  /** Half of them end in the last minute of the hour, half in its first: their agents fall silent. */
  async function manyLeases(broker: RealBroker): Promise<readonly any[]> {
    const leases: any[] = []
    let asked = 0
    const ask = async (): Promise<void> => {
      while (asked < LEASES) {
        const at = asked++
        const ends = at % 2 === 0 ? { ttl: 3_590 } : { ttl: 7_200, heartbeat: 60 }
        const access = [{ grant: 'orders-db' }, ...(at % 4 < 2 ? [{ grant: 'orders-reader' }] : [])]
        leases.push(await leaseOf(broker, { access, task: `run-${at}`, ...ends }))
      }
    }
    await Promise.all(Array.from({ length: 8 }, ask))
    return leases
  }

  /** Lets time pass as the sweep sees it. What went to the Vault, and when by the test's clock. */
  async function pass(broker: RealBroker, ms: number, stepMs: number, over: () => boolean = () => false) {
    const asked: { readonly at: number; readonly path: string }[] = []
    const end = broker.clock.now() + ms
    while (broker.clock.now() < end && !over()) {
      broker.clock.advance(stepMs)
      const before = broker.toVault.exchanges.length
      await broker.app.sweep()
      const at = broker.clock.now()
      asked.push(...broker.toVault.exchanges.slice(before).map(({ request }) => ({ at, path: request.path.slice(4) })))
    }
    return asked
  }
  const mostInAMinute = (asked: readonly { readonly at: number }[]): number =>
    Math.max(0, ...asked.map(({ at: from }) => asked.filter(({ at }) => at >= from && at < from + MINUTE_MS).length))

  it('leaves none of them alive two minutes after its return, and is not bothered meanwhile', async () => {
    await using broker = await startRealBroker(upstreams(), LONG)
    const { bao, postgres } = upstreams().vault
    const leases = await manyLeases(broker)
    const down = broker.clock.now()
    const credentials = leases.flatMap((lease) => lease.credentials.map(({ id }: any) => id as string))
    expect(credentials).to.have.length(300)
    const open = (): number => {
      const rows = readLedger(broker.folder).credentials
      return credentials.filter((id) => rows.get(id)?.state !== 'closed').length
    }

    await bao.stop()
    await pass(broker, 4 * MINUTE_MS, SWEEP_MS)
    const asked = await pass(broker, HOUR_MS - (broker.clock.now() - down), SWEEP_MS)
    const of = (path: string) => asked.filter((each) => each.path === path)
    // Each target is probed by itself: the path of the database, and the server for its tokens.
    const probes = ['sys/leases/revoke', 'auth/token/revoke-accessor']
    for (const path of probes) expect(mostInAMinute(of(path)), path).to.be.within(3, 4)
    const others = asked.filter(({ path }) => !probes.includes(path))
    expect(mostInAMinute(others), 'what keeps its own login up').to.be.within(1, 3)
    expect(open(), 'none is taken for closed').to.equal(credentials.length)

    expectProblem(await broker.request({ access: [{ grant: 'orders-db' }] }), 'provider-unavailable', 502)
    const other = await leaseOf(broker, { access: [BUCKET_ACCESS] })
    await complete(broker, other)

    await bao.start()
    const back = broker.clock.now()
    expect(await workingOf(upstreams(), leases[0]), 'a control: it has kept its data').to.include('orders-db')
    await pass(broker, 5 * MINUTE_MS, SECOND_MS, () => open() === 0)
    expect(broker.clock.now() - back, 'ms until all were closed').to.be.at.most(2 * MINUTE_MS)
    const { rows } = await postgres.admin("SELECT rolname FROM pg_roles WHERE rolname LIKE '%crd%'")
    expect(rows).to.deep.equal([])
    // Root's, one or two logins of the broker, and the parent of what is minted next.
    expect(await accessorsOf(bao)).to.have.length.within(1, 4)
  })
})
