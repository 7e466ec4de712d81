import type { Approval, ApprovalState } from '../core/approval.ts'
import type { AuditEntry, AuditRecord, AuditStream, ChainHead } from '../core/audit.ts'
import type { Catalogue, JwtGrant } from '../core/catalogue.ts'
import type { Credential, CredentialState } from '../core/credential.ts'
import type { ApprovalId, CredentialId, DecisionId, LeaseId } from '../core/id.ts'
import type { RuleSet } from '../core/judge.ts'
import type { GrantedAccess } from '../core/access.ts'
import type { JsonObject } from '../core/json.ts'
import type { Lease, LeaseOutcome, LeaseState } from '../core/lease.ts'
import type { Result } from '../core/result.ts'
import type { Secret } from '../core/secret.ts'
import type { Instant } from '../core/time.ts'
import type { UpstreamProvider } from './provider-port.ts'
import type { AgentCaller, OperatorCaller, PepCaller } from './caller.ts'

/** The wall clock. MUST never be read by core or broker in any other way. */
export type Clock = () => Instant

/** New names for new things. Ids MUST sort by time; tokens MUST hold 256 bits of entropy. */
export interface NewIds {
  lease(): LeaseId
  credential(): CredentialId
  decision(): DecisionId
  approval(): ApprovalId
  leaseToken(): Secret<string>
}

/** Hashes that the broker's records are keyed by and bound to. Pure. */
export interface Digests {
  /** SHA-256 over the UTF-8 text, in lower-case hex. */
  hex(text: string): string
  /** `sha256:` and hex over the RFC 8785 form. */
  ofJson(value: JsonObject): string
}

/** What the operator configured, as one immutable value. A reload makes a new one with a higher epoch. */
export interface Policy {
  readonly epoch: number
  readonly catalogue: Catalogue
  readonly rules: RuleSet
  readonly limits: Limits
  readonly approvals: { readonly expireAfterSeconds: number; readonly pendingPerAgent: number }
}

export interface Limits {
  readonly maxTtlSeconds: number
  readonly maxAgeSeconds: number
  readonly leasesPerAgent: number
  readonly credentialsPerLease: number
  readonly leaseRequestsPerMinute: number
  readonly preAuthPerMinute: number
  readonly liveLeases: number
}

/** Who is asking. Every method MUST refuse what it cannot prove, and MUST NOT say to the caller which check failed. */
export interface Identities {
  /** A workload's identity token, verified now and mapped to exactly one configured agent. */
  workload(token: string): Promise<Result<AgentCaller, IdentityRefusal>>
  operator(token: string): OperatorCaller | undefined
  pep(token: string): PepCaller | undefined
}

/** `cause` is for the operator's log and audit; `detail` for the caller. */
export interface IdentityRefusal {
  readonly reason: 'unauthenticated' | 'unknown-agent'
  readonly detail: string
  readonly cause: string
}

/** What a provider is asked to mint: already narrowed, already decided. */
export interface MintOrder {
  readonly credential: CredentialId
  readonly lease: Pick<Lease, 'id' | 'task' | 'agent' | 'expiresAt'>
  readonly grant: JwtGrant
  readonly access: GrantedAccess
  readonly now: Instant
}

/** What came back. `value` is the API's value object of this type of credential. */
export interface Minted {
  readonly value: Secret<JsonObject>
  /** SHA-256 of the secret, lower-case hex. */
  readonly fingerprint: string
  readonly expiresAt: Instant
  readonly hardExpiresAt: Instant | null
  readonly offlineUntil: Instant | null
  readonly revocation: Credential['revocation']
}

/** A provider with no upstream: it signs in memory. `mint` MUST verify what it has just made before it returns it. */
export interface LocalProvider {
  readonly name: string
  readonly kind: 'local'
  mint(order: MintOrder): Promise<Minted>
}

export type Provider = LocalProvider | UpstreamProvider

/** What a Mayfly access token says once its signature, form and times hold. */
export interface VerifiedAccessToken {
  readonly credential: CredentialId
  readonly audience: string
  readonly claims: JsonObject
}

/** The issuing side of Mayfly's own access tokens. */
export interface AccessTokens {
  /** Undefined for everything that is not, letter for letter, an unexpired token of this broker. Never throws for bad input. */
  verify(token: string, now: Instant): Promise<VerifiedAccessToken | undefined>
}

