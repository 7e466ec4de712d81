import type { Approval, ApprovalState } from '../core/approval.ts'
import type { AuditEntry, AuditRecord, AuditStream, ChainHead } from '../core/audit.ts'
import type { Credential, CredentialState } from '../core/credential.ts'
import type { ApprovalId, CredentialId, LeaseId, MarkId } from '../core/id.ts'
import type { Lease, LeaseOutcome, LeaseState } from '../core/lease.ts'
import type { Json } from '../core/json.ts'
import type { LeaseUse } from '../core/lease-use.ts'
import type { Mark, Scope } from '../core/mark.ts'
import type { Recovery } from '../core/recovery.ts'
import type { Instant } from '../core/time.ts'

/** A page of a list, newest first by (created_at, id). `after` is the last row of the page before. */
export interface PageRequest {
  readonly limit: number
  readonly after: { readonly createdAt: Instant; readonly id: string } | null
}

/**
 * What one look at a list found. A look is bounded, whatever the list holds and however rare what is looked for: there may
 * be fewer rows than asked for, and `resume` is from where to look on. Null: that was the end of the list.
 */
export interface Found<T> {
  readonly rows: readonly T[]
  readonly resume: PageRequest['after']
}

export interface LeaseFilter {
  readonly state?: LeaseState
  readonly agent?: string
  readonly owner?: string
  readonly task?: string
  readonly grant?: string
  readonly tier?: string
  readonly since?: Instant
  readonly until?: Instant
}

export interface ApprovalFilter {
  readonly state?: ApprovalState
  readonly agent?: string
  readonly task?: string
}

export interface CredentialFilter {
  readonly state?: CredentialState
  readonly stuck?: boolean
  readonly grant?: string
  readonly lease?: LeaseId
}

/** What a stop would hit, or has hit. */
export interface Hits {
  readonly leases: number
  readonly credentials: number
}

/** A mark that was lifted, beside who did it. */
export interface LiftedMark extends Mark {
  readonly liftedBy: string
}

/** An answer of the decision point, for who retries its own question. */
export interface KeptAnswer {
  readonly scope: string
  readonly key: string
  readonly digest: string
  readonly answer: Json
  readonly keptAt: Instant
  readonly expiresAt: Instant
}

/** A call that was allowed, and who was told so. */
export interface AllowedCall {
  readonly lease: LeaseId
  readonly callId: string
  readonly at: Instant
  readonly digest: string
  readonly tool: string
  readonly callers: readonly string[]
}

/** Which request a key stood for (`digest` over its RFC 8785 form) and what came of it. */
export interface IdempotentAnswer {
  readonly digest: string
  readonly lease: LeaseId
  /** Null where the answer was the lease. */
  readonly credential: CredentialId | null
  readonly expiresAt: Instant
}

/** Reads see the last commit; inside a transaction they see what it has written so far. */
export interface Reads {
  lease(id: LeaseId): Lease | undefined
  leaseByToken(tokenHash: string): Lease | undefined
  leases(filter: LeaseFilter, page: PageRequest): Found<Lease>
  /** The lease's ancestors, nearest first. */
  ancestors(lease: Lease): readonly Lease[]
  children(lease: LeaseId): readonly LeaseId[]
  /** Leases pending or active, of one agent or of all. MUST be cheap: every request asks. */
  countLive(agent: string | null): number
  /** What became of one agent's task so far: leases still open, and outcomes of those closed, newest first, at most 100. */
  taskSoFar(agent: string, task: string): { readonly openLeases: number; readonly outcomes: readonly LeaseOutcome[] }
  /** Whether an operator revoked a lease of that agent for that task at or after `since`. */
  wasRevoked(agent: string, task: string, since: Instant): boolean
  /** Whether an agent of that id has ever held a lease. */
  wasAgent(agent: string): boolean
  /** Root agents that have used this name for a task, at most ten. */
  agentsOfTask(task: string): readonly string[]
  /** Leases pending or active whose `expiresAt` is not after `now`, earliest first. */
  due(now: Instant, limit: number): readonly Lease[]
  /** Active leases with a heartbeat whose deadline on record is not after `now`. */
  silent(now: Instant, limit: number): readonly Lease[]
  /** Leases pending or active, in id order after `after`. */
  live(after: LeaseId | null, limit: number): readonly Lease[]
  /** Leases pending or active that a scope of an agent, owner, task or lease covers. */
  liveUnder(scope: Scope, limit: number): readonly Lease[]
  hits(scope: Scope): Hits
  /** Ended leases whose children may still be open. */
  cascades(limit: number): readonly LeaseId[]
  /** Leases pending or active whose parent is one of those. */
  cascading(limit: number): readonly Lease[]
  /** Children pending or active. */
  openChildren(lease: LeaseId, limit: number): readonly Lease[]

