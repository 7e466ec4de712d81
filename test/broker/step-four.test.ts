import Database from 'better-sqlite3'
import { expect } from 'chai'
import { join } from 'node:path'
import type { AuditKind } from '../../src/core/audit.ts'
import type { Provider } from '../../src/broker/ports.ts'
import type { Transaction } from '../../src/broker/store-port.ts'
import type { SqliteStore } from '../../src/store/sqlite/open-store.ts'
import type { Answered } from '../support/broker.ts'
import { expectProblem } from '../support/expect-problem.ts'
import { readLedger } from '../support/ledger-file.ts'
import { scriptedUpstream } from '../support/scripted-upstream.ts'
import { orphans, startUpstreamBroker, WAREHOUSE, type UpstreamBroker } from '../support/upstream-broker.ts'

/** The disk fails at the first commit that does this, and at every one after it until somebody mends it. */
type Doing = 'intent' | 'record' | 'release'
const RECORDS: Readonly<Record<Doing, AuditKind | null>> = {
  intent: 'credential.intended',
  record: null,
  release: 'credential.minted',
}

function failingDisk(code: string) {
  let armed: Doing | null = null
  let down = false
  const fail = (): never => {
    down = true
    throw new Database.SqliteError('The disk does not take it', code)
  }
  const watched = (tx: Transaction): Transaction => ({
    ...tx,
    append: (entry) => {
      if (armed !== null && entry.kind === RECORDS[armed]) fail()
      tx.append(entry)
    },
    moveCredential: (from, change) =>
      armed === 'record' && 'sealed' in change ? fail() : tx.moveCredential(from, change),
  })
  return {
    failAt: (doing: Doing) => void (armed = doing),
    mend: () => {
      armed = null
      down = false
    },
    store: (store: SqliteStore): SqliteStore => ({
      ...store,
      commit: (step) => store.commit((tx) => (down ? fail() : step(watched(tx)))),
    }),
  }
}

/** Upstreams that do not end their credentials with their leases: what nobody takes back lives on. */
const lasting = () => [scriptedUpstream({ leastLifeMs: 3_600_000 })]

const ask = (broker: UpstreamBroker): Promise<Answered> => broker.request({ access: [WAREHOUSE] })

/** The sweep finds rows that nobody has settled once they are older than any mint may take. */
async function twoMinutesLater(broker: UpstreamBroker): Promise<void> {
  broker.clock.advance(121_000)
  await broker.app.sweep()
  await broker.app.sweep()
}

function expectAllClosed(broker: UpstreamBroker): void {
  const { leases, credentials } = readLedger(broker.folder)
  expect(broker.upstream.live()).to.deep.equal([])
  expect([...leases.values()].map(({ state, outcome }) => `${state} ${outcome}`)).to.deep.equal(['closed not_minted'])
  expect([...credentials.values()].map(({ state }) => state)).to.deep.equal(['closed'])
}

describe('a ledger that cannot be written while a credential is minted', function () {
  this.timeout(20_000)

  for (const code of ['SQLITE_FULL', 'SQLITE_IOERR_FSYNC', 'SQLITE_BUSY']) {
    for (const doing of ['record', 'release'] as const) {
      it(`gives nothing out and takes back upstream what it can, at once (${code} at the ${doing})`, async () => {
        const disk = failingDisk(code)
        await using broker = await startUpstreamBroker({
          upstreams: lasting(),
          app: { decorate: { store: disk.store } },
        })
        disk.failAt(doing)
        const answer = await ask(broker)
        expectProblem(answer, 'unavailable')
        expect(JSON.stringify(answer.body)).to.not.include('canary')
        expect(broker.upstream.mints.size).to.equal(1)
        expect(broker.upstream.live(), 'though nothing can be written').to.deep.equal([])
        expect(orphans(broker.folder, broker.upstream)).to.deep.equal([])
        disk.mend()
        await twoMinutesLater(broker)
        expectAllClosed(broker)
        expect(JSON.stringify((await ask(broker)).body), 'where it can be written').to.include('canary-secret')
      })
    }
  }

  it('asks no upstream for what it could not write down first', async () => {
    const disk = failingDisk('SQLITE_FULL')
    await using broker = await startUpstreamBroker({ upstreams: lasting(), app: { decorate: { store: disk.store } } })
    disk.failAt('intent')
    expectProblem(await ask(broker), 'unavailable')
    expect(broker.upstream.mints.size).to.equal(0)
    expect(readLedger(broker.folder).leases.size).to.equal(0)
  })

  it('keeps the row where the upstream cannot be reached either, and takes it back later', async () => {
    const disk = failingDisk('SQLITE_FULL')
    await using broker = await startUpstreamBroker({ upstreams: lasting(), app: { decorate: { store: disk.store } } })
    disk.failAt('release')
    broker.upstream.script({ revoke: 'unreachable' })
    expectProblem(await ask(broker), 'unavailable')
    expect(broker.upstream.live(), 'which shows who ends it in the tests above').to.have.length(1)
    expect(orphans(broker.folder, broker.upstream)).to.deep.equal([])
    disk.mend()
    broker.upstream.script({ revoke: 'ok' })
    await twoMinutesLater(broker)
    expectAllClosed(broker)
  })

  it('gives nothing out while somebody else has locked the database', async () => {
    const [upstream] = lasting()
    if (!upstream) throw new Error('No upstream')
    let lock = (): void => undefined
    const locked = (provider: Provider): Provider => {
      if (provider.kind !== 'upstream') return provider
      const mint: typeof provider.mint = async (...order) => {
        const minted = await provider.mint(...order)
        lock()
        return minted
      }
      return { ...provider, mint }
    }
    await using broker = await startUpstreamBroker({ upstreams: [upstream], app: { decorate: { provider: locked } } })
    const other = new Database(join(broker.folder, 'data', 'mayfly.db'))
    lock = () => other.exec('begin immediate')
    const answer = await ask(broker)
    other.exec('rollback')
    other.close()
    expectProblem(answer, 'unavailable')
    expect(upstream.live()).to.deep.equal([])
    await twoMinutesLater(broker)
    expectAllClosed(broker)
  })
})
