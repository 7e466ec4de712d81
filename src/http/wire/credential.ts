import type { Credential } from '../../core/credential.ts'
import type { JsonObject } from '../../core/json.ts'
import { rfc3339, rfc3339OrNull } from '../../core/time.ts'

/** A credential as the API shows it. Never the secret: the route that minted it adds `value` itself, once. */
export function credentialOnWire(credential: Credential): JsonObject {
  return {
    id: credential.id,
    lease: credential.lease,
    grant: credential.grant,
    type: credential.type,
    state: credential.state,
    outcome: credential.outcome,
    issued_at: rfc3339(credential.issuedAt),
    expires_at: rfc3339(credential.expiresAt),
    hard_expires_at: rfc3339OrNull(credential.hardExpiresAt),
    revocation: credential.revocation,
    offline_until: rfc3339OrNull(credential.offlineUntil),
    effective_after: rfc3339OrNull(credential.effectiveAfter),
    confirmed_at: rfc3339OrNull(credential.confirmedAt),
    attempts: credential.attempts,
    next_attempt_at: rfc3339OrNull(credential.nextAttemptAt),
    stuck: credential.stuck,
    last_error: credential.lastError,
    fingerprint: credential.fingerprint,
  }
}
