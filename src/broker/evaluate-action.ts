import { actionOnWire, argumentsOf, resourceOf, type Action } from '../core/action.ts'
import type { ActionFacts } from '../core/facts.ts'
import type { Json, JsonObject } from '../core/json.ts'
import { judgeAction } from '../core/judge.ts'
import { countAllowed, countAsked, countDenied, joined, UNUSED, type LeaseUse } from '../core/lease-use.ts'
import type { Lease } from '../core/lease.ts'
import { sameScope } from '../core/mark.ts'
import { err, ok, type Result } from '../core/result.ts'
import { HOUR_MS, MINUTE_MS, SECOND_MS, type Instant } from '../core/time.ts'
import { answerFromPeople } from './action-approvals.ts'
import { badStanding, NO_LEASE, notYourTool, outsideChain, spent } from './action-stops.ts'
import { BROKER, evaluationEntry, markEntry } from './audit-entries.ts'
import type { Evaluation, No, Question } from './evaluation.ts'
import { leaseFacts } from './lease-facts.ts'
import { othersOfTask } from './others-of-task.ts'
import type { Broker } from './ports.ts'
import type { Refusal } from './refusal.ts'
import { resolveAccess } from './resolve-access.ts'
import { isGrantFrozen, standing } from './standing.ts'
import type { Transaction } from './store-port.ts'

/** Everything about one question that its steps share, read once. */
interface Case {
  readonly question: Question
  readonly lease: Lease
  readonly action: Action
  /** The lease and its ancestors, with what each has used. */
  readonly chain: readonly { readonly lease: Lease; readonly use: LeaseUse }[]
  /** Over what the action is, in canonical form. */
  readonly digest: string
  readonly now: Instant
}

/**
 * Answers whether this lease may do this, now. One transaction: what it reads is what it counts against, and the record
 * is durable before the answer leaves. No upstream is called, and a tool that no rule names costs the lease check and
 * the record alone.
 */
export function evaluateAction(broker: Broker, question: Question): Promise<Result<Evaluation, Refusal>> {
  return broker.store.commit((tx): Result<Evaluation, Refusal> => {
    const now = broker.clock()
    const { key } = question
    if (key === null) return ok(decide(broker, tx, question, now))
    const scope = JSON.stringify(['evaluation', question.asker.name, question.lease])
    const digest = broker.digests.ofJson({
      action: question.action && actionOnWire(question.action),
      call: question.callId,
    })
    const kept = tx.keptAnswer(scope, key, now)
    if (kept)
      return kept.digest === digest ? ok(kept.answer as unknown as Evaluation) : err({ reason: 'idempotency-mismatch' })
    const evaluation = decide(broker, tx, question, now)
    const answer = evaluation as unknown as Json
    tx.keepAnswer({ scope, key, digest, answer, keptAt: now, expiresAt: now + ANSWERS_KEPT_MS })
    return ok(evaluation)
  })
}

const ANSWERS_KEPT_MS = 24 * HOUR_MS

function decide(broker: Broker, tx: Transaction, question: Question, now: Instant): Evaluation {
  const lease = question.lease === null ? undefined : tx.lease(question.lease)
  if (lease) {
    const found = caseOf(broker, tx, { question, lease, now })
    return conclude(broker, tx, found, whyNot(broker, tx, found))
  }
  const evaluation = answer(broker, NO_LEASE)
  const decision = decisionOf(broker, question, evaluation)
  tx.append(evaluationEntry(question, undefined, { evaluation, digest: null, decision, now }))
  return evaluation
}

function caseOf(
  broker: Broker,
  tx: Transaction,
  { question, lease, now }: { readonly question: Question; readonly lease: Lease; readonly now: Instant },
): Case {
  const chain = [lease, ...tx.ancestors(lease)].map((each) => ({ lease: each, use: tx.use(each.id) }))
  const action = question.action ?? UNKNOWN
  return { question, lease, action, chain, digest: broker.digests.ofJson(actionOnWire(action)), now }
}

/** A no, and the question to a person that it opened or found. */
type Answered = No & { readonly approval?: Evaluation['approval'] }

/** What no lease can hold. */
const UNKNOWN: Action = { kind: 'grant', grant: '', action: '', resource: null }

