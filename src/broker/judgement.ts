import type { Decision } from '../core/decision.ts'
import { UNUSED } from '../core/lease-use.ts'
import type { Lease } from '../core/lease.ts'
import { err, type Result } from '../core/result.ts'
import type { Secret } from '../core/secret.ts'
import type { Instant } from '../core/time.ts'
import type { Approval } from '../core/approval.ts'
import { deniedEntry, type Origin } from './audit-entries.ts'
import type { AgentCaller } from './caller.ts'
import type { IdempotencyKey } from './idempotency.ts'
import { askedSubject, type LeaseRequest } from './lease-request.ts'
import type { Minting } from './mint.ts'
import type { Broker, Policy } from './ports.ts'
import type { Refusal } from './refusal.ts'
import type { Resolved } from './resolve-access.ts'
import { stopFor } from './stops.ts'
import type { Reads, Transaction } from './store-port.ts'

/** The lease as stored, and what leaves the process only this once. `token` null: a replayed answer, without secrets. */
export interface LeaseAnswer {
  readonly lease: Lease
  readonly token: Secret<string> | null
  readonly minted: readonly Minting[]
  readonly approval: Approval | null
}

/** One request for a lease, from a proven agent. */
export interface LeaseCall {
  readonly caller: AgentCaller
  readonly request: LeaseRequest
  readonly key: IdempotencyKey | null
  /** The first answer was lost: take back what it held and mint anew. */
  readonly reissue: boolean
  /** Where the request came from. */
  readonly address: string
  readonly requestId: string
}

/** One judged request: everything that is decided before anything exists. */
export interface Judgement {
  readonly call: LeaseCall
  readonly policy: Policy
  readonly resolved: Resolved
  readonly decision: Decision
  readonly ttlSeconds: number
  /** What the last leases of this instance have met: a new lease does not shed it. */
  readonly labels: readonly string[]
  readonly now: Instant
  readonly origin: Origin
}

/** The row that both ways start from; `pending` and `active` fill in their own times. */
export function newLease(broker: Broker, judgement: Judgement, token: Secret<string>): Lease {
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
    rootAgent: resolved.agent.id,
    instance: call.caller.instance,
    identity: { issuer: call.caller.issuer, claims: call.caller.claims, address: call.address },
    parent: null,
    root: id,
    depth: 0,
    createdAt: now,
    activatedAt: null,
    expiresAt: now,
    maxExpiresAt: null,
    ttlSeconds,
    heartbeatSeconds: request.heartbeatSeconds ?? resolved.agent.heartbeatSeconds,
    silentAt: null,
    intent: request.intent,
    context: request.context,
    access: resolved.access.map(({ access }) => access),
    tools: resolved.tools.map(({ entry }) => entry),
    decision,
    approval: null,
    tokenHash: broker.digests.ofSecret(token),
    tokenUsed: false,
    closedAt: null,
    closedBy: null,
    outcome: null,
    reason: null,
  }
}

/** What was judged must still hold: a reload or a mark may have come in between. Read inside the transaction. */
export function overtaken(broker: Broker, reads: Reads, judgement: Judgement, lease: Lease): Refusal | undefined {
  if (broker.policy().epoch !== judgement.policy.epoch) {
    return { reason: 'unavailable', detail: 'The configuration changed while this was being decided. Ask again.' }
  }
  const grants = judgement.resolved.access.map(({ grant }) => ({ grant: grant.name, provider: grant.provider }))
  return stopFor(broker, reads, { lease, grants })
}

/** Every refusal is on record, with what was asked, before the caller hears of it. */
export async function refuse(
  broker: Broker,
  call: LeaseCall,
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

/** A limit or a mark refuses like the rules do, and is on record; after a reload in between the agent just asks again. */
export function recordStop(tx: Transaction, { call, resolved, origin }: Judgement, stop: Refusal): Refusal {
  if (stop.reason !== 'unavailable') tx.append(deniedEntry(asked(call, resolved.agent.owner), null, origin))
  return stop
}

const asked = ({ caller, request }: LeaseCall, owner: string) => ({
  agent: caller.agent,
  owner,
  task: request.task,
  lease: null,
  subject: askedSubject(request),
})

/** Stores a new lease, with the labels that go on with it. */
export function insertNewLease(tx: Transaction, { labels }: Judgement, lease: Lease): void {
  tx.insertLease(lease)
  if (labels.length > 0) tx.keepUse(lease.id, { ...UNUSED, history: { ...UNUSED.history, labels } })
}
