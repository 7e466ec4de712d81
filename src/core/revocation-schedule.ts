import { PROBE_EVERY_MS } from './breaker.ts'
import type { Credential } from './credential.ts'
import { HOUR_MS, MINUTE_MS, SECOND_MS, type Instant } from './time.ts'

const FIRST_RETRY_MS = 10 * SECOND_MS
const LONGEST_RETRY_MS = 5 * MINUTE_MS
/** A stuck row alerts somebody; asking the upstream more often than this helps nobody. */
const STUCK_RETRY_MS = HOUR_MS
/** Clocks of an upstream and of the broker may differ by this much before "it has ended by itself" is believed. */
const SKEW_MS = MINUTE_MS

/** How an attempt to take a credential back ended, as far as the ledger cares. */
export type Attempt =
  | { readonly class: 'revoked'; readonly effectiveAfter: Instant | null }
  | { readonly class: 'gone' | 'at_expiry' }
  | { readonly class: 'permanent' | 'throttled' | 'unreachable' | 'unknown'; readonly detail: string }

/** What becomes of the row. */
export type AfterAttempt =
  | { readonly kind: 'closed'; readonly outcome: 'revoked' | 'expired' | 'never_minted' }
  | { readonly kind: 'waiting'; readonly change: Retry }

export interface Retry {
  readonly attempts: number
  readonly nextAttemptAt: Instant
  readonly stuck: boolean
  readonly lastError: string | null
  readonly effectiveAfter: Instant | null
}

export interface Attempted {
  readonly credential: Credential
  readonly attempt: Attempt
  readonly now: Instant
  /** For how long after the mint "not found" may only mean "not yet". */
  readonly consistencyMs: number
  /** In [0, 1): spreads retries, so that a thousand rows do not come back in one instant. */
  readonly jitter: number
}

/** The row after one attempt: closed, or when to try again. Unreachable targets use up no attempt; nothing ever gives up. */
export function afterAttempt({ credential, attempt, now, consistencyMs, jitter }: Attempted): AfterAttempt {
  if (hasEndedByItself(credential, now)) return { kind: 'closed', outcome: 'expired' }
  const waiting = (change: Partial<Retry>): AfterAttempt => ({
    kind: 'waiting',
    change: { ...asItIs(credential, now), ...change },
  })
  const tried = credential.attempts + 1
  const backOff = now + retryAfterMs(credential.attempts, jitter)
  switch (attempt.class) {
    case 'revoked': {
      const { effectiveAfter } = attempt
      if (effectiveAfter === null || effectiveAfter <= now) return { kind: 'closed', outcome: 'revoked' }
      return waiting({ attempts: tried, nextAttemptAt: effectiveAfter, effectiveAfter, lastError: null, stuck: false })
    }
    case 'gone':
      if (now - credential.issuedAt < consistencyMs) {
        return waiting({
          attempts: tried,
          nextAttemptAt: Math.max(backOff, credential.issuedAt + consistencyMs),
          lastError: 'Not found, and too young to be gone',
        })
      }
      return { kind: 'closed', outcome: credential.fingerprint === '' ? 'never_minted' : 'revoked' }
    case 'at_expiry':
      return waiting({ attempts: tried, nextAttemptAt: endsAt(credential) + SKEW_MS, lastError: null, stuck: false })
    case 'permanent':
      return waiting({ attempts: tried, nextAttemptAt: now + STUCK_RETRY_MS, stuck: true, lastError: attempt.detail })
    case 'unreachable':
      // Due again with the next probe, and behind those that have not been tried since.
      return waiting({ nextAttemptAt: now + PROBE_EVERY_MS, lastError: attempt.detail })
    case 'throttled':
    case 'unknown':
      return waiting({ attempts: tried, nextAttemptAt: backOff, lastError: attempt.detail })
  }
}

const asItIs = (credential: Credential, now: Instant): Retry => ({
  attempts: credential.attempts,
  nextAttemptAt: credential.nextAttemptAt ?? now,
  stuck: credential.stuck,
  lastError: credential.lastError,
  effectiveAfter: credential.effectiveAfter,
})

/** `min(10 s * 2^n, 5 min)`, give or take half. */
export function retryAfterMs(attempts: number, jitter: number): number {
  const steady = Math.min(FIRST_RETRY_MS * 2 ** Math.min(attempts, 16), LONGEST_RETRY_MS)
  return Math.round(steady * (0.5 + jitter))
}

const endsAt = (credential: Credential): Instant => credential.hardExpiresAt ?? credential.notAfter

/** The upstream itself ends it, as the mint verified. Beyond that, with room for skew, there is nothing left to revoke. */
export function hasEndedByItself(credential: Credential, now: Instant): boolean {
  return now >= endsAt(credential) + SKEW_MS
}
