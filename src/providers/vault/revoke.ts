import type { Revocable, RevokeAnswer } from '../../broker/provider-port.ts'
import type { Clock } from '../../broker/ports.ts'
import { SECOND_MS } from '../../core/time.ts'
import { failureOf, VaultFailure } from './failure.ts'
import type { OwnToken } from './own-token.ts'
import type { VaultTimings } from './settings.ts'
import type { VaultAnswer } from './transport.ts'
import { readRecorded, readWarnings } from './wire.ts'

export interface RevokeParts {
  readonly own: OwnToken
  readonly clock: Clock
  readonly timings: VaultTimings
}

const REVOKE_LEASE = 'sys/leases/revoke'
const REVOKE_ACCESSOR = 'auth/token/revoke-accessor'

/**
 * Takes one credential back: first the secret, in the same request (`sync`), then the token that it was read with. Where
 * only the token is known, Vault ends whatever was read with it a moment later; nobody has seen that.
 */
export async function revoke(parts: RevokeParts, what: Revocable, signal: AbortSignal): Promise<RevokeAnswer> {
  try {
    return await take(parts, what, signal)
  } catch (error) {
    if (!(error instanceof VaultFailure)) return { class: 'unknown', detail: 'The revocation failed inside the broker' }
    // The broker itself could not log in: that stops every revocation, and none of them is to blame.
    return { class: error.status === 429 ? 'throttled' : 'unreachable', detail: error.message }
  }
}

async function take(parts: RevokeParts, what: Revocable, signal: AbortSignal): Promise<RevokeAnswer> {
  if (what.recorded === null) return unrecorded(parts, what)
  const kept = readRecorded(what.recorded)
  if (!kept) return { class: 'unknown', detail: 'What was recorded of it cannot be read' }
  if (kept.lease !== null && kept.ends === 'revoked') {
    const data = { lease_id: kept.lease, sync: true }
    const answer = await parts.own.ask({ method: 'POST', path: REVOKE_LEASE, data, signal })
    // 202 would be a promise, and 204 is also said of a lease that has already ended.
    if (answer.kind !== 'answered' || answer.status !== 204) return refused(REVOKE_LEASE, answer)
  }
  const data = { accessor: kept.accessor }
  const answer = await parts.own.ask({ method: 'POST', path: REVOKE_ACCESSOR, data, signal })
  const gone = readWarnings(answer) !== undefined
  if (!gone && (answer.kind !== 'answered' || answer.status !== 204)) return refused(REVOKE_ACCESSOR, answer)
  if (kept.ends === 'at_expiry') return { class: 'at_expiry' }
  if (kept.lease !== null) return { class: 'revoked', effectiveAfter: null }
  if (gone) return { class: 'gone' }
  return { class: 'revoked', effectiveAfter: kept.makes === 'secret' ? parts.clock() + parts.timings.cascadeMs : null }
}

/** A token that was made and never recorded has no handle at Vault: it ends by its birth TTL, and until then it may exist. */
function unrecorded({ clock, timings }: RevokeParts, what: Revocable): RevokeAnswer {
  const healed = what.issuedAt + timings.mintMs + timings.birthSeconds * SECOND_MS
  if (clock() >= Math.min(healed, what.notAfter)) return { class: 'gone' }
  const left = Math.ceil((healed - clock()) / SECOND_MS)
  return { class: 'unknown', detail: `Nothing was recorded of it; if it was made, it ends by itself within ${left} s` }
}

/** Words of a driver that could not reach its database. Vault passes them on with a 400. */
const TARGET_AWAY = /connection refused|connection reset|no route to host|i\/o timeout|deadline exceeded|unexpected EOF/

function refused(path: string, answer: VaultAnswer): RevokeAnswer {
  const detail = failureOf(path, answer).message
  if (answer.kind === 'unanswered') return { class: 'unreachable', detail }
  if (answer.status === 400 && path === REVOKE_LEASE) {
    const away = TARGET_AWAY.test(JSON.stringify(answer.body))
    if (away) return { class: 'unreachable', detail: `${detail}: it could not reach the secret's own backend` }
    return { class: 'unknown', detail: `${detail}: the secret's own backend did not take it back` }
  }
  if (answer.status === 403) return { class: 'permanent', detail: `${detail}: the broker's policy does not allow it` }
  return { class: classOf(answer.status), detail }
}

/** No status means that something is gone. 403 is about the request: the broker's own token was found good before. */
function classOf(status: number): 'throttled' | 'unreachable' | 'unknown' {
  if (status === 429) return 'throttled'
  // 472 and 473 come of a standby that cannot do this.
  return status >= 500 || status === 472 || status === 473 ? 'unreachable' : 'unknown'
}
