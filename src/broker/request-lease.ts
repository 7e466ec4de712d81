import type { Decision } from '../core/decision.ts'
import { judgeLease } from '../core/judge.ts'
import { UNUSED } from '../core/lease-use.ts'
import type { Lease } from '../core/lease.ts'
import { SECOND_MS } from '../core/time.ts'
import { err, ok, type Result } from '../core/result.ts'
import { actorOf, leaseEntry, type Origin } from './audit-entries.ts'
import { grantLease } from './grant-lease.ts'
import { claimKey, inFlightName, keepKey } from './idempotency.ts'
import {
  insertNewLease,
  newLease,
  overtaken,
  recordStop,
  refuse,
  type Judgement,
  type LeaseAnswer,
  type LeaseCall,
} from './judgement.ts'
import { leaseFacts } from './lease-facts.ts'
import { openApproval } from './open-approval.ts'
import type { Broker } from './ports.ts'
import { overQuota } from './quotas.ts'
import type { Refusal } from './refusal.ts'
import { reissueLease } from './reissue-lease.ts'
import { resolveAccess } from './resolve-access.ts'
import { withGuards } from './revoked-before.ts'

/** Less time than this is not worth a lease: it would end before its first use. */
const LEAST_TTL_SECONDS = 5

/**
 * Judges a request for a task lease before anything exists: resolve the access against the agent's ceiling, gather the
 * facts, decide. Denied: one record. Asked: a pending lease and its approval. Allowed: the lease is granted with all its
 * credentials, or not at all.
 */
export async function requestLease(broker: Broker, call: LeaseCall): Promise<Result<LeaseAnswer, Refusal>> {
  if (call.key === null) return decide(broker, call)
  const claimed = claimKey(broker, call.key)
  if (!claimed.ok) return claimed
  try {
    const earlier = claimed.value?.lease
    if (!earlier) return await decide(broker, call)
    return call.reissue
      ? await reissueLease(broker, call, earlier)
      : ok({ lease: earlier, token: null, minted: [], approval: null })
  } finally {
    broker.inFlight.delete(inFlightName(call.key))
  }
}

async function decide(broker: Broker, call: LeaseCall): Promise<Result<LeaseAnswer, Refusal>> {
  const policy = broker.policy()
  const now = broker.clock()
  const origin: Origin = { actor: actorOf(call.caller), requestId: call.requestId, now }
  const agent = policy.catalogue.agents.get(call.caller.agent)
  if (!agent) return err({ reason: 'unknown-agent', detail: 'No configured agent matches this identity.' })

  const { request } = call
  const wanted = { purpose: request.intent.purpose, access: request.access, tools: request.tools }
  const resolved = resolveAccess(policy.catalogue, agent, wanted)
  if (!resolved.ok) return refuse(broker, call, { owner: agent.owner, decision: null, refusal: resolved.error, origin })

  const { reads } = broker.store
  const identity = { issuer: call.caller.issuer, claims: call.caller.claims }
  const labels = reads.carriedLabels(agent.id, call.caller.instance, now - policy.historyWindowSeconds * SECOND_MS)
  const history = { ...UNUSED.history, labels }
  const facts = leaseFacts(reads, { ...request, resolved: resolved.value, identity, history }, now)
  const verdict = withGuards(judgeLease(policy.rules, facts), { reads, agent: agent.id, task: request.task, now })
  const broad = resolved.value.access.filter((entry) => entry.broad).map(({ grant }) => grant.name)
  const decision: Decision = { id: broker.ids.decision(), ...verdict, broad }
  if (decision.effect === 'deny') {
    const refusal: Refusal = { reason: 'denied', detail: whyDenied(decision), decision }
    return refuse(broker, call, { owner: agent.owner, decision, refusal, origin })
  }

  const ttlSeconds = Math.min(request.ttlSeconds, decision.maxTtlSeconds ?? Infinity, policy.limits.maxTtlSeconds)
  if (ttlSeconds < LEAST_TTL_SECONDS) {
    const detail = `Only ${ttlSeconds} s are left of the ttl after the caps of the rules and limits; a lease lasts at least ${LEAST_TTL_SECONDS} s.`
    return err({ reason: 'invalid-request', detail })
  }
  const judgement: Judgement = { call, policy, resolved: resolved.value, decision, ttlSeconds, labels, now, origin }
  return decision.effect === 'ask' ? ask(broker, judgement) : grantLease(broker, judgement)
}

/** Nothing exists yet but the question: a pending lease, its token, and the approval it waits for. */
async function ask(broker: Broker, judgement: Judgement): Promise<Result<LeaseAnswer, Refusal>> {
  const { call, policy, origin, now } = judgement
  const token = broker.ids.leaseToken()
  const draft = newLease(broker, judgement, token)
  return broker.store.commit((tx) => {
    const wanted = { agent: draft.agent, pending: true, credentials: draft.access.length } as const
    const stop = overtaken(broker, tx, judgement, draft) ?? overQuota(tx, policy, wanted)
    if (stop) return err(recordStop(tx, judgement, stop))
    const approval = openApproval(broker, policy, { lease: draft, answered: [], now })
    const lease: Lease = { ...draft, state: 'pending', expiresAt: approval.expiresAt, approval: approval.id }
    insertNewLease(tx, judgement, lease)
    tx.insertApproval(approval)
    tx.append(leaseEntry('lease.asked', lease, origin))
    if (call.key) keepKey(tx, call.key, { lease: lease.id, credential: null }, now)
    return ok({ lease, token, minted: [], approval })
  })
}

function whyDenied(decision: Decision): string {
  const reasons = decision.rules
    .filter(({ effect, mode }) => effect === 'deny' && mode === 'enforce')
    .map(({ id, reason }) => `${reason} (rule ${id})`)
  if (reasons.length > 0) return `The rules said no: ${reasons.join('; ')}.`
  return `The rules said no: the risk score ${decision.risk.score} is in tier ${decision.risk.tier}, which is never allowed.`
}
