import type Database from 'better-sqlite3'
import { expect } from 'chai'
import type * as z from 'zod'
import { ApprovalRow, sqliteApprovals } from '../../../src/store/sqlite/approvals.ts'
import { sqliteAudit } from '../../../src/store/sqlite/audit-chains.ts'
import { CredentialRow } from '../../../src/store/sqlite/credential-row.ts'
import { sqliteCredentials } from '../../../src/store/sqlite/credentials.ts'
import { sqliteIdempotency } from '../../../src/store/sqlite/idempotency.ts'
import { LeaseRow } from '../../../src/store/sqlite/lease-row.ts'
import { sqliteLeaseWork } from '../../../src/store/sqlite/lease-work.ts'
import { sqliteLeases } from '../../../src/store/sqlite/leases.ts'
import { MarkRow, sqliteMarks } from '../../../src/store/sqlite/marks.ts'
import { sqliteMeta } from '../../../src/store/sqlite/meta.ts'
import { openDatabase } from '../../../src/store/sqlite/open-database.ts'
import { sqliteRevocations } from '../../../src/store/sqlite/revocations.ts'
import { sqliteUses, UseRow } from '../../../src/store/sqlite/uses.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

/**
 * What is looked at as a whole: at the start, at a reload, at a freeze, or because all of it is left to do. Each in a
 * partial index of just that, so that what has ended costs nothing.
 */
const WHOLE = [
  /group by (agent|provider)$/,
  /distinct provider from credential/,
  /state = 'minting' and/,
  /grant_name = @value/,
  /provider = \? and sealed is not null/,
  /from mark where lifted_at is null/,
]
/** A table that holds nothing but what is left to do. */
const QUEUE = /from cascade/

/** Every statement that the store prepares when it opens. */
function preparedAtStart(db: Database.Database): readonly Database.Statement[] {
  const prepare = db.prepare.bind(db)
  const statements: Database.Statement[] = []
  db.prepare = ((text: string) => {
    const statement = prepare(text)
    statements.push(statement)
    return statement
  }) as typeof db.prepare
  const queue = (on: Database.Database) => sqliteRevocations(on, { unreadable: () => undefined, active: () => [] })
  const work = (on: Database.Database) =>
    sqliteLeaseWork(on, { everything: () => ({ leases: 0, credentials: 0 }), unreadable: () => undefined })
  const parts = [sqliteLeases, work, sqliteCredentials, queue, sqliteApprovals, sqliteMarks, sqliteMeta, sqliteUses]
  for (const part of [...parts, sqliteAudit, sqliteIdempotency]) part(db)
  db.prepare = prepare
  return statements
}

/** How SQLite goes about it, a line a step. */
function planOf(db: Database.Database, text: string): readonly string[] {
  const steps = db.prepare<[], { readonly detail: string }>(`explain query plan ${text.replace(/@\w+|\?/g, '1')}`)
  return steps.all().map(({ detail }) => detail)
}

/** A walk through rows; the one row of a statement that reads no table is none. */
const scansOf = (plan: readonly string[]): readonly string[] =>
  plan.filter((step) => step.startsWith('SCAN') && step !== 'SCAN CONSTANT ROW')

/** The indices that hold only some of the rows of their table. */
const partial = (db: Database.Database): readonly string[] =>
  db.prepare<[], string>(`select name from sqlite_schema where type = 'index' and sql like '% where %'`).pluck().all()

