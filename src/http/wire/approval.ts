import type { Reads } from '../../broker/store-port.ts'
import type { Approval } from '../../core/approval.ts'
import type { JsonObject } from '../../core/json.ts'
import { rfc3339 } from '../../core/time.ts'

/** An approval as the API shows it. `subject` is frozen and under the digest; `context` is live and outside it. */
export function approvalOnWire(reads: Reads, approval: Approval): JsonObject {
  const task = reads.taskSoFar(approval.agent, approval.task)
  return {
    id: approval.id,
    kind: approval.kind,
    state: approval.state,
    lease: approval.lease,
    agent: approval.agent,
    owner: approval.owner,
    task: approval.task,
    created_at: rfc3339(approval.createdAt),
    expires_at: rfc3339(approval.expiresAt),
    subject: approval.subject,
    digest: approval.digest,
    needed: approval.needed,
    approved_by: approval.approvedBy.map(({ operator }) => operator),
    denied_by: approval.deniedBy,
    reason: approval.reason,
    scope: approval.permission?.scope ?? 'once',
    ttl: approval.permission?.scope === 'task' ? approval.permission.ttlSeconds : null,
    uses: approval.permission?.scope === 'task' ? approval.permission.uses : null,
    context: { open_leases: task.openLeases, earlier_outcomes: task.outcomes },
  }
}
