import { actionOnWire, argumentsOf, resourceOf, type Action } from '../core/action.ts'
import type { Approval, Permission } from '../core/approval.ts'
import { outsideBounds } from '../core/argument-bounds/outside-bounds.ts'
import type { Ask } from '../core/decision.ts'
import { intentOnWire } from '../core/intent.ts'
import type { JsonObject } from '../core/json.ts'
import type { Lease } from '../core/lease.ts'
import { SECOND_MS, type Instant } from '../core/time.ts'
import type { ApprovalLink, Evaluation, No } from './evaluation.ts'
import type { Broker } from './ports.ts'
import type { Reads, Transaction } from './store-port.ts'

interface Asked {
  readonly lease: Lease
  readonly action: Action
  readonly digest: string
  readonly asks: readonly Ask[]
  readonly preflight: boolean
  readonly now: Instant
}

type Waiting = No & { readonly approval: Evaluation['approval'] }

/**
 * What people have said of this action, or a new question to them. Undefined: somebody has allowed it, and that permission
 * is used up by this. An approval is input to a new decision: everything else about the action was looked at again.
 */
export function answerFromPeople(broker: Broker, tx: Transaction, asked: Asked): Waiting | undefined {
  const { lease, action, digest, now } = asked
  const known = tx.actionApprovals(lease.root, resourceOf(action).id)
  const permitted = known.find((each) => permits(each, asked))
  if (permitted?.permission) {
    if (!asked.preflight) use(tx, permitted, permitted.permission)
    return undefined
  }
  const equal = known.filter((each) => each.lease === lease.id && each.action?.digest === digest)
  const denied = equal.find(({ state }) => state === 'denied')
  if (denied) {
    const message = `A person said no to this${denied.reason === null ? '' : `: ${denied.reason}`}. Do not try it again.`
    return { reason: 'approval_denied', message, nextAction: 'none', approval: linkOf(denied) }
  }
  const pending = equal.find((each) => each.state === 'pending' && now < each.expiresAt)
  if (pending)
    return {
      reason: 'approval_pending',
      message: 'A person has been asked, and has not answered yet. Wait.',
      nextAction: 'wait',
      approval: linkOf(pending),
    }
  if (asked.preflight)
    return { reason: 'approval_required', message: why(asked.asks), nextAction: 'wait', approval: null }
  if (tx.countPendingApprovals(lease.agent) >= broker.policy().approvals.pendingPerAgent) {
    return {
      reason: 'unavailable',
      message: 'Too many questions of this agent wait for a person. Wait for their answers.',
      nextAction: 'retry',
      approval: null,
    }
  }
  const approval = open(broker, tx, asked)
  tx.insertApproval(approval)
  return { reason: 'approval_required', message: why(asked.asks), nextAction: 'wait', approval: linkOf(approval) }
}

const linkOf = ({ id, digest, expiresAt }: Approval): ApprovalLink => ({ id, digest, expiresAt })

const why = (asks: readonly Ask[]): string =>
  `A person has to allow this: ${asks.map(({ reason }) => reason).join('; ')}. Wait for the answer, then ask again.`

/** Whether an approval covers this action: every ask was shown, and it is that very call, or one inside its bounds. */
function permits(approval: Approval, { lease, action, digest, asks, now }: Asked): boolean {
  const { permission } = approval
  if (approval.state !== 'approved' || !permission || permission.used >= permission.uses) return false
  if (!asks.every(({ by }) => approval.asks.some((shown) => shown.by === by))) return false
  if (permission.scope === 'once') return approval.lease === lease.id && approval.action?.digest === digest
  if (now >= permission.at + permission.ttlSeconds * SECOND_MS) return false
  const bounds = { tool: resourceOf(action).id, arguments: permission.arguments, max_calls: null, only: true }
  return outsideBounds(bounds, argumentsOf(action)) === undefined
}

function use(tx: Transaction, approval: Approval, permission: Permission): void {
  const used = permission.used + 1
  const state = used >= permission.uses ? 'used' : 'approved'
  if (!tx.moveApproval(approval, { state, permission: { ...permission, used } }))
    throw new Error('An approval changed within one transaction')
}

function open(broker: Broker, tx: Reads, { lease, action, digest, asks, now }: Asked): Approval {
  const subject: JsonObject = {
    lease: lease.id,
    agent: lease.agent,
    parents: tx.ancestors(lease).map(({ id, agent, intent }) => ({ lease: id, agent, goal: intent.goal })),
    intent: intentOnWire(lease.intent),
    ...actionOnWire(action),
    ttl: lease.ttlSeconds,
    rules: asks.map(({ by, reason }) => ({ id: by, effect: 'ask', reason })),
  }
  return {
    id: broker.ids.approval(),
    kind: 'action',
    state: 'pending',
    fence: 0,
    lease: lease.id,
    abandon: null,
    action: { digest, action, root: lease.root },
    permission: null,
    agent: lease.agent,
    owner: lease.owner,
    task: lease.task,
    createdAt: now,
    expiresAt: Math.min(now + broker.policy().approvals.expireAfterSeconds * SECOND_MS, lease.expiresAt),
    subject,
    digest: broker.digests.ofJson(subject),
    asks,
    answered: [],
    needed: Math.max(...asks.map(({ approvals }) => approvals)),
    approvedBy: [],
    deniedBy: null,
    reason: null,
  }
}
