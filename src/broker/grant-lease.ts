import { err, ok, type Result } from '../core/result.ts'
import type { Lease } from '../core/lease.ts'
import { SECOND_MS, type Instant } from '../core/time.ts'
import { leaseEntry } from './audit-entries.ts'
import { closeLease } from './close-lease.ts'
import { silentAfter } from './heartbeat.ts'
import { keepKey } from './idempotency.ts'
import { issueCredentials } from './issue-credentials.ts'
import {
  insertNewLease,
  newLease,
  overtaken,
  recordStop,
  refuse,
  type Judgement,
  type LeaseAnswer,
} from './judgement.ts'
import { mayNotMint } from './may-mint.ts'
import type { Broker } from './ports.ts'
import { overQuota } from './quotas.ts'
import type { Refusal } from './refusal.ts'
import type { Transaction } from './store-port.ts'

/** An allowed request: the lease with all its credentials, or neither. */
export async function grantLease(broker: Broker, judgement: Judgement): Promise<Result<LeaseAnswer, Refusal>> {
  const { call, policy, resolved, ttlSeconds, now, origin } = judgement
  const closed = mayNotMint(broker)
  if (closed) return err(closed)
  const token = broker.ids.leaseToken()
  const draft: Lease = {
    ...newLease(broker, judgement, token),
    state: 'active',
    expiresAt: now + ttlSeconds * SECOND_MS,
  }
  let granted = draft

  /** Everything that has to hold for the lease to be stored at all. */
  const store = (tx: Transaction, lease: Lease): Refusal | undefined => {
    const wanted = { agent: lease.agent, credentials: resolved.access.length }
    const stop = overtaken(broker, tx, judgement, lease) ?? overQuota(tx, policy, wanted)
    if (stop) return recordStop(tx, judgement, stop)
    insertNewLease(tx, judgement, lease)
    if (call.key) keepKey(tx, call.key, { lease: lease.id, credential: null }, now)
    return undefined
  }

  const minted = await issueCredentials(broker, {
    lease: draft,
    entries: resolved.access,
    origin,
    intend: (tx) => store(tx, draft),
    release: (tx, intended) => {
      // A lease that is only signed for begins when it was asked for; one with upstreams when all have answered.
      const at = intended ? broker.clock() : now
      if (broker.clock() >= draft.expiresAt)
        return { reason: 'unavailable', detail: 'Minting took longer than the lease. Ask again.' }
      granted = { ...draft, ...activation(draft, at, policy.limits.maxAgeSeconds) }
      const late = intended ? overtaken(broker, tx, judgement, draft) : undefined
      const stop = intended ? late && recordStop(tx, judgement, late) : store(tx, granted)
      if (stop) return stop
      if (intended && !tx.moveLease(draft, activation(draft, at, policy.limits.maxAgeSeconds))) return ENDED
      tx.append(leaseEntry('lease.granted', granted, origin))
      return undefined
    },
    undo: (tx) => {
      const current = tx.lease(draft.id)
      if (current?.state === 'active') closeLease(tx, current, { outcome: 'not_minted', reason: null }, origin)
    },
  })
  if (minted.ok) {
    const lease = broker.store.reads.lease(granted.id) ?? granted
    return ok({ lease, token, minted: minted.value, approval: null })
  }
  const { reason } = minted.error
  const unrecorded = reason === 'provider-unavailable' || reason === 'invalid-request'
  if (!unrecorded) return minted
  return refuse(broker, call, { owner: draft.owner, decision: draft.decision, refusal: minted.error, origin })
}

const ENDED: Refusal = {
  reason: 'conflict',
  detail: 'The lease was ended while it was being granted.',
  state: 'closing',
}

/** The clock of a lease starts when its credentials leave. */
export function activation(lease: Lease, at: Instant, maxAgeSeconds: number) {
  return { activatedAt: at, maxExpiresAt: at + maxAgeSeconds * SECOND_MS, silentAt: silentAfter(lease, at) }
}
