import { decisionOnWire } from '../../broker/audit-entries.ts'
import type { Broker } from '../../broker/ports.ts'
import { isFrozen, marksInForce } from '../../broker/standing.ts'
import { accessOnWire } from '../../core/access.ts'
import type { Approval } from '../../core/approval.ts'
import type { Decision } from '../../core/decision.ts'
import { intentOnWire } from '../../core/intent.ts'
import type { JsonObject } from '../../core/json.ts'
import type { Lease, LeaseState } from '../../core/lease.ts'
import type { LeaseUse } from '../../core/lease-use.ts'
import { coversLease } from '../../core/mark.ts'
import { rfc3339, rfc3339OrNull } from '../../core/time.ts'
import { toolOnWire } from '../../core/tool-access.ts'
import { credentialOnWire } from './credential.ts'

type Shown = Pick<Broker, 'store' | 'unsaved'>

/** The lease object of the API. Never a secret. */
export function leaseOnWire(broker: Shown, lease: Lease): JsonObject {
  return {
    ...members(broker, lease),
    decision: decisionOnWire(lease.decision),
    intent: intentOnWire(lease.intent),
    children: broker.store.reads.children(lease.id),
    used: usedOnWire(broker.store.reads.use(lease.id)),
  }
}

/** One row of a list: the lease without intent, factors, children and use. */
export function leaseRowOnWire(broker: Shown, lease: Lease): JsonObject {
  return { ...members(broker, lease), decision: withoutFactors(lease.decision) }
}

function members(broker: Shown, lease: Lease): JsonObject {
  const { reads } = broker.store
  const approval = lease.approval === null ? undefined : reads.approval(lease.approval)
  return {
    id: lease.id,
    state: shownState(broker, lease),
    task: lease.task,
    agent: lease.agent,
    owner: lease.owner,
    parent: lease.parent,
    root: lease.root,
    created_at: rfc3339(lease.createdAt),
    expires_at: rfc3339(lease.expiresAt),
    max_expires_at: rfc3339OrNull(lease.maxExpiresAt),
    heartbeat: lease.heartbeatSeconds,
    frozen: isFrozen(broker, reads, lease),
    access: lease.access.map(accessOnWire),
    tools: lease.tools.map(toolOnWire),
    approval: approval ? approvalLink(approval) : null,
    credentials: reads.credentialsOf(lease.id).map(credentialOnWire),
    closed_at: rfc3339OrNull(lease.closedAt),
    outcome: lease.outcome,
    reason: lease.reason,
  }
}

/** A lease that a mark or an ancestor has ended is on its way out, before its own row says so. */
export function shownState(broker: Shown, lease: Lease): LeaseState {
  if (lease.state === 'closing' || lease.state === 'closed') return lease.state
  const { reads } = broker.store
  const chain = [lease, ...reads.ancestors(lease)]
  const ended = chain.some(({ state }) => state === 'closing' || state === 'closed')
  const marked = marksInForce(broker, reads).some(
    ({ kind, scope }) => kind === 'revoked' && chain.some((each) => coversLease(scope, each)),
  )
  return ended || marked ? 'closing' : lease.state
}

export function approvalLink(approval: Approval): JsonObject {
  return {
    id: approval.id,
    digest: approval.digest,
    expires_at: rfc3339(approval.expiresAt),
    status_url: `/v1/approvals/${approval.id}`,
    review_url: null,
  }
}

function withoutFactors(decision: Decision): JsonObject {
  const { score, tier } = decision.risk
  return { ...decisionOnWire(decision), risk: { score, tier } }
}

const usedOnWire = ({ allowed, denied, asked, byTool }: LeaseUse): JsonObject => ({
  actions_allowed: allowed,
  actions_denied: denied,
  actions_asked: asked,
  by_tool: byTool,
})
