import type Database from 'better-sqlite3'

import type { CredentialFilter, Reads, Transaction } from '../../broker/store-port.ts'
import type { CredentialState } from '../../core/credential.ts'
import { CREDENTIAL_COLUMNS, CredentialRow, fromCredential, toCredential } from './credential-row.ts'
import type { Memory } from './group-commit.ts'
import { listQuery, type Clauses } from './list-query.ts'
import { tally } from './tally.ts'

const FILTERS: Clauses<CredentialFilter> = {
  state: 'state = ?',
  stuck: 'stuck = ?',
  grant: 'grant_name = ?',
  lease: 'lease = ?',
}

/** The members that a move may change. The rest is as it was when the row was made. */
const MUTABLE = [
  'state',
  'outcome',
  'expires_at',
  'hard_expires_at',
  'sealed',
  'fingerprint',
  'revoking_at',
  'effective_after',
  'confirmed_at',
  'attempts',
  'next_attempt_at',
  'stuck',
  'last_error',
] as const satisfies readonly (keyof CredentialRow)[]

/** Every statement about single credentials, prepared once. */
export function prepareCredentials(db: Database.Database) {
  const columns = Object.keys(CredentialRow.shape)
  return {
    insert: db.prepare(
      `insert into credential (${CREDENTIAL_COLUMNS}) values (${columns.map((name) => `@${name}`).join(', ')})`,
    ),
    update: db.prepare(
      `update credential set ${MUTABLE.map((name) => `${name} = @${name}`).join(', ')}, fence = fence + 1
       where id = @id and state = @from_state and fence = @fence`,
    ),
    byId: db.prepare<[string]>(`select ${CREDENTIAL_COLUMNS} from credential where id = ?`),
    ofLease: db.prepare<[string]>(`select ${CREDENTIAL_COLUMNS} from credential where lease = ? order by id`),
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
    credentialsOf: (lease) => sql.ofLease.all(lease).map(toCredential),
    activeByProvider: active.all,
    insertCredential: (row) => {
      sql.insert.run(fromCredential(row))
      active.add(row.provider, isActive(row.state))
    },
    moveCredential: (from, change) => {
      const current = credential(from.id)
      if (current?.state !== from.state || current.fence !== from.fence) return false
      const next = { ...current, ...change }
      if (sql.update.run({ ...fromCredential(next), from_state: from.state }).changes !== 1) return false
      active.add(next.provider, isActive(next.state) - isActive(current.state))
      return true
    },
  }
}

const isActive = (state: CredentialState): number => (state === 'active' ? 1 : 0)
