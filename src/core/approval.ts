import type { AskedAccess } from './access.ts'
import type { Action } from './action.ts'
import type { Ask } from './decision.ts'
import type { ApprovalId, CredentialId, LeaseId } from './id.ts'
import type { JsonObject } from './json.ts'
import type { Instant } from './time.ts'
import type { ToolAccess } from './tool-access.ts'

export const APPROVAL_KINDS = ['lease', 'action', 'abandon'] as const
export const APPROVAL_STATES = ['pending', 'approved', 'denied', 'expired', 'cancelled', 'used'] as const
export type ApprovalState = (typeof APPROVAL_STATES)[number]

/** What an approver cut from what was asked. Null: left as it was. Always inside the subject. */
export interface ApprovedNarrowing {
  readonly access: readonly AskedAccess[] | null
  readonly tools: readonly ToolAccess[] | null
  readonly ttlSeconds: number | null
}

/** What a yes to an action allows: that very call once, or calls of that tool within bounds in the same tree. */
export interface Permission {
  readonly scope: 'once' | 'task'
  readonly at: Instant
  readonly ttlSeconds: number
  readonly uses: number
  readonly used: number
  readonly arguments: ToolAccess['arguments']
}

/** One person's yes. */
export interface ApprovalVote {
  readonly operator: string
  readonly at: Instant
  readonly reason: string | null
  readonly narrow: ApprovedNarrowing | null
}

/** A human's answer to an ask, bound to the digest of exactly what was asked. Input to a new decision, never a grant by itself. */
export interface Approval {
  readonly id: ApprovalId
  readonly kind: (typeof APPROVAL_KINDS)[number]
  readonly state: ApprovalState
  readonly fence: number
  readonly lease: LeaseId
  /** What an operator wants to give up on, and who; null for a lease that waits. */
  readonly abandon: { readonly credential: CredentialId; readonly askedBy: string } | null
  /** The call that waits; null where it is none. `digest` is over the action alone. */
  readonly action: { readonly digest: string; readonly action: Action; readonly root: LeaseId } | null
  /** What an approved action may do, and how much of that is used. */
  readonly permission: Permission | null
  readonly agent: string
  readonly owner: string
  readonly task: string
  readonly createdAt: Instant
  readonly expiresAt: Instant
  /** Frozen when the approval opens; `digest` is `sha256:` and hex over its RFC 8785 form. */
  readonly subject: JsonObject
  readonly digest: string
  /** The asks that were shown: an approval answers these and no others. */
  readonly asks: readonly Ask[]
  /** Asks that earlier approvals of the same lease have answered, so that nobody is asked twice. */
  readonly answered: readonly Ask[]
  readonly needed: number
  readonly approvedBy: readonly ApprovalVote[]
  readonly deniedBy: string | null
  readonly reason: string | null
}

/** Whether one of the answered asks was this one: of the same rule, put to the same people, to at least as many. */
export const isAnswered = (ask: Ask, answered: readonly Ask[]): boolean =>
  answered.some(
    ({ by, approvers, approvals }) => by === ask.by && approvers === ask.approvers && approvals >= ask.approvals,
  )
