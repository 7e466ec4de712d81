import type Database from 'better-sqlite3'

import type { Reads, Transaction } from '../../broker/store-port.ts'
import type { CredentialId, LeaseId } from '../../core/id.ts'

interface Row {
  readonly digest: string
  readonly lease: LeaseId
  readonly credential: CredentialId | null
  readonly expires_at: number
}

/** At most this many lapsed keys are dropped for each that is kept, so that the table stays small without a pass of its own. */
const DROPPED_PER_KEEP = 2

/** Which lease an Idempotency-Key stands for. */
export function sqliteIdempotency(
  db: Database.Database,
): Pick<Reads, 'idempotent'> & Pick<Transaction, 'keepIdempotent'> {
  const find = db.prepare<[string, string, number], Row>(
    'select digest, lease, credential, expires_at from idempotency where scope = ? and key = ? and expires_at > ?',
  )
  const keep = db.prepare<[string, string, string, string, string | null, number]>(
    `insert into idempotency (scope, key, digest, lease, credential, expires_at) values (?, ?, ?, ?, ?, ?)
     on conflict (scope, key) do update set digest = excluded.digest, lease = excluded.lease, credential = excluded.credential, expires_at = excluded.expires_at`,
  )
  const drop = db.prepare<[number]>(
    `delete from idempotency where (scope, key) in
       (select scope, key from idempotency where expires_at <= ? order by expires_at limit ${DROPPED_PER_KEEP})`,
  )
  return {
    idempotent: (scope, key, now) => {
      const row = find.get(scope, key, now)
      return row && { digest: row.digest, lease: row.lease, credential: row.credential, expiresAt: row.expires_at }
    },
    keepIdempotent: (scope, key, { digest, lease, credential, expiresAt, keptAt }) => {
      keep.run(scope, key, digest, lease, credential, expiresAt)
      drop.run(keptAt)
    },
  }
}