/** A page of a list, newest first by (created_at, id). `after` is the last row of the page before. */
export interface PageRequest {
  readonly limit: number
  readonly after: { readonly createdAt: Instant; readonly id: string } | null
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

/** Reads see the last commit; inside a transaction they see what it has written so far. */
export interface Reads {
  lease(id: LeaseId): Lease | undefined
  leaseByToken(tokenHash: string): Lease | undefined
  leases(filter: LeaseFilter, page: PageRequest): readonly Lease[]
  /** The lease's ancestors, nearest first. */
  ancestors(lease: Lease): readonly Lease[]
  children(lease: LeaseId): readonly LeaseId[]
  credential(id: CredentialId): Credential | undefined
  credentialsOf(lease: LeaseId): readonly Credential[]
  approval(id: ApprovalId): Approval | undefined
  approvals(filter: ApprovalFilter, page: PageRequest): readonly Approval[]
  /** Leases pending or active, of one agent or of all. */
  countLive(agent: string | null): number
  countPendingApprovals(agent: string): number
  /** What became of one agent's task so far: leases still open, and outcomes of those closed, newest first, at most 100. */
  taskSoFar(agent: string, task: string): { readonly openLeases: number; readonly outcomes: readonly LeaseOutcome[] }
  /** Leases pending or active whose `expiresAt` is not after `now`, earliest first. */
  due(now: Instant, limit: number): readonly Lease[]
  /** Leases pending or active that the reload of a configuration has to look at, in a fixed order after `after`. */
  live(after: LeaseId | null, limit: number): readonly Lease[]
  audit(stream: AuditStream, after: number, limit: number): readonly AuditRecord[]
  auditHead(stream: AuditStream): ChainHead
  /** The answer kept for an idempotency key that has not lapsed. */
  idempotent(scope: string, key: string, now: Instant): IdempotentAnswer | undefined
}

/** Which request a key stood for (`digest` over its RFC 8785 form) and the lease that came of it. */
export interface IdempotentAnswer {
  readonly digest: string
  readonly lease: LeaseId
  readonly expiresAt: Instant
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
    | 'closedAt'
    | 'outcome'
    | 'reason'
  >
>
export type CredentialChange = Partial<Pick<Credential, 'state' | 'outcome' | 'confirmedAt'>>
export type ApprovalChange = Partial<Pick<Approval, 'state' | 'approvedBy' | 'deniedBy' | 'reason'>>

/**
 * One transaction. Every `move` is a compare-and-set on state and fence and returns whether it won; the caller MUST look.
 * `append` MUST be part of the same transaction as what it records.
 */
export interface Transaction extends Reads {
  insertLease(lease: Lease): void
  moveLease(from: Pick<Lease, 'id' | 'state' | 'fence'>, change: LeaseChange): boolean
  insertCredential(credential: Credential): void
  moveCredential(
    from: { readonly id: CredentialId; readonly state: CredentialState; readonly fence: number },
    change: CredentialChange,
  ): boolean
  insertApproval(approval: Approval): void
  moveApproval(from: Pick<Approval, 'id' | 'state' | 'fence'>, change: ApprovalChange): boolean
  /** Keeps the key, and MAY drop others that have lapsed by `keptAt`. */
  keepIdempotent(scope: string, key: string, answer: IdempotentAnswer & { readonly keptAt: Instant }): void
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

/** Wakes who waits for a change of one lease or approval. A nudge: a lost one costs a time-out, never a wrong answer. */
export interface Changes {
  announce(id: LeaseId | ApprovalId): void
  /** Resolves at the next announcement, or after `ms`, whichever is first; the signal ends it early. */
  next(id: LeaseId | ApprovalId, ms: number, signal: AbortSignal): Promise<void>
}

/** What every verb of the broker may use. A verb picks the members it needs. */
export interface Broker {
  readonly clock: Clock
  readonly ids: NewIds
  readonly digests: Digests
  readonly policy: () => Policy
  readonly store: Store
  readonly providers: () => ReadonlyMap<string, Provider>
  readonly changes: Changes
  /** Idempotency keys whose first request is still being answered. */
  readonly inFlight: Set<string>
}
