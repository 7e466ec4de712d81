import type { JsonObject } from './json.ts'
import type { Instant } from './time.ts'

/** What was approved, what was refused, and what happened to what was handed out. Each is a chain of its own. */
export const AUDIT_STREAMS = ['approved', 'denied', 'operations'] as const
export type AuditStream = (typeof AUDIT_STREAMS)[number]

/** Every kind of record, and the stream it belongs to. */
export const AUDIT_KINDS = {
  'lease.granted': 'approved',
  'credential.minted': 'approved',
  'action.allowed': 'approved',
  'approval.approved': 'approved',
  'lease.denied': 'denied',
  'lease.asked': 'denied',
  'action.denied': 'denied',
  'action.asked': 'denied',
  'auth.refused': 'denied',
  'approval.denied': 'denied',
  'operator.refused': 'denied',
  'credential.intended': 'operations',
  'lease.renewed': 'operations',
  'lease.closed': 'operations',
  'credential.closed': 'operations',
  'approval.expired': 'operations',
  'freeze.set': 'operations',
  'freeze.lifted': 'operations',
  'mark.revoked': 'operations',
  'mark.restored': 'operations',
  'clock.accepted': 'operations',
  'config.loaded': 'operations',
  'config.refused': 'operations',
  'key.created': 'operations',
  'key.rotated': 'operations',
  'key.lost': 'operations',
  'key.retired': 'operations',
  'recovery.required': 'operations',
  'recovery.begun': 'operations',
  'recovery.cut_off': 'operations',
  'recovery.acknowledged': 'operations',
} as const satisfies Record<string, AuditStream>
export type AuditKind = keyof typeof AUDIT_KINDS

export interface AuditActor {
  readonly type: 'agent' | 'lease' | 'operator' | 'pep' | 'broker' | 'anonymous'
  readonly id: string
}

/** What a verb asks to be recorded. Never a secret, never a whole token. */
export interface AuditEntry {
  readonly kind: AuditKind
  readonly time: Instant
  readonly actor: AuditActor
  readonly agent?: string | null
  readonly owner?: string | null
  readonly task?: string | null
  readonly lease?: string | null
  readonly subject: JsonObject
  readonly decision?: JsonObject | null
  readonly fingerprint?: string | null
  readonly requestId?: string | null
}

/** A record as it stands in its chain and as the API shows it: `hash` covers all the rest, `prev` is the hash before it. */
export interface AuditRecord {
  readonly seq: number
  readonly time: string
  readonly stream: AuditStream
  readonly kind: AuditKind
  readonly actor: AuditActor
  readonly agent: string | null
  readonly owner: string | null
  readonly task: string | null
  readonly lease: string | null
  readonly subject: JsonObject
  readonly decision: JsonObject | null
  readonly fingerprint: string | null
  readonly request_id: string | null
  readonly prev: string
  readonly hash: string
}

/** `prev` of the first record of a chain. */
export const CHAIN_START = '0'.repeat(64)

export interface ChainHead {
  readonly seq: number
  readonly hash: string
}
