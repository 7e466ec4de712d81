import { resourceOf } from '../core/action.ts'
import type { Approval } from '../core/approval.ts'
import { accessOnWire } from '../core/access.ts'
import type { AuditActor, AuditEntry, AuditKind } from '../core/audit.ts'
import type { Credential } from '../core/credential.ts'
import type { Decision } from '../core/decision.ts'
import { intentOnWire } from '../core/intent.ts'
import type { JsonObject } from '../core/json.ts'
import type { Lease } from '../core/lease.ts'
import type { Mark, Scope } from '../core/mark.ts'
import type { Instant } from '../core/time.ts'
import { toolOnWire } from '../core/tool-access.ts'
import type { Caller } from './caller.ts'
import type { Evaluation, Question } from './evaluation.ts'

/** Who did it and in which request: the part of every record that the verb knows first. */
export interface Origin {
  readonly actor: AuditActor
  readonly requestId: string | null
  readonly now: Instant
}

export const BROKER: AuditActor = { type: 'broker', id: 'mayfly' }

export function actorOf(caller: Caller): AuditActor {
  switch (caller.type) {
    case 'agent':
      return { type: 'agent', id: caller.agent }
    case 'lease':
    case 'evaluator':
      return { type: 'lease', id: caller.lease }
    case 'operator':
      return { type: 'operator', id: caller.id }
    case 'pep':
      return { type: 'pep', id: caller.name }
  }
}

/** A decision as the API and the audit show it: which rules made it, under which rule set, and why. */
export function decisionOnWire(decision: Decision): JsonObject {
  return {
    id: decision.id,
    effect: decision.effect,
    risk: {
      score: decision.risk.score,
      tier: decision.risk.tier,
      factors: decision.risk.factors.map((factor) => ({ ...factor })),
    },
    rules: decision.rules.map((rule) => ({ ...rule })),
    rules_digest: decision.rulesDigest,
    broad: decision.broad,
  }
}

type LeaseSubject = Pick<Lease, 'task' | 'intent' | 'access' | 'tools' | 'ttlSeconds'>

/** What a lease is about: what was asked, as the audit keeps it. */
export function leaseSubject(lease: LeaseSubject): JsonObject {
  return {
    task: lease.task,
    intent: intentOnWire(lease.intent),
    access: lease.access.map(accessOnWire),
    tools: lease.tools.map(toolOnWire),
    ttl: lease.ttlSeconds,
  }
}

export function leaseEntry(kind: 'lease.granted' | 'lease.asked', lease: Lease, origin: Origin): AuditEntry {
  return {
    ...about(lease),
    ...common(kind, origin),
    subject: leaseSubject(lease),
    decision: decisionOnWire(lease.decision),
  }
}

/** A refusal: there is no lease, so what was asked stands in its place. */
export function deniedEntry(
  asked: {
    readonly agent: string
    readonly owner: string
    readonly task: string
    readonly lease: string | null
    readonly subject: JsonObject
  },
  decision: Decision | null,
  origin: Origin,
): AuditEntry {
  const { subject, ...names } = asked
  return { ...names, ...common('lease.denied', origin), subject, decision: decision && decisionOnWire(decision) }
}

/** Closing says what it was and how it ended: `subject` is `{ id, outcome, reason }`. */
export function leaseClosedEntry(lease: Lease, origin: Origin): AuditEntry {
  const subject = { id: lease.id, outcome: lease.outcome, reason: lease.reason }
  return { ...about(lease), ...common('lease.closed', origin), subject }
}

export function credentialEntry(
  kind: 'credential.intended' | 'credential.minted' | 'credential.closed',
  lease: Lease,
  credential: Credential,
  origin: Origin,
): AuditEntry {
  const subject = { id: credential.id, outcome: credential.outcome, reason: null }
  return {
    ...about(lease),
    ...common(kind, origin),
    subject,
    fingerprint: credential.fingerprint === '' ? null : credential.fingerprint,
  }
}

/** More time, and nothing else: `ttl` of the subject is what was given from then on. */
export function renewedEntry(lease: Lease, ttlSeconds: number, origin: Origin): AuditEntry {
  return { ...about(lease), ...common('lease.renewed', origin), subject: leaseSubject({ ...lease, ttlSeconds }) }
}

/** One answer of the decision point. Arguments are there as a digest: they may be anybody's data. */
export function evaluationEntry(
  { asker, lease: leaseId, action, callId, labels, requestId }: Question,
  lease: Lease | undefined,
  said: {
    readonly evaluation: Evaluation
    readonly digest: string | null
    readonly decision: JsonObject
    readonly now: Instant
  },
): AuditEntry {
  const { evaluation, digest, decision, now } = said
  const asked = evaluation.reason === 'approval_required' || evaluation.reason === 'approval_pending'
  const kind = evaluation.decision ? 'action.allowed' : asked ? 'action.asked' : 'action.denied'
  const subject = {
    call_id: callId,
    action: action?.kind === 'grant' ? action.action : 'tools/call',
    resource: action ? { ...resourceOf(action) } : null,
    arguments_digest: digest,
    labels,
    reason: evaluation.reason,
  }
  const names = lease ? about(lease) : { lease: leaseId }
  return { ...names, ...common(kind, { actor: asker.actor, requestId, now }), subject, decision }
}

type MarkKind = 'freeze.set' | 'freeze.lifted' | 'mark.revoked' | 'mark.restored'

export function markEntry(kind: MarkKind, { scope, reason }: Mark, origin: Origin): AuditEntry {
  return { ...common(kind, origin), subject: { scope: scopeOnWire(scope), reason } }
}

/** A scope as the API and the audit show it. */
export function scopeOnWire(scope: Scope): JsonObject {
  if (scope.kind === 'all') return { all: true }
  return { [scope.kind]: scope.value, ...(scope.kind === 'task' && { agent: scope.agent }) }
}

type RecoveryKind = 'recovery.required' | 'recovery.begun' | 'recovery.cut_off' | 'recovery.acknowledged'

export function recoveryEntry(
  kind: RecoveryKind,
  { outcome, reason }: { readonly outcome: string; readonly reason: string },
  origin: Origin,
): AuditEntry {
  return { ...common(kind, origin), subject: { id: 'recovery', outcome, reason } }
}

type ApprovalKind = 'approval.approved' | 'approval.denied' | 'approval.expired'

export function approvalEntry(
  kind: ApprovalKind,
  approval: Approval,
  reason: string | null,
  origin: Origin,
): AuditEntry {
  const { agent, owner, task, lease } = approval
  const subject = { id: approval.id, outcome: approval.state, reason }
  return { agent, owner, task, lease, ...common(kind, origin), subject }
}

/** An operator tried what the role, or being the owner, forbids. */
export function operatorRefusedEntry(
  what: { readonly id: string; readonly reason: string },
  origin: Origin,
): AuditEntry {
  return { ...common('operator.refused', origin), subject: { id: what.id, outcome: 'refused', reason: what.reason } }
}

function common(kind: AuditKind, origin: Origin) {
  return { kind, time: origin.now, actor: origin.actor, requestId: origin.requestId }
}

function about(lease: Lease) {
  return { agent: lease.agent, owner: lease.owner, task: lease.task, lease: lease.id }
}