  credential(id: CredentialId): Credential | undefined
  credentials(filter: CredentialFilter, page: PageRequest): Found<Credential>
  credentialsOf(lease: LeaseId): readonly Credential[]
  /** Targets that have rows to take back by `now`. */
  dueTargets(now: Instant): readonly string[]
  /** Rows of one target to take back by `now`, children before parents. A row that cannot be read is put off, not returned. */
  dueRevocations(target: string, now: Instant, limit: number): readonly Credential[]
  /** Rows in `minting` of an older start, or of this one and issued before `before`. */
  staleMinting(boot: string, before: Instant, limit: number): readonly Credential[]
  /** Credentials of one provider that have not ended and of which something was recorded. */
  recordedOf(provider: string): readonly Credential[]
  /** The same among the last that any upstream was asked for, whatever became of them. MUST be cheap, however many there are. */
  recordedLately(provider: string): readonly Credential[]
  /** Credentials of one target that have ended and that the upstream would still accept at `now`, in the order in which they ended. */
  endedAt(target: string, now: Instant): readonly { readonly handle: string; readonly notAfter: Instant }[]
  /** Providers that still have rows which are not closed. */
  providersInUse(): readonly string[]
  /** Since when the oldest row waits to be taken back; null where none does. */
  oldestRevocation(): Instant | null
  /** Active credentials by provider. MUST be cheap: it is scraped. */
  activeByProvider(): ReadonlyMap<string, number>

  approval(id: ApprovalId): Approval | undefined
  approvals(filter: ApprovalFilter, page: PageRequest): Found<Approval>
  countPendingApprovals(agent: string): number
  /** Pending approvals that no lease waits for and whose time is over. */
  lapsedApprovals(now: Instant, limit: number): readonly Approval[]
  /** Approvals of actions on one tool or grant in one tree, newest first, at most a hundred. */
  actionApprovals(root: LeaseId, resource: string): readonly Approval[]
  /** Approvals of actions of one lease that still wait. */
  pendingActions(lease: LeaseId): readonly Approval[]
  pendingAbandon(credential: CredentialId): Approval | undefined

  /** Every mark in force. MUST be cheap: every use asks. */
  marks(): readonly Mark[]
  liftedMark(id: MarkId): LiftedMark | undefined

  /** What a lease has used; unused where nothing was. */
  use(lease: LeaseId): LeaseUse
  /** An allowed call of that name, and which callers were told so. */
  call(lease: LeaseId, callId: string): { readonly digest: string; readonly callers: readonly string[] } | undefined
  /** Allowed calls after `since`, and allowed calls that were this very one. */
  callCounts(lease: LeaseId, since: Instant, digest: string): { readonly recent: number; readonly same: number }
  /** Labels that the leases of one instance have met which are open, or closed at or after `since`. */
  carriedLabels(agent: string, instance: string, since: Instant): readonly string[]
  /** An answer of the decision point that was kept for a key. */
  keptAnswer(scope: string, key: string, now: Instant): { readonly digest: string; readonly answer: Json } | undefined
  leaseByEvaluateToken(hash: string, now: Instant): LeaseId | undefined

