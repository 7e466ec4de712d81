import type { GrantedAccess } from './access.ts'
import type { Claims } from './catalogue.ts'
import type { Decision } from './decision.ts'
import type { ApprovalId, LeaseId } from './id.ts'
import type { DeclaredIntent } from './intent.ts'
import type { Json } from './json.ts'
import type { Instant } from './time.ts'
import type { ToolAccess } from './tool-access.ts'

/**
 * pending -> active -> closing -> closed, and pending -> closed. Each arrow is one compare-and-set on state and fence.
 * `pending` only means that an approval is open; `closing` that credentials are still being taken back upstream.
 */
export const LEASE_STATES = ['pending', 'active', 'closing', 'closed'] as const
export type LeaseState = (typeof LEASE_STATES)[number]

export const LEASE_OUTCOMES = [
  'completed',
  'failed',
  'revoked',
  'expired',
  'lost',
  'denied',
  'cancelled',
  'cascaded',
  'not_minted',
] as const
export type LeaseOutcome = (typeof LEASE_OUTCOMES)[number]

/** The broker's stored answer to one request: one agent, one task, an access set, a deadline, a state. */
export interface Lease {
  readonly id: LeaseId
  readonly state: LeaseState
  /** Counts the changes of this row; a compare-and-set that names an older one loses. */
  readonly fence: number
  readonly task: string
  readonly agent: string
  readonly owner: string
  /** The agent that opened the task: the agent of the root. */
  readonly rootAgent: string
  /** The running instance of the agent: its instance claims in canonical form, `""` where none are configured. */
  readonly instance: string
  /** The verified identity that asked, kept because the rules judge the lease again. */
  readonly identity: { readonly issuer: string; readonly claims: Claims; readonly address: string }
  readonly parent: LeaseId | null
  readonly root: LeaseId
  /** 0 for a root. */
  readonly depth: number
  readonly createdAt: Instant
  /** Null while pending, and while the first credentials are still being minted upstream: nobody holds the token then. */
  readonly activatedAt: Instant | null
  /** While pending, the moment at which the approval lapses. */
  readonly expiresAt: Instant
  /** Null while pending: the limit counts from activation. */
  readonly maxExpiresAt: Instant | null
  /** What was granted, in seconds: asked for, then capped. */
  readonly ttlSeconds: number
  readonly heartbeatSeconds: number | null
  /** When it counts as lost unless it was heard of since; null without a heartbeat. Moved on lazily. */
  readonly silentAt: Instant | null
  readonly intent: DeclaredIntent
  readonly context: Json
  readonly access: readonly GrantedAccess[]
  readonly tools: readonly ToolAccess[]
  readonly decision: Decision
  readonly approval: ApprovalId | null
  /** SHA-256 of the lease token, in lower-case hex. The token itself is never stored. */
  readonly tokenHash: string
  /** Somebody has come with the token, so the first answer arrived. */
  readonly tokenUsed: boolean
  readonly closedAt: Instant | null
  /** Who ended it, as the audit names actors: `operator:ops@example.com`. */
  readonly closedBy: string | null
  readonly outcome: LeaseOutcome | null
  readonly reason: string | null
}