/** The first reason that holds, in the order of the API; undefined: it is allowed. */
function whyNot(broker: Broker, tx: Transaction, found: Case): Answered | undefined {
  const { question, lease, action, chain, digest, now } = found
  const stands = standing(broker, tx, lease, now)
  if (stands !== 'usable') return badStanding(stands)
  const named = action.kind === 'grant' ? broker.policy().catalogue.grants.get(action.grant) : undefined
  if (named && isGrantFrozen(broker, tx, { grant: named.name, provider: named.provider })) return badStanding('frozen')
  const { guards } = broker.policy()
  const used = question.callId === null ? undefined : tx.call(lease.id, question.callId)
  return (
    notYourTool(question.asker, action) ??
    (used && alreadyUsed(used, question, digest)) ??
    outsideChain(
      chain.map((each) => each.lease),
      action,
    ) ??
    // The second caller of a call that is counted already asks about the same one call.
    (used ? undefined : spent({ chain, action, counts: tx.callCounts(lease.id, now - MINUTE_MS, digest), guards })) ??
    byRules(broker, tx, found)
  )
}

/** One permission cannot run twice: each caller is told yes once. */
function alreadyUsed(
  used: { readonly digest: string; readonly callers: readonly string[] },
  { asker, callId }: Question,
  digest: string,
): No | undefined {
  if (used.digest !== digest) {
    return {
      reason: 'call_id_reused',
      message: `The call ${callId ?? ''} was another one. Give this one an id of its own.`,
      nextAction: 'none',
    }
  }
  if (!used.callers.includes(asker.name)) return undefined
  return {
    reason: 'duplicate_call',
    message: `The call ${callId ?? ''} was allowed already, and runs once.`,
    nextAction: 'none',
  }
}

function byRules(broker: Broker, tx: Transaction, found: Case): Answered | undefined {
  const { question, lease, action, digest, now } = found
  const verdict = judgeAction(broker.policy().rules, resourceOf(action), () => factsOf(broker, tx, found))
  if (verdict.effect === 'allow') return undefined
  if (verdict.effect === 'deny') {
    const by = verdict.rules.find(({ effect, mode }) => effect === 'deny' && mode === 'enforce')
    return {
      reason: 'denied_by_rule',
      message: `${by?.reason ?? 'The rules say no'} (rule ${by?.id ?? ''}).`,
      nextAction: 'none',
      ...(by && { rule: by.id }),
    }
  }
  return answerFromPeople(broker, tx, { lease, action, digest, asks: verdict.asks, preflight: question.preflight, now })
}

/** Gathered only where a rule speaks about the tool. */
function factsOf(broker: Broker, tx: Transaction, { question, lease, action, chain, digest, now }: Case): ActionFacts {
  const { catalogue } = broker.policy()
  const agent = catalogue.agents.get(lease.agent)
  const resolved =
    agent &&
    resolveAccess(catalogue, agent, { purpose: lease.intent.purpose, access: lease.access, tools: lease.tools })
  if (!resolved?.ok) throw new Error(`Lease ${lease.id} holds what its agent may no longer have`)
  const history = chain.at(-1)?.use.history ?? UNUSED.history
  const facts = leaseFacts(othersOfTask(tx), { ...lease, resolved: resolved.value, history }, now)
  const resource = resourceOf(action)
  const labels =
    (action.kind === 'tool' ? catalogue.tools.get(action.tool) : catalogue.grants.get(action.grant))?.labels ?? []
  const { same } = tx.callCounts(lease.id, now, digest)
  return {
    ...facts,
    history: { ...history, repeats: same, denials: chain[0]?.use.denialsInRow ?? 0 },
    tool: { name: resource.id, labels },
    arguments: argumentsOf(action),
    resource: action.kind === 'grant' ? (action.resource ?? '') : '',
    lease: {
      risk: lease.decision.risk.score,
      age: Math.floor((now - (lease.activatedAt ?? now)) / SECOND_MS),
      remaining: Math.floor((lease.expiresAt - now) / SECOND_MS),
      address_changed: lease.identity.address !== question.asker.address,
    },
  }
}

const ALLOWED: Omit<Answered, 'reason'> & { readonly reason: 'allowed' } = {
  reason: 'allowed',
  message: 'This call is inside the task.',
  nextAction: 'none',
}