  audit(stream: AuditStream, after: number, limit: number): readonly AuditRecord[]
  auditHead(stream: AuditStream): ChainHead
  /** The answer kept for an idempotency key that has not lapsed. */
  idempotent(scope: string, key: string, now: Instant): IdempotentAnswer | undefined
  /** The latest time that was believed; null at the first start. */
  clockMark(): Instant | null
  /** Digest of the catalogue that every open lease was last held against. */
  enforcedPolicy(): string | null
  /** The recovery that the broker stands in, or null. MUST be cheap: every use asks. */
  recovery(): Recovery | null
  /** The signing keys that are on record, by name, and from when each signs. The keys themselves are files. */
  signingKeys(): ReadonlyMap<string, Instant>
}

/** The members of a lease that change after it is stored. */
export type LeaseChange = Partial<
  Pick<
    Lease,
    | 'state'
    | 'activatedAt'
    | 'expiresAt'
    | 'maxExpiresAt'
    | 'ttlSeconds'
    | 'access'
    | 'tools'
    | 'decision'
    | 'approval'
    | 'tokenHash'
    | 'tokenUsed'
    | 'closedAt'
    | 'closedBy'
    | 'outcome'
    | 'reason'
    | 'silentAt'
  >
>
export type CredentialChange = Partial<
  Pick<
    Credential,
    | 'state'
    | 'outcome'
    | 'expiresAt'
    | 'hardExpiresAt'
    | 'sealed'
    | 'fingerprint'
    | 'revokingAt'
    | 'effectiveAfter'
    | 'confirmedAt'
    | 'attempts'
    | 'nextAttemptAt'
    | 'stuck'
    | 'lastError'
  >
>
export type ApprovalChange = Partial<Pick<Approval, 'permission' | 'state' | 'approvedBy' | 'deniedBy' | 'reason'>>

/**
 * One transaction. Every `move` is a compare-and-set on state and fence and returns whether it won; the caller MUST look.
 * `append` MUST be part of the same transaction as what it records.
 */
export interface Transaction extends Reads {
  insertLease(lease: Lease): void
  moveLease(from: Pick<Lease, 'id' | 'state' | 'fence'>, change: LeaseChange): boolean
  /** The lease has ended and has, or may yet get, children that have not: `cascades` names it until `endCascade`. */
  beginCascade(lease: LeaseId): void
  endCascade(lease: LeaseId): void
  insertCredential(credential: Credential): void
  moveCredential(from: Pick<Credential, 'id' | 'state' | 'fence'>, change: CredentialChange): boolean
  insertApproval(approval: Approval): void
  moveApproval(from: Pick<Approval, 'id' | 'state' | 'fence'>, change: ApprovalChange): boolean
  insertMark(mark: Mark): void
  liftMark(mark: Mark, by: { readonly at: Instant; readonly by: string; readonly reason: string }): void
  keepUse(lease: LeaseId, use: LeaseUse): void
  keepCall(call: AllowedCall): void
  keepAnswer(kept: KeptAnswer): void
  insertEvaluateToken(hash: string, lease: LeaseId, expiresAt: Instant): void
  /** Keeps the key, and MAY drop others that have lapsed by `keptAt`. */
  keepIdempotent(scope: string, key: string, answer: IdempotentAnswer & { readonly keptAt: Instant }): void
  keepClockMark(mark: Instant): void
  keepEnforcedPolicy(digest: string): void
  /** Null: it is over. */
  keepRecovery(recovery: Recovery | null): void
  keepSigningKeys(keys: ReadonlyMap<string, Instant>): void
  append(entry: AuditEntry): void
}

/**
 * The ledger. `commit` runs the step inside one durable transaction and resolves once it is on disk. Steps that arrive
 * together MAY share a commit; a step that throws MUST leave no trace and MUST NOT harm its neighbours. A step MUST be
 * synchronous and MAY be run once only. After `commit` rejects, nothing of the step is stored.
 */
export interface Store {
  readonly reads: Reads
  commit<T>(step: (tx: Transaction) => T): Promise<T>
}
