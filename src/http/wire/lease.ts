import { decisionOnWire } from '../../broker/audit-entries.ts'
import type { Reads } from '../../broker/ports.ts'
import { accessOnWire } from '../../core/access.ts'
import type { Approval } from '../../core/approval.ts'
import type { Decision } from '../../core/decision.ts'
import { intentOnWire } from '../../core/intent.ts'
import type { JsonObject } from '../../core/json.ts'
import type { Lease, LeaseState } from '../../core/lease.ts'
import { rfc3339, rfc3339OrNull } from '../../core/time.ts'
import { toolOnWire } from '../../core/tool-access.ts'
import { credentialOnWire } from './credential.ts'

/** Nothing decides on actions yet, so nothing has been used. */
const UNUSED = { actions_allowed: 0, actions_denied: 0, actions_asked: 0, by_tool: {} }

/** The lease object of the API. Never a secret. */
export function leaseOnWire(reads: Reads, lease: Lease): JsonObject {
  return {
    ...members(reads, lease),
    decision: decisionOnWire(lease.decision),
    intent: intentOnWire(lease.intent),
    children: reads.children(lease.id),
    used: UNUSED,
  }
}

/** One row of a list: the lease without intent, factors, children and use. */
export function leaseRowOnWire(reads: Reads, lease: Lease): JsonObject {
  return { ...members(reads, lease), decision: withoutFactors(lease.decision) }
}

function members(reads: Reads, lease: Lease): JsonObject {
  const approval = lease.approval === null ? undefined : reads.approval(lease.approval)
  return {
    id: lease.id,
    state: shownState(reads, lease),
    task: lease.task,
    agent: lease.agent,
    owner: lease.owner,
    parent: lease.parent,
    root: lease.root,
    created_at: rfc3339(lease.createdAt),
    expires_at: rfc3339(lease.expiresAt),
    max_expires_at: rfc3339OrNull(lease.maxExpiresAt),
    heartbeat: lease.heartbeatSeconds,
    frozen: false,
    access: lease.access.map(accessOnWire),
    tools: lease.tools.map(toolOnWire),
    approval: approval ? approvalLink(approval) : null,
    credentials: reads.credentialsOf(lease.id).map(credentialOnWire),
    closed_at: rfc3339OrNull(lease.closedAt),
    outcome: lease.outcome,
    reason: lease.reason,
  }
}

/** A lease whose ancestor is on its way out is on its way out too, before its own row says so. */
export function shownState(reads: Reads, lease: Lease): LeaseState {
  const open = lease.state === 'pending' || lease.state === 'active'
  const doomed = open && reads.ancestors(lease).some(({ state }) => state === 'closing' || state === 'closed')
  return doomed ? 'closing' : lease.state
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
