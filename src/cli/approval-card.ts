import type { AbandonSubject, Approval, ApprovalSubject, Decision } from '../client/resources.ts'
import { card, type CardEntry } from './card.ts'
import { counted } from './counted.ts'
import { describeAccess, describeTools } from './describe-access.ts'
import { describeIntent, describeRisk } from './describe-intent.ts'
import { paint } from './paint.ts'
import { printable } from './printable.ts'
import type { Terminal } from './terminal.ts'
import { span, when } from './when.ts'

const STYLE = {
  pending: 'yellow',
  approved: 'green',
  denied: 'red',
  expired: 'dim',
  cancelled: 'dim',
  used: 'dim',
} as const

/**
 * What an approver reads before an answer: who, what exactly, for how long, why, how risky. Everything between the task
 * and the risk is the subject that the digest covers.
 */
export function approvalCard(terminal: Terminal, approval: Approval, decision: Decision): string {
  const { id, state, expires_at, agent, owner, task, subject, digest, reason, denied_by } = approval
  const lapses = state === 'pending' ? `, lapses ${when(expires_at)}` : ''
  return card(terminal, [
    ['approval', [`${id}, ${paint(terminal, STYLE[state], state)}${lapses}`]],
    ['agent', [printable(`${agent}, owned by ${owner}`)]],
    ['task', [printable(task)]],
    ...('credential' in subject ? toAbandon(subject) : forLease(subject, approval, decision)),
    ['needs', [needs(approval)]],
    ['denied by', denied_by === null ? [] : [printable(denied_by)]],
    ['reason', reason === null ? [] : [printable(reason)]],
    ['lease', [approval.lease]],
    ['digest', [digest]],
  ])
}

function forLease(subject: ApprovalSubject, { context }: Approval, decision: Decision): readonly CardEntry[] {
  return [
    ['wants', describeAccess(subject.access)],
    ['tools', describeTools(subject.tools)],
    ['for', [span(subject.ttl)]],
    ['why', describeIntent(subject.intent)],
    ['asked by', subject.rules.map((rule) => printable(`${rule.id}: ${rule.reason}`))],
    ['risk', describeRisk(decision)],
    ['task so far', [soFar(context)]],
  ]
}

/** A yes ends no credential: it ends the attempts to. */
function toAbandon(subject: AbandonSubject): readonly CardEntry[] {
  const { credential, grant, provider, handle, ends_by_itself, last_error, asked_by, reason } = subject
  return [
    [
      'give up on',
      [printable(`${credential}, of grant ${grant}`), 'It may go on working: nobody tries to end it any more.'],
    ],
    ['upstream', [printable(`${provider}, where it is ${handle}`)]],
    ['last error', last_error === null ? [] : [printable(last_error)]],
    ['ends', [`${ends_by_itself} at the latest, ${when(ends_by_itself)}`]],
    ['asked by', [printable(`${asked_by}: ${reason}`)]],
  ]
}

/** In one word each: what a yes would allow. */
export function wants({ subject }: Approval): string {
  if ('credential' in subject) return `abandon ${subject.credential}`
  return [...subject.access.map(({ grant }) => grant), ...subject.tools.map(({ tool }) => tool)].join(',')
}

function soFar({ open_leases, earlier_outcomes }: Approval['context']): string {
  const earlier = [...Map.groupBy(earlier_outcomes, (outcome) => outcome)].map(([name, of]) => `${of.length} ${name}`)
  return [counted(open_leases, 'open lease'), ...earlier].join(', ')
}

/** `2 people; amy@example.com said yes`. */
export function needs({ needed, approved_by }: Approval): string {
  const people = needed === 1 ? '1 person' : `${needed} people`
  return approved_by.length === 0 ? people : `${people}; ${printable(approved_by.join(', '))} said yes`
}
