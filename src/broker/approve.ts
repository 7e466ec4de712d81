import { argumentsOf, type Action } from '../core/action.ts'
import type { Approval, ApprovalVote, ApprovedNarrowing, Permission } from '../core/approval.ts'
import { isAnswered } from '../core/approval.ts'
import { outsideBounds } from '../core/argument-bounds/outside-bounds.ts'
import { samePerson } from '../core/person.ts'
import type { Ask, Decision } from '../core/decision.ts'
import { judgeLease } from '../core/judge.ts'
import type { Lease } from '../core/lease.ts'
import { err, ok, type Result } from '../core/result.ts'
import { SECOND_MS, type Instant } from '../core/time.ts'
import type { ToolAccess } from '../core/tool-access.ts'
import { abandon } from './abandon-credential.ts'
import { answerable, mayNotApprove, type Answer, type Answerable } from './answer-approval.ts'
import { actorOf, approvalEntry, leaseEntry, operatorRefusedEntry, type Origin } from './audit-entries.ts'
import { closeLease } from './close-lease.ts'
import { activation } from './grant-lease.ts'
import { leaseFacts } from './lease-facts.ts'
import { cutBy, isEmpty, widerThan } from './narrow-lease.ts'
import { othersOfTask } from './others-of-task.ts'
import { openApproval } from './open-approval.ts'
import { mayNotMint } from './may-mint.ts'
import type { Broker, Policy } from './ports.ts'
import type { Transaction } from './store-port.ts'
import type { Refusal } from './refusal.ts'
import { resolveAccess } from './resolve-access.ts'
import { withGuards } from './revoked-before.ts'

/** For an action: that very call once, or calls of the tool within bounds, for a while. */
export interface AskedPermission {
  readonly scope: 'once' | 'task'
  readonly ttlSeconds: number
  readonly uses: number
  /** Null: the arguments that were shown. */
  readonly arguments: ToolAccess['arguments'] | null
}

interface Yes extends Answer {
  readonly narrow: ApprovedNarrowing | null
  /** What a yes to an action allows; null for the other kinds. */
  readonly permission: AskedPermission | null
}

/**
 * One operator's yes. The one that completes the quorum has the rules judge the lease again, with the approval as a
 * fact: an approval is input to a new decision, never a grant by itself. One transaction, so two answers cannot both win.
 */
export async function approve(broker: Broker, yes: Yes): Promise<Result<Approval, Refusal>> {
  const origin: Origin = { actor: actorOf(yes.operator), requestId: yes.requestId, now: broker.clock() }
  const result = await broker.store.commit((tx): Result<Approval, Refusal> => {
    // Inside the commit: a lease that becomes active here must not miss the reload that ends those like it.
    const policy = broker.policy()
    const open = answerable(broker, tx, yes)
    if (!open.ok) return open
    // A lease that begins now ends by the time that it begins with.
    const closed = open.value.approval.kind === 'lease' ? mayNotMint(broker) : undefined
    if (closed) return err(closed)
    const stop = mayNotApprove(tx, policy, yes.operator, open.value)
    if (stop !== undefined) {
      tx.append(operatorRefusedEntry({ id: yes.approval, reason: stop }, origin))
      return err({ reason: 'forbidden', detail: stop })
    }
    return vote(broker, tx, { yes, policy, origin, ...open.value })
  })
  broker.changes.announce(yes.approval)
  if (result.ok) broker.changes.announce(result.value.lease)
  return result
}

interface Voting extends Answerable {
  readonly yes: Yes
  readonly policy: Policy
  readonly origin: Origin
}

function vote(broker: Broker, tx: Transaction, voting: Voting): Result<Approval, Refusal> {
  const { yes, approval, lease, origin } = voting
  if (approval.approvedBy.some(({ operator }) => samePerson(operator, yes.operator.id))) {
    return err({
      reason: 'conflict',
      detail: 'You have approved this already; it needs somebody else too.',
      state: approval.state,
    })
  }
  const misplaced = misplacedIn(yes, approval)
  if (misplaced) return err(misplaced)
  const wider = yes.narrow && approval.kind === 'lease' ? widerThan(yes.narrow, lease) : []
  if (wider.length > 0)
    return err({ reason: 'invalid-request', detail: 'What you approve must lie inside what was asked.', errors: wider })

  const permission = approval.action ? permissionOf(approval.action.action, yes.permission, origin.now) : ok(null)
  if (!permission.ok) return permission
  const cast: ApprovalVote = { operator: yes.operator.id, at: origin.now, reason: yes.reason, narrow: yes.narrow }
  const approvedBy = [...approval.approvedBy, cast]
  const state = approvedBy.length >= approval.needed ? 'approved' : 'pending'
  const change = { state, approvedBy, reason: yes.reason, permission: permission.value } as const
  if (!tx.moveApproval(approval, change)) {
    return err({ reason: 'conflict', detail: 'Somebody else answered first.', state: approval.state })
  }
  const answered: Approval = { ...approval, ...change, fence: approval.fence + 1 }
  tx.append(approvalEntry('approval.approved', answered, yes.reason, origin))
  if (state === 'approved' && answered.abandon) abandon(tx, answered.abandon.credential, origin)
  else if (state === 'approved' && answered.kind === 'lease') judgeAgain(broker, tx, { ...voting, approval: answered })
  return ok(answered)
}

