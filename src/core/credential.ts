import type { CredentialType } from './catalogue.ts'
import type { CredentialId, LeaseId } from './id.ts'
import type { Instant } from './time.ts'

export const CREDENTIAL_STATES = ['minting', 'active', 'revoking', 'closed'] as const
export type CredentialState = (typeof CREDENTIAL_STATES)[number]

export const CREDENTIAL_OUTCOMES = ['revoked', 'expired', 'never_minted', 'abandoned'] as const
export type CredentialOutcome = (typeof CREDENTIAL_OUTCOMES)[number]

/**
 * How a credential can be taken back: `immediate` (whoever asks sees it at once, or the upstream confirms),
 * `propagating` (by `effectiveAfter`), `at_expiry`.
 */
export const REVOCATIONS = ['immediate', 'propagating', 'at_expiry'] as const
export type Revocation = (typeof REVOCATIONS)[number]

/** One minted thing, recorded before it leaves the process. The secret itself is never here. */
export interface Credential {
  readonly id: CredentialId
  readonly lease: LeaseId
  readonly grant: string
  readonly provider: string
  /** Whoever takes it back upstream; null for a credential that is only signed. */
  readonly target: string | null
  /** What the upstream knows it by; for a signed one, its own id. */
  readonly handle: string
  /** How many ancestors its lease has: upstream, children end before parents. */
  readonly depth: number
  /** The start of the broker that minted it: a row in `minting` of an older one was left behind by a crash. */
  readonly boot: string
  /** What a revocation needs beside the handle, sealed. */
  readonly sealed: string | null
  readonly type: CredentialType
  readonly state: CredentialState
  readonly fence: number
  readonly outcome: CredentialOutcome | null
  readonly issuedAt: Instant
  /** When the upstream ends by itself whatever the mint may have made, at the latest. */
  readonly notAfter: Instant
  /** What the lease promises. */
  readonly expiresAt: Instant
  /** When the upstream itself ends it, if later. */
  readonly hardExpiresAt: Instant | null
  readonly revocation: Revocation
  /** Verifiers that never ask accept it until then. Null: every use asks. */
  readonly offlineUntil: Instant | null
  readonly effectiveAfter: Instant | null
  /** Since when it is being taken back. */
  readonly revokingAt: Instant | null
  readonly confirmedAt: Instant | null
  readonly attempts: number
  readonly nextAttemptAt: Instant | null
  readonly stuck: boolean
  readonly lastError: string | null
  /** SHA-256 of the secret, in lower-case hex: enough to recognise it, useless to hold. `""` until it is minted. */
  readonly fingerprint: string
}

/** A credential may be replaced in its last third, or once it is closed. */
export function isReplaceable(credential: Credential, now: Instant): boolean {
  return credential.state === 'closed' || now >= credential.expiresAt - (credential.expiresAt - credential.issuedAt) / 3
}
