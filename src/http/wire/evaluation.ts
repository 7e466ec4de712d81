import type { Evaluation } from '../../broker/evaluation.ts'
import type { JsonObject } from '../../core/json.ts'
import { rfc3339 } from '../../core/time.ts'

/** An answer of the decision point, as AuthZEN has it. Whoever cannot keep an obligation must not act on a yes. */
export function evaluationOnWire(evaluation: Evaluation, preflight: boolean): JsonObject {
  const { id, decision, reason, rule, message, nextAction, approval } = evaluation
  return {
    decision,
    context: {
      evaluation_id: id,
      reason,
      rule,
      message,
      next_action: nextAction,
      obligations: preflight ? [{ type: 'preflight' }] : [],
      approval: approval && {
        id: approval.id,
        digest: approval.digest,
        expires_at: rfc3339(approval.expiresAt),
        status_url: `/v1/approvals/${approval.id}`,
      },
    },
  }
}
