import type Database from 'better-sqlite3'

import type { CredentialFilter, Reads, Transaction } from '../../broker/store-port.ts'
import type { CredentialState } from '../../core/credential.ts'
import { changedColumns, CREDENTIAL_COLUMNS, CredentialRow, fromCredential, toCredential } from './credential-row.ts'
import type { Memory } from './group-commit.ts'
import { listQuery, type Clauses } from './list-query.ts'
import { moveRow } from './move-row.ts'
import { tally } from './tally.ts'

const FILTERS: Clauses<CredentialFilter> = {
  state: 'state = ?',
  stuck: 'stuck = ?',
  grant: 'grant_name = ?',
  lease: 'lease = ?',
}

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

type CredentialPort = Pick<Reads, 'credential' | 'credentials' | 'credentialsOf' | 'activeByProvider'> &
  Pick<Transaction, 'insertCredential' | 'moveCredential'> & { readonly memory: Memory }

export function sqliteCredentials(db: Database.Database): CredentialPort {
  const sql = prepareCredentials(db)
  const list = listQuery(db, {
    table: 'credential',
    columns: CREDENTIAL_COLUMNS,
    clauses: FILTERS,
    createdAt: 'issued_at',
  })
  const active = tally(() => sql.countActive.all())
  const move = moveRow<CredentialRow>(db, { table: 'credential', returning: 'provider' })
  const credential: CredentialPort['credential'] = (id) => {
    const row = sql.byId.get(id)
    return row === undefined ? undefined : toCredential(row)
  }
  return {
    memory: active,
    credential,
    credentials: ({ stuck, ...filter }, page) =>
      list(
        { ...filter, ...(stuck !== undefined && { stuck: stuck ? 1 : 0 }) } as unknown as CredentialFilter,
        page,
      ).map(toCredential),
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
