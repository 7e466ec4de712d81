import type { Approval } from '../core/approval.ts'
import { samePerson } from '../core/person.ts'
import type { ApprovalId } from '../core/id.ts'
import type { Lease } from '../core/lease.ts'
import { hasRole } from '../core/role.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { OperatorCaller } from './caller.ts'
import type { Broker, Policy } from './ports.ts'
import type { Reads } from './store-port.ts'
import type { Refusal } from './refusal.ts'

/** One operator's answer to one approval. `digest` says what the operator was looking at. */
export interface Answer {
  readonly operator: OperatorCaller
  readonly approval: ApprovalId
  readonly digest: string
  readonly reason: string | null
  readonly requestId: string
}

/** An approval that may still be answered, and the lease it is about. */
export interface Answerable {
  readonly approval: Approval
  readonly lease: Lease
}

/** The approval, if it is open and the digest is of what was shown. Read inside the transaction that answers it. */
export function answerable(broker: Pick<Broker, 'clock'>, reads: Reads, answer: Answer): Result<Answerable, Refusal> {
  const approval = reads.approval(answer.approval)
  const lease = approval && reads.lease(approval.lease)
  if (!lease) return err({ reason: 'not-found' })
  if (
    approval.state === 'expired' ||
    approval.state === 'used' ||
    (approval.state === 'pending' && broker.clock() >= approval.expiresAt)
  ) {
    return err({
      reason: 'gone',
      detail: `The approval is ${approval.state === 'used' ? 'used' : 'expired'}. The agent has to ask again.`,
    })
  }
  if (approval.state !== 'pending') {
    return err({
      reason: 'conflict',
      detail: `The approval has been answered: ${approval.state}.`,
      state: approval.state,
    })
  }
  if (approval.digest !== answer.digest) {
    return err({
      reason: 'conflict',
      detail: 'The digest is not that of this approval. Read it again, then answer what it says.',
      state: approval.state,
    })
  }
  return ok({ approval, lease })
}

/**
 * Why this operator may not approve it. Nobody approves what an agent of theirs asked for, by the owner on record, by
 * the owner configured now, or by owning an agent further up the chain; and a group that is asked for is asked for.
 */
export function mayNotApprove(
  reads: Reads,
  policy: Policy,
  operator: OperatorCaller,
  { approval, lease }: Answerable,
): string | undefined {
  if (approval.abandon) {
    if (!hasRole(operator.role, 'admin')) return 'Giving up on a credential takes two admins.'
    return samePerson(approval.abandon.askedBy, operator.id)
      ? 'You asked for this. Another admin has to approve it.'
      : undefined
  }
  const chain = [lease, ...reads.ancestors(lease)]
  const owners = chain.flatMap((each) => [
    each.owner,
    policy.catalogue.agents.get(each.agent)?.owner ?? each.owner,
    each.agent,
  ])
  if (owners.some((owner) => samePerson(owner, operator.id))) {
    return 'You own the agent that asked for this, or one above it. Somebody else has to approve it.'
  }
  const group = approval.asks.find(
    ({ approvers }) => approvers !== null && !operator.groups.includes(approvers),
  )?.approvers
  return group ? `Only operators of the group ${group} may approve this.` : undefined
}
