import { accessOnWire } from '../core/access.ts'
import type { Approval } from '../core/approval.ts'
import { intentOnWire } from '../core/intent.ts'
import type { JsonObject } from '../core/json.ts'
import type { Ask } from '../core/decision.ts'
import type { Lease } from '../core/lease.ts'
import { SECOND_MS, type Instant } from '../core/time.ts'
import { toolOnWire } from '../core/tool-access.ts'
import type { Broker, Policy } from './ports.ts'

/** An approval of one lease, for the asks of its decision. Its subject is frozen here: the digest binds the answer to it. */
export function openApproval(
  broker: Pick<Broker, 'ids' | 'digests'>,
  policy: Policy,
  { lease, answered, now }: { readonly lease: Lease; readonly answered: readonly Ask[]; readonly now: Instant },
): Approval {
  const { asks } = lease.decision
  const subject = subjectOf(lease)
  return {
    id: broker.ids.approval(),
    kind: 'lease',
    state: 'pending',
    fence: 0,
    lease: lease.id,
    abandon: null,
    action: null,
    permission: null,
    agent: lease.agent,
    owner: lease.owner,
    task: lease.task,
    createdAt: now,
    expiresAt: now + policy.approvals.expireAfterSeconds * SECOND_MS,
    subject,
    digest: broker.digests.ofJson(subject),
    asks,
    answered,
    needed: Math.max(...asks.map(({ approvals }) => approvals)),
    approvedBy: [],
    deniedBy: null,
    reason: null,
  }
}

function subjectOf(lease: Lease): JsonObject {
  return {
    lease: lease.id,
    agent: lease.agent,
    parents: [],
    intent: intentOnWire(lease.intent),
    access: lease.access.map(accessOnWire),
    tools: lease.tools.map(toolOnWire),
    ttl: lease.ttlSeconds,
    rules: lease.decision.asks.map(({ by, reason }) => ({ id: by, effect: 'ask', reason })),
  }
}
