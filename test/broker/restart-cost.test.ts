import Database from 'better-sqlite3'
import { expect } from 'chai'
import { join } from 'node:path'
import type { SqliteStore } from '../../src/store/sqlite/open-store.ts'
import { startClockedBroker, twoClocks, type ClockedBroker, type Clocks } from '../support/clocked-broker.ts'
import { memoryFolder, type TemporaryFolder } from '../support/temporary-folder.ts'
import { plant } from '../support/trees.ts'

const MANY = 5000

/** A ledger that counts the leases which are read from it. */
function counting() {
  let read = 0
  const counted = <T extends readonly unknown[]>(rows: T): T => {
    read += rows.length
    return rows
  }
  const store = (real: SqliteStore): SqliteStore => {
    const { reads } = real
    return {
      ...real,
      reads: {
        ...reads,
        lease: (id) => counted([reads.lease(id)])[0],
        leases: (filter, page) => {
          const found = reads.leases(filter, page)
          counted(found.rows)
          return found
        },
        live: (after, limit) => counted(reads.live(after, limit)),
        due: (now, limit) => counted(reads.due(now, limit)),
        silent: (now, limit) => counted(reads.silent(now, limit)),
        liveUnder: (scope, limit) => counted(reads.liveUnder(scope, limit)),
        cascading: (limit) => counted(reads.cascading(limit)),
      },
    }
  }
  return { store, read: () => read }
}

const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length

/** A folder with so many open leases, of a broker that has stopped. */
async function left(folder: TemporaryFolder, clocks: Clocks, count: number): Promise<void> {
  let ledger: SqliteStore | undefined
  const store = (real: SqliteStore): SqliteStore => (ledger = real)
  await using broker = await startClockedBroker({ folder: folder.path, clocks, app: { decorate: { store } } })
  await broker.pass(0)
  if (ledger) await plant(ledger, [count], { now: clocks.truth() })
}

interface Start {
  readonly read: number
  readonly timers: number
}

async function start(folder: TemporaryFolder, clocks: Clocks): Promise<Start & { readonly broker: ClockedBroker }> {
  const count = counting()
  const before = timers()
  const broker = await startClockedBroker({ folder: folder.path, clocks, app: { decorate: { store: count.store } } })
  await broker.pass(0)
  return { broker, read: count.read(), timers: timers() - before }
}

describe('a restart', () => {
  it('reads no lease and arms no timer for one, however many are open', async function () {
    this.timeout(20_000)
    const starts: Start[] = []
    for (const count of [0, MANY]) {
      const clocks = twoClocks()
      await using folder = await memoryFolder()
      await left(folder, clocks, count)
      const { broker, ...seen } = await start(folder, clocks)
      await using started = broker
      const { body } = await started.call('GET', '/metrics')
      expect(body, 'the control: they are there').to.match(new RegExp(`^mayfly_leases_live ${count}$`, 'm'))
      starts.push(seen)
    }
    const [empty, full] = starts
    expect(full).to.deep.equal({ ...empty, read: 0 })
  })

  it('is no loop of crashes because of one lease that does not read', async () => {
    const clocks = twoClocks()
    await using folder = await memoryFolder()
    await left(folder, clocks, 20)
    const db = new Database(join(folder.path, 'data', 'mayfly.db'))
    const poison = db.prepare<[], string>('select id from lease order by id limit 1').pluck().get()
    db.prepare(`update lease set outcome = 'nonsense' where id = ?`).run(poison)
    db.close()
    for (let again = 0; again < 3; again += 1) {
      const { broker } = await start(folder, clocks)
      await using started = broker
      expect((await started.call('GET', '/readyz')).status).to.equal(200)
      const { status, body } = await started.request({ task: `run-${again}` })
      expect(status).to.equal(201)
      const end = { token: body.token, body: { outcome: 'success' } }
      expect((await started.call('POST', `/v1/leases/${body.id}/complete`, end)).status).to.equal(200)
    }
    const { broker } = await start(folder, clocks)
    await using last = broker
    await last.pass(601_000)
    const { body } = await last.call('GET', '/metrics')
    expect(body, 'all others have ended').to.match(/^mayfly_leases_live 1$/m)
    expect((await last.call('GET', '/readyz')).status).to.equal(200)
  })
})
