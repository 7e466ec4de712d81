import Database from 'better-sqlite3'
import { expect } from 'chai'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { DataFolderInUse } from '../../../src/store/sqlite/broker-lock.ts'
import { DatabaseDamaged } from '../../../src/store/sqlite/check-integrity.ts'
import { SchemaTooNew } from '../../../src/store/sqlite/migrate.ts'
import { openStore, type SqliteStore } from '../../../src/store/sqlite/open-store.ts'
import { brokenAt } from '../../support/audit.ts'
import { damageIndex } from '../../support/damage-index.ts'
import { sampleApproval, sampleCredential, sampleLease } from '../../support/sample-rows.ts'
import { temporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.ts'

const BROKER = { type: 'broker', id: 'mayfly' } as const
const record = (store: SqliteStore, id: string): Promise<void> =>
  store.commit((tx) => {
    tx.append({ kind: 'config.loaded', time: 0, actor: BROKER, subject: { id } })
  })
const readAll = (store: SqliteStore) => store.reads.audit('operations', 0, 1000)

/** Changes the database behind the back of a store that is closed. Returns the version of its schema before. */
function meddle(folder: TemporaryFolder, sql: string): number {
  const db = new Database(folder.at('mayfly.db'))
  const version = Number(db.pragma('user_version', { simple: true }))
  db.exec(sql)
  db.close()
  return version
}

/** Another process that opens the folder, says so, and holds it until it is killed. */
async function holdElsewhere(folder: TemporaryFolder) {
  const module = new URL('../../../src/store/sqlite/open-store.ts', import.meta.url)
  const script = `
    const { openStore } = await import(${JSON.stringify(module.href)})
    openStore({ dataDir: ${JSON.stringify(folder.path)} })
    process.stdout.write('open')
    setInterval(() => undefined, 1000)
  `
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  return {
    kill: async (): Promise<void> => {
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

describe('opening the ledger', () => {
  it('keeps to its owner what it makes, and writes every commit through to the disk', async () => {
    await using folder = await temporaryFolder()
    await using store = openStore({ dataDir: folder.at('data') })
    await record(store, 'a')
    expect(statSync(folder.at('data')).mode & 0o777).to.equal(0o700)
    expect(statSync(folder.at('data/mayfly.db')).mode & 0o777).to.equal(0o600)
    const other = new Database(folder.at('data/mayfly.db'), { readonly: true })
    expect(other.pragma('journal_mode', { simple: true })).to.equal('wal')
    expect(other.prepare('select count(*) from audit').pluck().get(), 'seen by others at once').to.equal(1)
    other.close()
  })

  it('finds everything again as it was stored', async () => {
    await using folder = await temporaryFolder()
    const lease = sampleLease({ context: { runtime: { image: 'sha256:0' } }, heartbeatSeconds: 30 })
    const closed = sampleLease({ state: 'closed', outcome: 'revoked', reason: 'Enough', closedAt: 5 })
    const credential = sampleCredential(lease, { stuck: true, lastError: 'unreachable', nextAttemptAt: 7 })
    const approval = sampleApproval(lease, {
      approvedBy: [{ operator: 'amy@example.com', at: 1, reason: null, narrow: null }],
    })
    {
      await using store = openStore({ dataDir: folder.path })
      await store.commit((tx) => {
        tx.insertLease(lease)
        tx.insertLease(closed)
        tx.insertCredential(credential)
        tx.insertApproval(approval)
      })
      expect(store.reads.countLive(null)).to.equal(1)
    }
    await using store = openStore({ dataDir: folder.path })
    expect(store.reads.lease(lease.id)).to.deep.equal(lease)
    expect(store.reads.lease(closed.id)).to.deep.equal(closed)
    expect(store.reads.leaseByToken(lease.tokenHash)).to.deep.equal(lease)
    expect(store.reads.credentialsOf(lease.id)).to.deep.equal([credential])
    expect(store.reads.approval(approval.id)).to.deep.equal(approval)
    expect(store.reads.countLive(null)).to.equal(1)
    expect(store.reads.countLive('support-bot')).to.equal(1)
    expect(store.reads.countLive('other-bot')).to.equal(0)
  })

  it('is refused while another process has the folder, and not once that one is dead, however it died', async () => {
    await using folder = await temporaryFolder()
    const other = await holdElsewhere(folder)
    expect(() => openStore({ dataDir: folder.path })).to.throw(
      DataFolderInUse,
      /Another broker already runs on .*--data/,
    )
    await other.kill()
    expect(existsSync(folder.at('running')), 'it left its mark').to.equal(true)
    await using store = openStore({ dataDir: folder.path })
    await store.integrity
    await record(store, 'a')
  })

  it('is refused to a second store of the same process too', async () => {
    await using folder = await temporaryFolder()
    {
      await using store = openStore({ dataDir: folder.path })
      expect(() => openStore({ dataDir: folder.path })).to.throw(DataFolderInUse)
      await record(store, 'the first goes on')
    }
    await using again = openStore({ dataDir: folder.path })
    expect(readAll(again)).to.have.length(1)
  })

  it('is refused where a newer Mayfly has written, and changes nothing there', async () => {
    await using folder = await temporaryFolder()
    await openStore({ dataDir: folder.path })[Symbol.asyncDispose]()
    const version = meddle(folder, 'pragma user_version = 99; create table later (id integer)')
    for (const again of [1, 2])
      expect(() => openStore({ dataDir: folder.path }), `try ${again}`).to.throw(SchemaTooNew, /schema 99.*newer/)
    meddle(folder, `drop table later; pragma user_version = ${version}`)
    await openStore({ dataDir: folder.path })[Symbol.asyncDispose]()
  })

  it('after a kill looks at every page, and at every start until that has found nothing', async () => {
    await using folder = await temporaryFolder()
    {
      await using store = openStore({ dataDir: folder.path })
      await store.commit((tx) => {
        tx.insertLease(sampleLease())
      })
    }
    const path = folder.at('mayfly.db')
    const whole = readFileSync(path)
    damageIndex(path, 'lease_by_created')
    for (const start of ['clean', 'killed', 'killed again']) {
      if (start === 'killed') writeFileSync(folder.at('running'), '')
      await using store = openStore({ dataDir: folder.path })
      const found = await store.integrity.catch((error: unknown) => error)
      if (start === 'clean') expect(found, 'nobody looks after a clean end').to.equal(undefined)
      else expect(found, start).to.be.instanceOf(DatabaseDamaged)
    }
    writeFileSync(path, whole)
    await using restored = openStore({ dataDir: folder.path })
    await restored.integrity
  })

  it('leaves no mark of a crash behind where it was closed', async () => {
    await using folder = await temporaryFolder()
    const store = openStore({ dataDir: folder.path })
    expect(existsSync(folder.at('running'))).to.equal(true)
    await store[Symbol.asyncDispose]()
    expect(existsSync(folder.at('running'))).to.equal(false)
  })
})

describe('the chains of the ledger', () => {
  it('go on from their last record after a restart', async () => {
    await using folder = await temporaryFolder()
    for (const id of ['a', 'b', 'c']) {
      await using store = openStore({ dataDir: folder.path })
      await record(store, id)
    }
    await using store = openStore({ dataDir: folder.path })
    const records = readAll(store)
    expect(records.map(({ subject }) => subject['id'])).to.deep.equal(['a', 'b', 'c'])
    expect(brokenAt(records)).to.equal(undefined)
    expect(store.reads.auditHead('operations')).to.deep.equal({ seq: 3, hash: records[2]?.hash })
  })

  it('have no gap where a step was rolled back after it had recorded something', async () => {
    await using folder = await temporaryFolder()
    await using store = openStore({ dataDir: folder.path })
    const undone = store.commit((tx) => {
      tx.append({ kind: 'config.loaded', time: 0, actor: BROKER, subject: { id: 'undone' } })
      tx.insertLease(sampleLease())
      throw new Error('after the record')
    })
    const steps = await Promise.allSettled([record(store, 'a'), undone, record(store, 'b')])
    expect(steps.map(({ status }) => status)).to.deep.equal(['fulfilled', 'rejected', 'fulfilled'])
    const records = readAll(store)
    expect(records.map(({ subject }) => subject['id'])).to.deep.equal(['a', 'b'])
    expect(brokenAt(records)).to.equal(undefined)
    expect(store.reads.countLive(null), 'nor does the undone lease count').to.equal(0)
  })

  it('are not built upon where their last record was changed', async () => {
    await using folder = await temporaryFolder()
    {
      await using store = openStore({ dataDir: folder.path })
      await record(store, 'a')
    }
    meddle(folder, `update audit set record = replace(record, '"a"', '"b"')`)
    for (const again of [1, 2]) {
      const open = () => openStore({ dataDir: folder.path })
      expect(open, `try ${again}`).to.throw(/operations \(1\) was changed.*mayfly audit verify/)
    }
  })
})
