import { isAnswered } from '../core/approval.ts'
import { judgeLease } from '../core/judge.ts'
import type { Lease } from '../core/lease.ts'
import { err, ok, type Result } from '../core/result.ts'
import { SECOND_MS, type Instant } from '../core/time.ts'
import { actorOf, deniedEntry, leaseSubject, renewedEntry, type Origin } from './audit-entries.ts'
import type { LeaseCaller } from './caller.ts'
import { claimKey, inFlightName, keepKey, type IdempotencyKey } from './idempotency.ts'
import { leaseFacts } from './lease-facts.ts'
import { othersOfTask } from './others-of-task.ts'
import type { Broker, Policy } from './ports.ts'
import type { Refusal } from './refusal.ts'
import { resolveAccess } from './resolve-access.ts'
import { withGuards } from './revoked-before.ts'
import { notUsable, standing } from './standing.ts'
import type { Transaction } from './store-port.ts'

interface Renewal {
  readonly caller: LeaseCaller
  readonly ttlSeconds: number
  readonly key: IdempotencyKey | null
  readonly requestId: string
}

/**
 * More time for the same task. The rules are asked again, with what is configured and known now; only asks that the
 * lease's own approval answered count as answered. Never past `max_expires_at`, never earlier than before. Credentials
 * are not extended: the agent fetches them again.
 */
export async function renewLease(broker: Broker, call: Renewal): Promise<Result<Lease, Refusal>> {
  if (call.key === null) return renew(broker, call)
  const claimed = claimKey(broker, call.key)
  if (!claimed.ok) return claimed
  try {
    return claimed.value ? ok(claimed.value.lease) : await renew(broker, call)
  } finally {
    broker.inFlight.delete(inFlightName(call.key))
  }
}

async function renew(broker: Broker, call: Renewal): Promise<Result<Lease, Refusal>> {
  const origin: Origin = { actor: actorOf(call.caller), requestId: call.requestId, now: broker.clock() }
  const result = await broker.store.commit((tx): Result<Lease, Refusal> => {
    const lease = tx.lease(call.caller.lease)
    if (!lease) return err({ reason: 'not-found' })
    const found = standing(broker, tx, lease, origin.now)
    if (found !== 'usable') return err(notUsable(lease, found))
    const policy = broker.policy()
    const ttlSeconds = judgeAgain(broker, tx, { lease, policy, asked: call.ttlSeconds, origin })
    if (!ttlSeconds.ok) return ttlSeconds
    const expiresAt = renewedUntil(tx, lease, origin.now + ttlSeconds.value * SECOND_MS)
    if (!tx.moveLease(lease, { expiresAt })) {
      return err({ reason: 'conflict', detail: 'The lease changed meanwhile. Ask again.', state: lease.state })
    }
    const renewed: Lease = { ...lease, expiresAt, fence: lease.fence + 1 }
    if (call.key) keepKey(tx, call.key, { lease: lease.id, credential: null }, origin.now)
    tx.append(renewedEntry(renewed, ttlSeconds.value, origin))
    return ok(renewed)
  })
  broker.changes.announce(call.caller.lease)
  // It may have ended in the same commit: an answer says what holds as it leaves.
  return result.ok ? ok(broker.store.reads.lease(result.value.id) ?? result.value) : result
}

function renewedUntil(tx: Transaction, lease: Lease, wanted: Instant): Instant {
  const bounds = [lease.maxExpiresAt ?? lease.expiresAt, ...tx.ancestors(lease).map(({ expiresAt }) => expiresAt)]
  return Math.max(lease.expiresAt, Math.min(wanted, ...bounds))
}

interface Judging {
  readonly lease: Lease
  readonly policy: Policy
  readonly asked: number
  readonly origin: Origin
}

/** The seconds that may be had, or why not: on record, and the lease goes on as it was. */
function judgeAgain(
  broker: Broker,
  tx: Transaction,
  { lease, policy, asked, origin }: Judging,
): Result<number, Refusal> {
  const names = {
    agent: lease.agent,
    owner: lease.owner,
    task: lease.task,
    lease: lease.id,
    subject: leaseSubject(lease),
  }
  const agent = policy.catalogue.agents.get(lease.agent)
  const wanted = { purpose: lease.intent.purpose, access: lease.access, tools: lease.tools }
  const resolved = agent && resolveAccess(policy.catalogue, agent, wanted)
  if (!resolved?.ok) {
    tx.append(deniedEntry(names, null, origin))
    return resolved ?? err({ reason: 'forbidden', detail: 'The agent is no longer configured.' })
  }
  const approval = lease.approval === null ? undefined : tx.approval(lease.approval)
  const approved = approval?.state === 'approved' ? approval : undefined
  const ttlSeconds = approved ? Math.min(asked, lease.ttlSeconds) : asked
  const facts = leaseFacts(
    othersOfTask(tx),
    { ...lease, ttlSeconds, resolved: resolved.value, history: tx.use(lease.root).history },
    origin.now,
  )
  const verdict = withGuards(judgeLease(policy.rules, facts), {
    reads: tx,
    agent: lease.agent,
    task: lease.task,
    now: origin.now,
  })
  const answered = approved ? [...approved.answered, ...approved.asks] : []
  const open = verdict.asks.filter((ask) => !isAnswered(ask, answered))
  const effect = verdict.effect === 'ask' && open.length === 0 ? 'allow' : verdict.effect
  if (effect !== 'allow') {
    const decision = { id: broker.ids.decision(), ...verdict, broad: lease.decision.broad }
    tx.append(deniedEntry(names, decision, origin))
    const detail = 'The rules do not allow more time for this as things are now. The lease goes on to its end as it is.'
    return err({ reason: 'denied', detail, decision })
  }
  return ok(Math.min(ttlSeconds, verdict.maxTtlSeconds ?? Infinity, policy.limits.maxTtlSeconds))
}