/** Members that belong to another kind of approval: read and not used, they would look like a limit that holds. */
function misplacedIn({ narrow, permission }: Yes, { kind }: Approval): Refusal | undefined {
  const foreign =
    kind === 'action'
      ? narrow !== null && (narrow.access !== null || narrow.tools !== null || narrow.ttlSeconds !== null)
      : permission !== null && (permission.scope === 'task' || permission.arguments !== null || kind === 'abandon')
  if (!foreign) return undefined
  const detail =
    kind === 'action'
      ? 'An action is narrowed by narrow.arguments, with scope, ttl and uses.'
      : 'scope: task, uses and narrow.arguments are for actions.'
  return { reason: 'invalid-request', detail }
}

const ONCE: AskedPermission = { scope: 'once', ttlSeconds: 0, uses: 1, arguments: null }

/** What was asked lies inside what is permitted, or nobody would know what the yes was to. */
function permissionOf(action: Action, asked: AskedPermission | null, at: Instant): Result<Permission, Refusal> {
  const { scope, ttlSeconds, uses, arguments: bounds } = asked ?? ONCE
  const shown = Object.fromEntries(
    Object.entries(argumentsOf(action)).map(([name, value]) => [keyOf(name), { equals: value }]),
  )
  const permission: Permission = {
    scope,
    at,
    ttlSeconds,
    uses: scope === 'once' ? 1 : uses,
    used: 0,
    arguments: bounds ?? shown,
  }
  const entry = { tool: '', arguments: permission.arguments, max_calls: null, only: true }
  const outside = outsideBounds(entry, argumentsOf(action))
  if (!outside) return ok(permission)
  const errors = [{ path: '/narrow/arguments', message: outside.message }]
  return err({ reason: 'invalid-request', detail: 'What you approve must hold the call that was asked.', errors })
}

/** A name that begins with `/` would read as a JSON Pointer (RFC 6901). */
const keyOf = (name: string): string =>
  name.startsWith('/') ? `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}` : name

/** Everything that a yes cut away, from every voter: the narrowest of what people agreed to. */
function judgeAgain(broker: Broker, tx: Transaction, { approval, lease: asked, policy, origin }: Voting): void {
  const cut = approval.approvedBy.reduce((lease, { narrow: by }) => (by ? cutBy(lease, by) : lease), asked)
  const denied = (reason: string): void => void closeLease(tx, asked, { outcome: 'denied', reason }, origin)
  if (isEmpty(cut)) return denied('Those who approved left nothing that all of them allow')
  const agent = policy.catalogue.agents.get(cut.agent)
  if (!agent) return denied('The agent is no longer configured')
  const wanted = { purpose: cut.intent.purpose, access: cut.access, tools: cut.tools }
  const resolved = resolveAccess(policy.catalogue, agent, wanted)
  if (!resolved.ok) return denied('The agent may no longer ask for this')

  const facts = leaseFacts(
    othersOfTask(tx),
    { ...cut, resolved: resolved.value, history: tx.use(cut.root).history },
    origin.now,
  )
  const judged = { reads: tx, agent: cut.agent, task: cut.task, now: origin.now }
  const verdict = withGuards(judgeLease(policy.rules, facts), judged)
  const answered = [...approval.answered, ...approval.asks]
  const asks = verdict.asks.filter((ask) => !isAnswered(ask, answered))
  const effect = verdict.effect === 'ask' && asks.length === 0 ? 'allow' : verdict.effect
  const decision: Decision = { id: broker.ids.decision(), ...verdict, effect, asks, broad: asked.decision.broad }
  const ttlSeconds = Math.min(cut.ttlSeconds, verdict.maxTtlSeconds ?? Infinity, policy.limits.maxTtlSeconds)
  const next = { access: cut.access, tools: cut.tools, ttlSeconds, decision }
  switch (effect) {
    case 'deny':
      return denied('The rules deny it by now')
    case 'ask':
      return askAgain(broker, tx, { lease: { ...asked, ...next }, from: asked, answered, policy, origin })
    case 'allow':
      return activate(tx, { ...asked, ...next }, policy, origin)
  }
}

interface AskingAgain {
  readonly lease: Lease
  readonly from: Lease
  readonly answered: readonly Ask[]
  readonly policy: Policy
  readonly origin: Origin
}

/** An approval answers only the asks that were shown; an ask by any other rule is a new question. */
function askAgain(broker: Broker, tx: Transaction, { lease, from, answered, policy, origin }: AskingAgain): void {
  const approval = openApproval(broker, policy, { lease, answered, now: origin.now })
  const { access, tools, ttlSeconds, decision } = lease
  tx.insertApproval(approval)
  tx.moveLease(from, { access, tools, ttlSeconds, decision, approval: approval.id, expiresAt: approval.expiresAt })
  tx.append(leaseEntry('lease.asked', lease, origin))
}

/** The clock of the lease starts now; its agent fetches the credentials itself, so nothing is minted for one that left. */
function activate(tx: Transaction, lease: Lease, policy: Policy, origin: Origin): void {
  const { access, tools, ttlSeconds, decision } = lease
  const active = {
    state: 'active',
    expiresAt: origin.now + ttlSeconds * SECOND_MS,
    ...activation(lease, origin.now, policy.limits.maxAgeSeconds),
  } as const
  if (tx.moveLease(lease, { access, tools, ttlSeconds, decision, ...active }))
    tx.append(leaseEntry('lease.granted', { ...lease, ...active }, origin))
}
