import type Database from 'better-sqlite3'

import type { CredentialFilter, Reads, Transaction } from '../../broker/store-port.ts'
import type { CredentialState } from '../../core/credential.ts'
import { changedColumns, CREDENTIAL_COLUMNS, CredentialRow, fromCredential, toCredential } from './credential-row.ts'
import type { Memory } from './group-commit.ts'
import { few, listQuery, none, type Clauses } from './list-query.ts'
import { moveRow } from './move-row.ts'
import { tally } from './tally.ts'

/** With this many active ones it is quicker to look at every credential, newest first, than to put those in order. */
const MANY_ACTIVE = 5000
const INDICES = { minting: 'few', active: 'few', revoking: 'in order', closed: 'none' } as const

/** Every statement about single credentials, prepared once. */
export function prepareCredentials(db: Database.Database) {
  const columns = Object.keys(CredentialRow.shape)
  return {
    insert: db.prepare(
      `insert into credential (${CREDENTIAL_COLUMNS}) values (${columns.map((name) => `@${name}`).join(', ')})`,
    ),
    byId: db.prepare<[string]>(`select ${CREDENTIAL_COLUMNS} from credential where id = ?`),
    // Put in order here: SQLite takes 20 us to order one row, and 10 to find it.
    ofLease: db.prepare<[string]>(`select ${CREDENTIAL_COLUMNS} from credential where lease = ?`),
    countActive: db.prepare<[], { readonly name: string; readonly count: number }>(
      `select provider as name, count(*) as count from credential where state = 'active' group by provider`,
    ),
  }
}

type StoredFilter = Omit<CredentialFilter, 'stuck'> & { readonly stuck?: 0 | 1 }

type CredentialPort = Pick<Reads, 'credential' | 'credentials' | 'credentialsOf' | 'activeByProvider'> &
  Pick<Transaction, 'insertCredential' | 'moveCredential'> & { readonly memory: Memory }

export function sqliteCredentials(db: Database.Database): CredentialPort {
  const sql = prepareCredentials(db)
  const active = tally(() => sql.countActive.all())
  const clauses: Clauses<StoredFilter> = {
    state: {
      sql: 'state = ?',
      index: (state) => (state === 'active' && active.total() > MANY_ACTIVE ? 'none' : INDICES[state]),
    },
    stuck: { sql: 'stuck = ?', index: (stuck) => (stuck === 1 ? 'in order' : 'none') },
    grant: { sql: 'grant_name = ?', index: none },
    lease: { sql: 'lease = ?', index: few },
  }
  const columns = CREDENTIAL_COLUMNS
  const list = listQuery(db, { table: 'credential', columns, clauses, createdAt: 'issued_at', order: 'id' })
  const move = moveRow<CredentialRow>(db, { table: 'credential', returning: 'provider' })
  const credential: CredentialPort['credential'] = (id) => {
    const row = sql.byId.get(id)
    return row === undefined ? undefined : toCredential(row)
  }
  return {
    memory: active,
    credential,
    credentials: ({ stuck, ...filter }, page) => {
      const { rows, resume } = list({ ...filter, ...(stuck !== undefined && { stuck: stuck ? 1 : 0 }) }, page)
      return { rows: rows.map(toCredential), resume }
    },
    credentialsOf: (lease) =>
      sql.ofLease
        .all(lease)
        .map(toCredential)
        .sort((a, b) => (a.id < b.id ? -1 : 1)),
    activeByProvider: active.all,
    insertCredential: (row) => {
      sql.insert.run(fromCredential(row))
      active.add(row.provider, isActive(row.state))
    },
    moveCredential: (from, change) => {
      const provider = move(from, changedColumns(change))
      if (provider === undefined) return false
      active.add(provider, isActive(change.state ?? from.state) - isActive(from.state))
      return true
    },
  }
}

const isActive = (state: CredentialState): number => (state === 'active' ? 1 : 0)
