import type { Action, ActionReason, NextAction } from '../core/action.ts'
import type { ApprovalId, DecisionId, LeaseId } from '../core/id.ts'
import type { Instant } from '../core/time.ts'
import type { AuditActor } from '../core/audit.ts'

/** Who asks whether an action may go on. The agent and its evaluate-only tokens are one caller, each PEP is another. */
export interface Asker {
  /** `agent`, or `pep:NAME`. */
  readonly name: string
  readonly actor: AuditActor
  /** The tools that it may ask about, as patterns; null: whatever the lease holds. */
  readonly tools: readonly string[] | null
  /** Where the call came from. */
  readonly address: string
}

/** One question: may this lease do this, now? */
export interface Question {
  readonly asker: Asker
  /** Null where the subject stands for no lease. */
  readonly lease: LeaseId | null
  /** Null where it is nothing that a lease can hold. */
  readonly action: Action | null
  readonly callId: string | null
  /** Labels that the caller reports with it. */
  readonly labels: readonly string[]
  /** Only a look: it counts nothing, opens nothing and allows nothing. */
  readonly preflight: boolean
  /** Of who may ask this very question again; null: it is new each time. */
  readonly key: string | null
  readonly requestId: string
}

/** What a caller needs to wait for a person. */
export interface ApprovalLink {
  readonly id: ApprovalId
  readonly digest: string
  readonly expiresAt: Instant
}

/** The answer. `message` is text that a model can act on. */
export interface Evaluation {
  readonly id: DecisionId
  readonly decision: boolean
  readonly reason: ActionReason
  readonly rule: string | null
  readonly message: string
  readonly nextAction: NextAction
  readonly approval: ApprovalLink | null
}

/** Why not, before it has an id. */
export interface No {
  readonly reason: Exclude<ActionReason, 'allowed'>
  readonly message: string
  readonly nextAction: NextAction
  readonly rule?: string
}
