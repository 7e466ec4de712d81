import type { GrantedAccess } from '../core/access.ts'
import type { AuditActor } from '../core/audit.ts'
import type { Catalogue, JwtGrant, SigningAlgorithm } from '../core/catalogue.ts'
import type { Credential } from '../core/credential.ts'
import type { ApprovalId, CredentialId, DecisionId, FreezeId, LeaseId, RevocationMarkId } from '../core/id.ts'
import type { RuleSet } from '../core/judge.ts'
import type { Json, JsonObject } from '../core/json.ts'
import type { Lease } from '../core/lease.ts'
import type { Mark } from '../core/mark.ts'
import type { Result } from '../core/result.ts'
import type { Secret } from '../core/secret.ts'
import type { Instant } from '../core/time.ts'
import type { AgentCaller, OperatorCaller, PepCaller } from './caller.ts'
import type { UpstreamProvider } from './provider-port.ts'
import type { Store } from './store-port.ts'

/** The time that every use is checked against: it never runs backwards. MUST never be read by core or broker in any other way. */
export type Clock = () => Instant

/** New names for new things. Ids MUST sort by time; tokens MUST hold 256 bits of entropy. */
export interface NewIds {
  lease(): LeaseId
  credential(): CredentialId
  decision(): DecisionId
  approval(): ApprovalId
  freeze(): FreezeId
  revocationMark(): RevocationMarkId
  leaseToken(): Secret<string>
  evaluateToken(): Secret<string>
}

/** Hashes that the broker's records are keyed by and bound to. Pure. */
export interface Digests {
  /** SHA-256 over the UTF-8 text, in lower-case hex. */
  hex(text: string): string
  /** The same over a secret, which is all that is ever kept of it. */
  ofSecret(secret: Secret<string>): string
  /** `sha256:` and hex over the RFC 8785 form. */
  ofJson(value: JsonObject): string
}

/** What the operator configured, as one immutable value. A reload makes a new one with a higher epoch. */
export interface Policy {
  readonly epoch: number
  readonly catalogue: Catalogue
  readonly rules: RuleSet
  /** Labels that the operator declared beside the built-in ones. */
  readonly labels: readonly string[]
  readonly limits: Limits
  readonly guards: Guards
  /** For how long the labels of a closed lease go on with the next one of its instance. */
  readonly historyWindowSeconds: number
  readonly approvals: { readonly expireAfterSeconds: number; readonly pendingPerAgent: number }
}

/** Built-in guards, per lease. */
export interface Guards {
  readonly callsPerMinute: number
  readonly callsPerLease: number
  /** The same call this many times is a loop. */
  readonly repeats: number
  /** This many denials in a row freeze the lease. */
  readonly denials: number
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

/** Wakes who waits for a change of one lease or approval. A nudge: a lost one costs a time-out, never a wrong answer. */
export interface Changes {
  announce(id: LeaseId | ApprovalId): void
  /** Resolves at the next announcement, or after `ms`, whichever is first; the signal ends it early. */
  next(id: LeaseId | ApprovalId, ms: number, signal: AbortSignal): Promise<void>
}

/** Keeps at rest what a revocation needs, readable for this broker only. What was sealed under one name opens under no other. */
export interface Seals {
  seal(name: CredentialId, needed: JsonObject): string
  /** Undefined where it does not open: another key, another name, a changed bit. */
  open(name: CredentialId, sealed: string): Json | undefined
}

/** One of the broker's own signing keys, as operators see it: never its private half. */
export interface SigningKeyRecord {
  /** RFC 7638 thumbprint. */
  readonly kid: string
  readonly use: 'access' | 'audit'
  readonly algorithm: SigningAlgorithm
  readonly createdAt: Instant
  readonly signsFrom: Instant
  readonly state: 'next' | 'current' | 'retiring'
  /** When its public half is no longer published; null where that is not known yet, or never. */
  readonly ends: Instant | null
}

/** Who changes the keys, for the record. */
export interface KeyChangeBy {
  readonly actor: AuditActor
  readonly reason: string | null
  readonly requestId: string | null
}

/** The broker's own signing keys. Every change is on record before its caller hears of it. */
export interface SigningKeys {
  /** Everything that a verifier may meet now, and what is about to go. */
  list(): readonly SigningKeyRecord[]
  /** The next key of every chain signs from now on. A public half MUST stay published until the last token of it has ended. */
  rotate(by: KeyChangeBy): Promise<void>
  /**
   * Keys that were made before that moment sign nothing any more, and those of access tokens are no longer published: what
   * they signed is dead wherever keys are looked up. Those of the audit stay, for checkpoints that were kept elsewhere.
   */
  startAnew(from: Instant, by: KeyChangeBy): Promise<void>
}

/** The guarded clock, beyond the time itself. */
export interface TimeKeeper {
  /**
   * What is believed: what is recorded and what is due goes by it, so that a clock that jumped ahead closes nothing, and
   * puts nothing off until the time that it showed.
   */
  believed(): Instant
  /** Why nothing may be minted now, for the caller; null while the clock is good. */
  stop(): 'behind' | 'ahead' | null
  /** An operator says that the wall clock is right. Returns the time that is believed from now on. */
  accept(): Instant
}

/** The disk under the ledger. */
export interface Space {
  /** There is less room left than it takes to wind everything down in order. */
  low(): boolean
}

/**
 * Stops that could not be written: they hold in this process from the moment they were asked for, and are written as
 * soon as the ledger can be. Whoever asked was told to ask again.
 */
export interface UnsavedStops {
  marks(): readonly Mark[]
  add(mark: Mark, write: () => Promise<unknown>): void
  /** Tries to write each; those that succeed are forgotten. */
  retry(): Promise<void>
}

/** When each lease with a heartbeat was last heard of, in this process. */
export interface Heard {
  note(lease: LeaseId, at: Instant): void
  last(lease: LeaseId): Instant | undefined
  /** Forgets what was last heard of before that. */
  prune(before: Instant): void
  /** Deadlines count from here after a start; null until the broker is ready. */
  since(): Instant | null
}

/** For operators. Fields MUST NOT hold a secret; `err` is an error whose text was made not to. */
export interface BrokerLog {
  warn(fields: Readonly<Record<string, unknown>>, message: string): void
  error(fields: Readonly<Record<string, unknown>>, message: string): void
}

/** Carries a recovery out that was begun. */
export interface Recovering {
  /** Goes as far as it goes now. MUST NOT reject. */
  carryOn(): Promise<void>
  /** Ends what is still being asked of providers: after it resolves nothing is cut off any more until it is due again. */
  giveUp(): Promise<void>
}

/** What every verb of the broker may use. A verb picks the members it needs. */
export interface Broker {
  readonly clock: Clock
  readonly time: TimeKeeper
  readonly space: Space
  readonly ids: NewIds
  readonly digests: Digests
  readonly seals: Seals
  readonly policy: () => Policy
  readonly store: Store
  readonly providers: () => ReadonlyMap<string, Provider>
  readonly changes: Changes
  readonly unsaved: UnsavedStops
  readonly keys: SigningKeys
  readonly heard: Heard
  /** Names this start of the broker: rows in `minting` of another one were left behind. */
  readonly boot: string
  /** Idempotency keys whose first request is still being answered. */
  readonly inFlight: Set<string>
  /** Wakes the closer. Never waits for it. */
  readonly kick: () => void
  /** What is due is being closed, batch by batch: a sweep that has much to do is not one that has stopped. */
  readonly gettingOn: () => void
  readonly recovery: Recovering
  readonly log: BrokerLog
  /** In [0, 1). */
  readonly random: () => number
}
