import type { Decision } from '../core/decision.ts'
import { judgeLease } from '../core/judge.ts'
import { isUsable, type Lease } from '../core/lease.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { Secret } from '../core/secret.ts'
import type { Approval } from '../core/approval.ts'
import { SECOND_MS, type Instant } from '../core/time.ts'
import { actorOf, credentialEntry, deniedEntry, leaseEntry, type Origin } from './audit-entries.ts'
import type { AgentCaller } from './caller.ts'
import { claimKey, inFlightName, keepKey, type IdempotencyKey } from './idempotency.ts'
import { leaseFacts } from './lease-facts.ts'
import { askedSubject, type LeaseRequest } from './lease-request.ts'
import { mint, type Minting } from './mint.ts'
import { openApproval } from './open-approval.ts'
import type { Broker, Policy, Transaction } from './ports.ts'
import { overQuota } from './quotas.ts'
import type { Refusal } from './refusal.ts'
import { resolveAccess, type Resolved } from './resolve-access.ts'

/** Less time than this is not worth a lease: it would end before its first use. */
const LEAST_TTL_SECONDS = 5

/** The lease as stored, and what leaves the process only this once. `token` null: a replayed answer, without secrets. */
export interface LeaseAnswer {
  readonly lease: Lease
  readonly token: Secret<string> | null
  readonly minted: readonly Minting[]
  readonly approval: Approval | null
}

interface Call {
  readonly caller: AgentCaller
  readonly request: LeaseRequest
  readonly key: IdempotencyKey | null
  readonly requestId: string
}

/** One judged request: everything that is decided before anything exists. */
interface Judgement {
  readonly call: Call
  readonly policy: Policy
  readonly resolved: Resolved
  readonly decision: Decision
  readonly ttlSeconds: number
  readonly now: Instant
  readonly origin: Origin
}

/**
 * Judges a request for a task lease before anything exists: resolve the access against the agent's ceiling, gather the
 * facts, decide. Denied: one record. Asked: a pending lease and its approval. Allowed: sign in memory, then one commit
 * writes lease, credentials and records, and only then the secrets leave.
 */
export async function requestLease(broker: Broker, call: Call): Promise<Result<LeaseAnswer, Refusal>> {
  if (call.key === null) return decide(broker, call)
  const claimed = claimKey(broker, call.key)
  if (!claimed.ok) return claimed
  try {
    const earlier = claimed.value
    return earlier ? ok({ lease: earlier, token: null, minted: [], approval: null }) : await decide(broker, call)
  } finally {
    broker.inFlight.delete(inFlightName(call.key))
  }
}

async function decide(broker: Broker, call: Call): Promise<Result<LeaseAnswer, Refusal>> {
  const policy = broker.policy()
  const now = broker.clock()
  const origin: Origin = { actor: actorOf(call.caller), requestId: call.requestId, now }
  const agent = policy.catalogue.agents.get(call.caller.agent)
  if (!agent) return err({ reason: 'unknown-agent', detail: 'No configured agent matches this identity.' })

  const { request } = call
  const wanted = { purpose: request.intent.purpose, access: request.access, tools: request.tools }
  const resolved = resolveAccess(policy.catalogue, agent, wanted)
  if (!resolved.ok) return refuse(broker, call, { owner: agent.owner, decision: null, refusal: resolved.error, origin })

  const identity = { issuer: call.caller.issuer, claims: call.caller.claims }
  const facts = leaseFacts(broker.store.reads, { ...request, resolved: resolved.value, identity }, now)
  const verdict = judgeLease(policy.rules, facts)
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
  const judgement: Judgement = { call, policy, resolved: resolved.value, decision, ttlSeconds, now, origin }
  return decision.effect === 'ask' ? ask(broker, judgement) : grant(broker, judgement)
}

/** Nothing exists yet but the question: a pending lease, its token, and the approval it waits for. */
async function ask(broker: Broker, judgement: Judgement): Promise<Result<LeaseAnswer, Refusal>> {
  const { policy, origin, now } = judgement
  const token = broker.ids.leaseToken()
  const draft = newLease(broker, judgement, token)
  return broker.store.commit((tx) => {
    const stop =
      outdated(broker, judgement) ??
      overQuota(tx, policy, { agent: draft.agent, pending: true, credentials: draft.access.length })
    if (stop) return stopped(tx, judgement, stop)
    const approval = openApproval(broker, policy, { lease: draft, answered: [], now })
    const lease: Lease = { ...draft, state: 'pending', expiresAt: approval.expiresAt, approval: approval.id }
    tx.insertLease(lease)
    tx.insertApproval(approval)
    tx.append(leaseEntry('lease.asked', lease, origin))
    keep(tx, judgement, lease)
    return ok({ lease, token, minted: [], approval })
  })
}

