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
  /** The running instance of the agent: its instance claims in canonical form, `""` where none are configured. */
  readonly instance: string
  /** The verified identity that asked, kept because the rules judge the lease again. */
  readonly identity: { readonly issuer: string; readonly claims: Claims }
  readonly parent: LeaseId | null
  readonly root: LeaseId
  readonly createdAt: Instant
  /** Null while pending. */
  readonly activatedAt: Instant | null
  /** While pending, the moment at which the approval lapses. */
  readonly expiresAt: Instant
  /** Null while pending: the limit counts from activation. */
  readonly maxExpiresAt: Instant | null
  /** What was granted, in seconds: asked for, then capped. */
  readonly ttlSeconds: number
  readonly heartbeatSeconds: number | null
  readonly intent: DeclaredIntent
  readonly context: Json
  readonly access: readonly GrantedAccess[]
  readonly tools: readonly ToolAccess[]
  readonly decision: Decision
  readonly approval: ApprovalId | null
  /** SHA-256 of the lease token, in lower-case hex. The token itself is never stored. */
  readonly tokenHash: string
  readonly closedAt: Instant | null
  readonly outcome: LeaseOutcome | null
  readonly reason: string | null
}

/** A lease is usable up to, and not at, the instant it expires. */
export function isUsable(lease: Lease, now: Instant): boolean {
  return lease.state === 'active' && now < lease.expiresAt
}
