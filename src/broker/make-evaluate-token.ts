import { err, ok, type Result } from '../core/result.ts'
import type { Secret } from '../core/secret.ts'
import type { Instant } from '../core/time.ts'
import type { LeaseCaller } from './caller.ts'
import type { Broker } from './ports.ts'
import type { Refusal } from './refusal.ts'
import { notUsable, standing } from './standing.ts'

/** A token that evaluates and reports for this lease, and nothing else: for a hook or wrapper that needs no more. */
export function makeEvaluateToken(
  broker: Broker,
  caller: LeaseCaller,
): Promise<Result<{ readonly token: Secret<string>; readonly expiresAt: Instant }, Refusal>> {
  const token = broker.ids.evaluateToken()
  return broker.store.commit((tx) => {
    const lease = tx.lease(caller.lease)
    if (!lease) return err({ reason: 'not-found' })
    const found = standing(broker, tx, lease, broker.clock())
    if (found !== 'usable') return err(notUsable(lease, found))
    const expiresAt = lease.maxExpiresAt ?? lease.expiresAt
    tx.insertEvaluateToken(broker.digests.ofSecret(token), lease.id, expiresAt)
    return ok({ token, expiresAt })
  })
}
