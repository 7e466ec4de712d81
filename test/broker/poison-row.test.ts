import Database from 'better-sqlite3'
import { expect } from 'chai'
import { join } from 'node:path'
import { toCredential } from '../../src/store/sqlite/credential-row.ts'
import { toLease } from '../../src/store/sqlite/lease-row.ts'
import { startClockedBroker, twoClocks, type ClockedBroker, type Clocks } from '../support/clocked-broker.ts'
import { readLedger } from '../support/ledger-file.ts'
import { scriptedUpstream, type ScriptedUpstream } from '../support/scripted-upstream.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { orphans, WAREHOUSE } from '../support/upstream-broker.ts'

const MINUTE = 60_000

/** Writes into the ledger of a broker that has stopped. */
function meddle(
  folder: string,
  ...statements: readonly (readonly [sql: string, ...values: readonly string[]])[]
): void {
  const db = new Database(join(folder, 'data', 'mayfly.db'))
  for (const [sql, ...values] of statements) expect(db.prepare(sql).run(...values).changes, sql).to.equal(1)
  db.close()
}

interface Granted {
  readonly lease: string
  readonly credential: string
  readonly handle: string
}

async function grant(broker: ClockedBroker, count: number): Promise<readonly Granted[]> {
  const granted = []
  for (let at = 0; at < count; at += 1) {
    const { body } = await broker.request({ access: [WAREHOUSE], task: `run-${at}` })
    const [{ id, value }] = body.credentials
    granted.push({ lease: body.id, credential: id, handle: value.username })
  }
  return granted
}

/** One broker after the other over the same folder, and one upstream. */
async function brokersOver(life: AsyncDisposableStack) {
  const { path: folder } = life.use(await temporaryFolder())
  const upstream: ScriptedUpstream = scriptedUpstream({ leastLifeMs: 100 * 60 * MINUTE })
  const clocks: Clocks = twoClocks()
  const start = () => startClockedBroker({ folder, upstreams: [upstream], clocks })
  /** What a broker that stops again has granted. */
  async function granted(count: number): Promise<readonly Granted[]> {
    await using broker = await start()
    return await grant(broker, count)
  }
  return { folder, upstream, start, granted }
}

describe('a poisoned row', function () {
  this.timeout(20_000)

  it('of a credential is taken back when it is mended, and every other one before', async () => {
    await using life = new AsyncDisposableStack()
    const { folder, upstream, start, granted } = await brokersOver(life)
    const poisoned = (await granted(24)).slice(0, 4)
    const [unreadable, unsealed, orphaned, throwing] = poisoned.map(({ credential }) => credential)
    meddle(
      folder,
      ["update credential set type = 'nonsense' where id = ?", unreadable ?? ''],
      ["update credential set sealed = 'nonsense' where id = ?", unsealed ?? ''],
      ["update credential set provider = 'nobody' where id = ?", orphaned ?? ''],
    )
    upstream.script({ revoke: (handle) => (handle === `h-${throwing}` ? 'throws' : 'ok') })
    {
      await using broker = await start()
      for (let minute = 0; minute < 8; minute += 1) await broker.pass(MINUTE)
      expect(upstream.live()).to.have.members(poisoned.map(({ handle }) => handle))
      expect(orphans(folder, upstream)).to.deep.equal([])
      expect((await broker.call('GET', '/readyz')).status).to.equal(200)
      expect((await grant(broker, 1))[0]?.handle).to.match(/^h-/)
    }
    const { credentials } = readLedger(folder)
    expect(credentials.get(orphaned ?? '')?.state).to.equal('revoking')
    const [whole] = [...credentials.values()].filter(({ state }) => state === 'closed')
    meddle(
      folder,
      ["update credential set type = 'vault-secret' where id = ?", unreadable ?? ''],
      ['update credential set sealed = null where id = ? and id <> ?', unsealed ?? '', whole?.id ?? ''],
      ["update credential set provider = 'up' where id = ?", orphaned ?? ''],
    )
    upstream.script({ revoke: 'ok' })
    await using broker = await start()
    for (let minute = 0; minute < 62; minute += 1) await broker.pass(MINUTE)
    expect(upstream.live()).to.deep.equal([])
  })

  it('of a lease keeps no other one from ending', async () => {
    await using life = new AsyncDisposableStack()
    const { folder, upstream, start, granted } = await brokersOver(life)
    const poisoned = (await granted(12)).slice(0, 2)
    const [unreadable, hollow] = poisoned.map(({ lease }) => lease)
    meddle(
      folder,
      ["update lease set outcome = 'nonsense' where id = ?", unreadable ?? ''],
      ["update lease set detail = '{}' where id = ?", hollow ?? ''],
    )
    await using broker = await start()
    for (let minute = 0; minute < 6; minute += 1) await broker.pass(MINUTE)
    expect(
      poisoned.map(({ handle }) => handle),
      'all but these are gone',
    ).to.include.members(upstream.live())
    expect(orphans(folder, upstream)).to.deep.equal([])
    expect((await broker.call('GET', '/readyz')).status).to.equal(200)
  })

  it('of a mint that was left behind keeps no other one from being recovered', async () => {
    await using life = new AsyncDisposableStack()
    const { folder, upstream, start, granted } = await brokersOver(life)
    const made = await granted(6)
    // As a crash before step 4 leaves them.
    for (const { lease, credential } of made)
      meddle(
        folder,
        ["update credential set state = 'minting', fingerprint = '', boot = 'an older one' where id = ?", credential],
        ['update lease set activated_at = null where id = ?', lease],
      )
    const [poisoned] = made
    meddle(folder, ["update credential set type = 'nonsense' where id = ?", poisoned?.credential ?? ''])
    await using broker = await start()
    await broker.pass(1000)
    expect(upstream.live()).to.deep.equal([poisoned?.handle])
    const { leases } = readLedger(folder)
    expect([...leases.values()].filter(({ outcome }) => outcome === 'not_minted')).to.have.length(made.length - 1)
  })

  it('does not read, wherever it is read on its own (a control)', async () => {
    await using life = new AsyncDisposableStack()
    const { folder, granted } = await brokersOver(life)
    await granted(1)
    const db = new Database(join(folder, 'data', 'mayfly.db'))
    const credential = db.prepare('select * from credential').get()
    const lease = db.prepare('select * from lease').get()
    db.close()
    expect(toCredential(credential)).to.have.property('type', 'vault-secret')
    expect(() => toCredential({ ...(credential as object), type: 'nonsense' })).to.throw()
    expect(toLease(lease)).to.have.property('outcome', null)
    expect(() => toLease({ ...(lease as object), outcome: 'nonsense' })).to.throw()
  })
})