describe('the statements of the ledger', () => {
  let db: Database.Database
  before(() => (db = openDatabase(':memory:')))
  after(() => db.close())

  it('never walk through a whole table', () => {
    const statements = preparedAtStart(db)
    expect(statements.length).to.be.greaterThan(20)
    for (const { source } of statements) {
      const scanned = scansOf(planOf(db, source))
      if (QUEUE.test(source)) expect(scanned, source).to.deep.equal(scanned.filter((step) => step === 'SCAN cascade'))
      else if (WHOLE.some((each) => each.test(source)))
        for (const step of scanned) expect(partial(db), source).to.include(step.replace(/^SCAN .* INDEX /, ''))
      else expect(scanned, source).to.deep.equal([])
    }
  })

  it('would be caught if they did', () => {
    const due = `select id from lease where expires_at <= ? and state in ('closed', 'active')`
    for (const text of ['select id from lease where reason = ?', due])
      expect(scansOf(planOf(db, text)), text).to.have.length(1)
  })

  it('find what is due in the partial index, where what has ended costs nothing', () => {
    const [due] = preparedAtStart(db).filter(({ source }) => /expires_at <= \?.*limit/s.test(source))
    expect(planOf(db, due?.source ?? '')).to.include('SEARCH lease USING INDEX lease_due (expires_at<?)')
    const sql = db.prepare<[], string>(`select sql from sqlite_schema where name = 'lease_due'`).pluck().get()
    expect(sql).to.include(`where state in ('pending', 'active')`)
  })

  it('count what is open of a task in an index alone', () => {
    const [open] = preparedAtStart(db).filter(({ source }) => /count\(\*\) from lease where agent/.test(source))
    expect(planOf(db, open?.source ?? '').join()).to.match(/USING COVERING INDEX lease_live/)
  })
})

describe('the rows of the ledger', () => {
  let db: Database.Database
  before(() => (db = openDatabase(':memory:')))
  after(() => db.close())

  const rows: Readonly<Record<string, z.ZodObject>> = {
    lease: LeaseRow,
    credential: CredentialRow,
    approval: ApprovalRow,
    mark: MarkRow,
    lease_use: UseRow,
  }
  for (const [table, schema] of Object.entries(rows)) {
    it(`of ${table} have the columns that are read, of the types and with the gaps that are expected`, () => {
      const columns = db.prepare(`select * from ${table}`).columns()
      expect(columns.map(({ name }) => name)).to.have.members(Object.keys(schema.shape))
      const info = db.prepare<[], { name: string; notnull: number; pk: number }>(`pragma table_info(${table})`).all()
      for (const { name, type } of columns) {
        const field = schema.shape[name] as z.ZodType
        const sample = type === 'INTEGER' ? 1 : 'text'
        const wrong = type === 'INTEGER' ? 'text' : 1.5
        expect(field.safeParse(wrong).success, `${name} holds ${type}`).to.equal(false)
        const chosen = 'options' in field || 'innerType' in (field.def as object)
        if (!chosen) expect(field.safeParse(sample).success, `${name} takes ${type}`).to.equal(true)
        const column = info.find((one) => one.name === name)
        const nullable = column?.notnull === 0 && column.pk === 0
        expect(field.safeParse(null).success, `${name} may be null`).to.equal(nullable)
      }
    })
  }

  it('are in STRICT tables, so that nothing else can be stored', () => {
    const tables = db.prepare<[], { name: string; strict: number; wr: number }>('pragma table_list').all()
    const ours = tables.filter(({ name }) => !name.startsWith('sqlite_'))
    expect(ours.length).to.be.greaterThan(4)
    for (const { name, strict } of ours) expect(strict, name).to.equal(1)
  })
})

describe('the database of the ledger', () => {
  it('is durable at every commit, keeps references whole, and trusts no schema', async () => {
    await using folder = await temporaryFolder()
    const db = openDatabase(folder.at('mayfly.db'))
    expect(db.pragma('journal_mode', { simple: true })).to.equal('wal')
    // FULL. With NORMAL, which better-sqlite3 takes under WAL by itself, a power cut could take back an answered lease.
    expect(db.pragma('synchronous', { simple: true })).to.equal(2)
    expect(db.pragma('foreign_keys', { simple: true })).to.equal(1)
    expect(db.pragma('trusted_schema', { simple: true })).to.equal(0)
    db.close()
  })
})
