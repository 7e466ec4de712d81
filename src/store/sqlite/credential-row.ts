import * as z from 'zod'

import type { CredentialChange } from '../../broker/store-port.ts'
import { CREDENTIAL_TYPES } from '../../core/catalogue.ts'
import { CREDENTIAL_OUTCOMES, CREDENTIAL_STATES, REVOCATIONS, type Credential } from '../../core/credential.ts'
import type { CredentialId, LeaseId } from '../../core/id.ts'

/** The shape of one row, checked on the way out. */
export const CredentialRow = z.strictObject({
  id: z.string(),
  lease: z.string(),
  grant_name: z.string(),
  provider: z.string(),
  target: z.string().nullable(),
  handle: z.string(),
  depth: z.int(),
  boot: z.string(),
  sealed: z.string().nullable(),
  type: z.enum(CREDENTIAL_TYPES),
  state: z.enum(CREDENTIAL_STATES),
  fence: z.int(),
  outcome: z.enum(CREDENTIAL_OUTCOMES).nullable(),
  issued_at: z.int(),
  not_after: z.int(),
  expires_at: z.int(),
  hard_expires_at: z.int().nullable(),
  revocation: z.enum(REVOCATIONS),
  offline_until: z.int().nullable(),
  effective_after: z.int().nullable(),
  revoking_at: z.int().nullable(),
  confirmed_at: z.int().nullable(),
  attempts: z.int(),
  next_attempt_at: z.int().nullable(),
  stuck: z.union([z.literal(0), z.literal(1)]),
  last_error: z.string().nullable(),
  fingerprint: z.string(),
})
export type CredentialRow = z.infer<typeof CredentialRow>

export const CREDENTIAL_COLUMNS = Object.keys(CredentialRow.shape).join(', ')

export function toCredential(raw: unknown): Credential {
  const row = CredentialRow.parse(raw)
  return {
    id: row.id as CredentialId,
    lease: row.lease as LeaseId,
    grant: row.grant_name,
    provider: row.provider,
    target: row.target,
    handle: row.handle,
    depth: row.depth,
    boot: row.boot,
    sealed: row.sealed,
    type: row.type,
    state: row.state,
    fence: row.fence,
    outcome: row.outcome,
    issuedAt: row.issued_at,
    notAfter: row.not_after,
    expiresAt: row.expires_at,
    hardExpiresAt: row.hard_expires_at,
    revocation: row.revocation,
    offlineUntil: row.offline_until,
    effectiveAfter: row.effective_after,
    revokingAt: row.revoking_at,
    confirmedAt: row.confirmed_at,
    attempts: row.attempts,
    nextAttemptAt: row.next_attempt_at,
    stuck: row.stuck === 1,
    lastError: row.last_error,
    fingerprint: row.fingerprint,
  }
}

export function fromCredential(credential: Credential): CredentialRow {
  return {
    id: credential.id,
    lease: credential.lease,
    grant_name: credential.grant,
    provider: credential.provider,
    target: credential.target,
    handle: credential.handle,
    depth: credential.depth,
    boot: credential.boot,
    sealed: credential.sealed,
    type: credential.type,
    state: credential.state,
    fence: credential.fence,
    outcome: credential.outcome,
    issued_at: credential.issuedAt,
    not_after: credential.notAfter,
    expires_at: credential.expiresAt,
    hard_expires_at: credential.hardExpiresAt,
    revocation: credential.revocation,
    offline_until: credential.offlineUntil,
    effective_after: credential.effectiveAfter,
    revoking_at: credential.revokingAt,
    confirmed_at: credential.confirmedAt,
    attempts: credential.attempts,
    next_attempt_at: credential.nextAttemptAt,
    stuck: credential.stuck ? 1 : 0,
    last_error: credential.lastError,
    fingerprint: credential.fingerprint,
  }
}

/** Where the members that change are kept; beside them `stuck`. */
const COLUMNS = {
  state: 'state',
  outcome: 'outcome',
  expiresAt: 'expires_at',
  hardExpiresAt: 'hard_expires_at',
  sealed: 'sealed',
  fingerprint: 'fingerprint',
  revokingAt: 'revoking_at',
  effectiveAfter: 'effective_after',
  confirmedAt: 'confirmed_at',
  attempts: 'attempts',
  nextAttemptAt: 'next_attempt_at',
  lastError: 'last_error',
} as const satisfies Record<keyof Omit<CredentialChange, 'stuck'>, keyof CredentialRow>

/** The columns of a change. */
export function changedColumns({ stuck, ...plain }: CredentialChange): Partial<CredentialRow> {
  const columns = Object.fromEntries(
    Object.entries(plain).map(([name, value]) => [COLUMNS[name as keyof typeof COLUMNS], value]),
  ) as Partial<CredentialRow>
  return stuck === undefined ? columns : { ...columns, stuck: stuck ? 1 : 0 }
}
