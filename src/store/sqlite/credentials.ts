import type Database from 'better-sqlite3'
import * as z from 'zod'

import type { Reads, Transaction } from '../../broker/ports.ts'
import { CREDENTIAL_TYPES } from '../../core/catalogue.ts'
import { CREDENTIAL_OUTCOMES, CREDENTIAL_STATES, REVOCATIONS, type Credential } from '../../core/credential.ts'
import type { CredentialId, LeaseId } from '../../core/id.ts'

/** The shape of one row, checked on the way out. */
export const CredentialRow = z.strictObject({
  id: z.string(),
  lease: z.string(),
  grant_name: z.string(),
  provider: z.string(),
  type: z.enum(CREDENTIAL_TYPES),
  state: z.enum(CREDENTIAL_STATES),
  fence: z.int(),
  outcome: z.enum(CREDENTIAL_OUTCOMES).nullable(),
  issued_at: z.int(),
  expires_at: z.int(),
  hard_expires_at: z.int().nullable(),
  revocation: z.enum(REVOCATIONS),
  offline_until: z.int().nullable(),
  effective_after: z.int().nullable(),
  confirmed_at: z.int().nullable(),
  attempts: z.int(),
  next_attempt_at: z.int().nullable(),
  stuck: z.union([z.literal(0), z.literal(1)]),
  last_error: z.string().nullable(),
  fingerprint: z.string(),
})

const COLUMN_NAMES = Object.keys(CredentialRow.shape)
const COLUMNS = COLUMN_NAMES.join(', ')

/** Every statement about credentials, prepared once. */
export function prepareCredentials(db: Database.Database) {
  return {
    insert: db.prepare(
      `insert into credential (${COLUMNS}) values (${COLUMN_NAMES.map((name) => `@${name}`).join(', ')})`,
    ),
    update: db.prepare(
      `update credential set state = @state, outcome = @outcome, confirmed_at = @confirmed_at, fence = fence + 1
       where id = @id and state = @from_state and fence = @fence`,
    ),
    byId: db.prepare<[string]>(`select ${COLUMNS} from credential where id = ?`),
    ofLease: db.prepare<[string]>(`select ${COLUMNS} from credential where lease = ? order by id`),
  }
}

type CredentialPort = Pick<Reads, 'credential' | 'credentialsOf'> &
  Pick<Transaction, 'insertCredential' | 'moveCredential'>

export function sqliteCredentials(db: Database.Database): CredentialPort {
  const sql = prepareCredentials(db)
  const credential: CredentialPort['credential'] = (id) => {
    const row = sql.byId.get(id)
    return row === undefined ? undefined : toCredential(row)
  }
  return {
    credential,
    credentialsOf: (lease) => sql.ofLease.all(lease).map(toCredential),
    insertCredential: (row) => void sql.insert.run(fromCredential(row)),
    moveCredential: (from, change) => {
      const current = credential(from.id)
      if (!current) return false
      const { state, outcome, confirmed_at } = fromCredential({ ...current, ...change })
      return (
        sql.update.run({ id: from.id, from_state: from.state, fence: from.fence, state, outcome, confirmed_at })
          .changes === 1
      )
    },
  }
}

function toCredential(raw: unknown): Credential {
  const row = CredentialRow.parse(raw)
  return {
    id: row.id as CredentialId,
    lease: row.lease as LeaseId,
    grant: row.grant_name,
    provider: row.provider,
    type: row.type,
    state: row.state,
    fence: row.fence,
    outcome: row.outcome,
    issuedAt: row.issued_at,
    expiresAt: row.expires_at,
    hardExpiresAt: row.hard_expires_at,
    revocation: row.revocation,
    offlineUntil: row.offline_until,
    effectiveAfter: row.effective_after,
    confirmedAt: row.confirmed_at,
    attempts: row.attempts,
    nextAttemptAt: row.next_attempt_at,
    stuck: row.stuck === 1,
    lastError: row.last_error,
    fingerprint: row.fingerprint,
  }
}

function fromCredential(credential: Credential): z.infer<typeof CredentialRow> {
  return {
    id: credential.id,
    lease: credential.lease,
    grant_name: credential.grant,
    provider: credential.provider,
    type: credential.type,
    state: credential.state,
    fence: credential.fence,
    outcome: credential.outcome,
    issued_at: credential.issuedAt,
    expires_at: credential.expiresAt,
    hard_expires_at: credential.hardExpiresAt,
    revocation: credential.revocation,
    offline_until: credential.offlineUntil,
    effective_after: credential.effectiveAfter,
    confirmed_at: credential.confirmedAt,
    attempts: credential.attempts,
    next_attempt_at: credential.nextAttemptAt,
    stuck: credential.stuck ? 1 : 0,
    last_error: credential.lastError,
    fingerprint: credential.fingerprint,
  }
}