function answer(broker: Broker, no: Answered | undefined): Evaluation {
  const { rule = null, approval = null, ...said } = no ?? ALLOWED
  return { id: broker.ids.decision(), decision: no === undefined, rule, approval, ...said }
}

/** What the record says of the decision. A check of the agent itself is advice, and is marked as one. */
const decisionOf = (broker: Broker, { asker }: Question, { id, decision, rule }: Evaluation): JsonObject => ({
  id,
  effect: decision ? 'allow' : 'deny',
  rule,
  rules_digest: broker.policy().rules.digest,
  self: asker.name === 'agent',
})

/** Denials that somebody who probes collects. A lease that has ended, or a person's turn, is no probing. */
const PROBES: ReadonlySet<Evaluation['reason']> = new Set([
  'call_id_reused',
  'not_in_lease',
  'argument_out_of_bounds',
  'budget_exhausted',
  'loop_detected',
  'denied_by_rule',
  'approval_denied',
])

/** Counts it, lets its labels join, records it: all of that before the answer leaves. */
function conclude(broker: Broker, tx: Transaction, found: Case, no: Answered | undefined): Evaluation {
  const { question, lease, chain, digest, now } = found
  const evaluation = answer(broker, no)
  if (question.preflight) return evaluation
  if (evaluation.decision) allow(broker, tx, found, evaluation)
  else count(broker, tx, found, evaluation)
  if (question.labels.length > 0) meet(tx, chain, { labels: question.labels, tool: null })
  const decision = decisionOf(broker, question, evaluation)
  tx.append(evaluationEntry(question, lease, { evaluation, digest: question.action ? digest : null, decision, now }))
  return evaluation
}

function allow(
  broker: Broker,
  tx: Transaction,
  { question, lease, action, chain, digest, now }: Case,
  { id }: Evaluation,
): void {
  const callId = question.callId ?? id
  const before = tx.call(lease.id, callId)
  const tool = resourceOf(action).id
  tx.keepCall({
    lease: lease.id,
    callId,
    at: now,
    digest,
    tool,
    callers: [...(before?.callers ?? []), question.asker.name],
  })
  // The agent's own check and its enforcement point's count as one call.
  if (before) return
  for (const each of chain) tx.keepUse(each.lease.id, countAllowed(tx.use(each.lease.id), tool))
  const { catalogue } = broker.policy()
  const labels =
    (action.kind === 'tool' ? catalogue.tools.get(action.tool) : catalogue.grants.get(action.grant))?.labels ?? []
  meet(tx, chain, { labels, tool })
}

function count(broker: Broker, tx: Transaction, { lease, now, question }: Case, { reason }: Evaluation): void {
  const use = tx.use(lease.id)
  if (reason === 'approval_required' || reason === 'approval_pending') {
    tx.keepUse(lease.id, countAsked(use))
    return
  }
  if (!PROBES.has(reason)) return
  const counted = countDenied(use)
  tx.keepUse(lease.id, counted)
  if (counted.denialsInRow >= broker.policy().guards.denials)
    stopProbing(broker, tx, { lease, now, requestId: question.requestId })
}

/** Whoever is refused again and again looks for a way round. The lease is frozen, and an operator lifts it. */
function stopProbing(
  broker: Broker,
  tx: Transaction,
  { lease, now, requestId }: { readonly lease: Lease; readonly now: Instant; readonly requestId: string },
): void {
  const scope = { kind: 'lease', value: lease.id } as const
  if (tx.marks().some((mark) => mark.kind === 'freeze' && sameScope(mark.scope, scope))) return
  const reason = `${broker.policy().guards.denials} denials in a row`
  const mark = { id: broker.ids.freeze(), kind: 'freeze', scope, since: now, by: 'guard:denials', reason } as const
  tx.insertMark(mark)
  tx.append(markEntry('freeze.set', mark, { actor: BROKER, requestId, now }))
}

/** What a tree has met is kept with its root, so that delegation does not shed it. */
function meet(
  tx: Transaction,
  chain: Case['chain'],
  met: { readonly labels: readonly string[]; readonly tool: string | null },
): void {
  const root = chain.at(-1)
  if (!root) return
  const use = tx.use(root.lease.id)
  tx.keepUse(root.lease.id, { ...use, history: joined(use.history, met) })
}
