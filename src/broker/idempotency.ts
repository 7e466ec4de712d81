import type { CredentialId, LeaseId } from '../core/id.ts'
import type { JsonObject } from '../core/json.ts'
import type { Lease } from '../core/lease.ts'
import { err, ok, type Result } from '../core/result.ts'
import { HOUR_MS, type Instant } from '../core/time.ts'
import type { Broker, Digests } from './ports.ts'
import type { Transaction } from './store-port.ts'
import type { Refusal } from './refusal.ts'

const KEPT_MS = 24 * HOUR_MS

/** One Idempotency-Key of one caller on one route, and the request it stands for. */
export interface IdempotencyKey {
  readonly scope: string
  readonly key: string
  readonly digest: string
}

/** What came of an earlier request with the same key. */
interface Kept {
  readonly lease: Lease
  readonly credential: CredentialId | null
}

/** The scope is agent, its instance and the route: JSON keeps two of them from ever spelling the same one. */
export function idempotencyKey(
  digests: Digests,
  from: {
    readonly agent: string
    readonly instance: string
    readonly route: string
    readonly key: string
    readonly body: JsonObject
  },
): IdempotencyKey {
  const scope = JSON.stringify([from.agent, from.instance, from.route])
  return { scope, key: from.key, digest: digests.ofJson(from.body) }
}

/**
 * Claims the key for this request until the caller takes it out of `inFlight`. The lease of an earlier request with the
 * same key and body is returned instead; another body, or one still being answered, is refused.
 */
export function claimKey(
  broker: Pick<Broker, 'store' | 'clock' | 'inFlight'>,
  key: IdempotencyKey,
): Result<Kept | undefined, Refusal> {
  if (broker.inFlight.has(inFlightName(key))) {
    return err({
      reason: 'conflict',
      detail: 'A request with this Idempotency-Key is still being answered.',
      state: null,
    })
  }
  const kept = broker.store.reads.idempotent(key.scope, key.key, broker.clock())
  const lease = kept && broker.store.reads.lease(kept.lease)
  // Only what made something is kept: a lease that could not be minted was no answer, and is asked for anew.
  const earlier = lease?.outcome === 'not_minted' ? undefined : kept
  if (earlier && earlier.digest !== key.digest) return err({ reason: 'idempotency-mismatch' })
  if (!earlier || !lease) {
    broker.inFlight.add(inFlightName(key))
    return ok(undefined)
  }
  return ok({ lease, credential: earlier.credential })
}

/** In the transaction that stores what came of it: only answers that made something are kept. */
export function keepKey(
  tx: Transaction,
  { scope, key, digest }: IdempotencyKey,
  made: { readonly lease: LeaseId; readonly credential: CredentialId | null },
  now: Instant,
): void {
  tx.keepIdempotent(scope, key, { ...made, digest, keptAt: now, expiresAt: now + KEPT_MS })
}

/** How a key is named while its request is being answered. */
export const inFlightName = ({ scope, key }: IdempotencyKey): string => JSON.stringify([scope, key])