async function grant(broker: Broker, judgement: Judgement): Promise<Result<LeaseAnswer, Refusal>> {
  const { call, policy, resolved, ttlSeconds, now, origin } = judgement
  const token = broker.ids.leaseToken()
  const lease: Lease = {
    ...newLease(broker, judgement, token),
    state: 'active',
    activatedAt: now,
    expiresAt: now + ttlSeconds * SECOND_MS,
    maxExpiresAt: now + policy.limits.maxAgeSeconds * SECOND_MS,
  }
  const minted = await Promise.all(resolved.access.map((entry) => mint(broker, { ...entry, lease, now }))).catch(
    () => null,
  )
  if (!minted) {
    const refusal: Refusal = {
      reason: 'provider-unavailable',
      detail: 'A credential could not be minted. Nothing was granted; ask again later.',
    }
    return refuse(broker, call, { owner: lease.owner, decision: lease.decision, refusal, origin })
  }
  return broker.store.commit((tx) => {
    const stop =
      outdated(broker, judgement) ?? overQuota(tx, policy, { agent: lease.agent, credentials: minted.length })
    if (stop) return stopped(tx, judgement, stop)
    if (!isUsable(lease, broker.clock()))
      return err({ reason: 'unavailable', detail: 'Minting took longer than the lease. Ask again.' })
    tx.insertLease(lease)
    tx.append(leaseEntry('lease.granted', lease, origin))
    for (const { credential } of minted) {
      tx.insertCredential(credential)
      tx.append(credentialEntry('credential.minted', lease, credential, origin))
    }
    keep(tx, judgement, lease)
    return ok({ lease, token, minted, approval: null })
  })
}

/** What was judged must still be what is configured: a reload may have come in between. */
function outdated(broker: Broker, judgement: Judgement): Refusal | undefined {
  if (broker.policy().epoch === judgement.policy.epoch) return undefined
  return { reason: 'unavailable', detail: 'The configuration changed while this was being decided. Ask again.' }
}

/** The row that both ways start from; `pending` and `active` fill in their own times. */
function newLease(broker: Broker, judgement: Judgement, token: Secret<string>): Lease {
  const { call, resolved, decision, ttlSeconds, now } = judgement
  const { request } = call
  const id = broker.ids.lease()
  return {
    id,
    state: 'pending',
    fence: 0,
    task: request.task,
    agent: resolved.agent.id,
    owner: resolved.agent.owner,
    instance: call.caller.instance,
    identity: { issuer: call.caller.issuer, claims: call.caller.claims },
    parent: null,
    root: id,
    createdAt: now,
    activatedAt: null,
    expiresAt: now,
    maxExpiresAt: null,
    ttlSeconds,
    heartbeatSeconds: request.heartbeatSeconds ?? resolved.agent.heartbeatSeconds,
    intent: request.intent,
    context: request.context,
    access: resolved.access.map(({ access }) => access),
    tools: resolved.tools.map(({ entry }) => entry),
    decision,
    approval: null,
    tokenHash: broker.digests.hex(token.unwrap()),
    closedAt: null,
    outcome: null,
    reason: null,
  }
}

function keep(tx: Transaction, { call, now }: Judgement, lease: Lease): void {
  if (call.key) keepKey(tx, call.key, lease.id, now)
}

/** Every refusal is on record, with what was asked, before the caller hears of it. */
async function refuse(
  broker: Broker,
  call: Call,
  no: {
    readonly owner: string
    readonly decision: Decision | null
    readonly refusal: Refusal
    readonly origin: Origin
  },
): Promise<Result<never, Refusal>> {
  await broker.store.commit((tx) => {
    tx.append(deniedEntry(asked(call, no.owner), no.decision, no.origin))
  })
  return err(no.refusal)
}

/** A limit refuses like the rules do, and is on record; after a reload in between the agent just asks again. */
function stopped(tx: Transaction, { call, resolved, origin }: Judgement, stop: Refusal): Result<never, Refusal> {
  if (stop.reason === 'quota-exceeded') tx.append(deniedEntry(asked(call, resolved.agent.owner), null, origin))
  return err(stop)
}

const asked = ({ caller, request }: Call, owner: string) => ({
  agent: caller.agent,
  owner,
  task: request.task,
  lease: null,
  subject: askedSubject(request),
})

function whyDenied(decision: Decision): string {
  const reasons = decision.rules
    .filter(({ effect, mode }) => effect === 'deny' && mode === 'enforce')
    .map(({ id, reason }) => `${reason} (rule ${id})`)
  if (reasons.length > 0) return `The rules said no: ${reasons.join('; ')}.`
  return `The rules said no: the risk score ${decision.risk.score} is in tier ${decision.risk.tier}, which is never allowed.`
}
