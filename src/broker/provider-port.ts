import type { GrantedAccess } from '../core/access.ts'
import type { Grant } from '../core/catalogue.ts'
import type { Revocation } from '../core/credential.ts'
import type { CredentialId } from '../core/id.ts'
import type { JsonObject } from '../core/json.ts'
import type { Lease } from '../core/lease.ts'
import type { Result } from '../core/result.ts'
import type { Secret } from '../core/secret.ts'
import type { Instant } from '../core/time.ts'

/** What an upstream is asked to mint: already narrowed, already decided. `lease.expiresAt` is the deadline of the task. */
export interface UpstreamOrder {
  readonly credential: CredentialId
  readonly lease: Pick<Lease, 'id' | 'task' | 'agent' | 'expiresAt'>
  readonly grant: Grant
  readonly access: GrantedAccess
  readonly now: Instant
}

/** What a mint of an order would make, known before anything exists. */
export interface Plan {
  /** What the upstream will know the credential by. Chosen before the mint, so that an unanswered mint can be revoked. */
  readonly handle: string
  /** Whoever takes the credential back: one queue, one breaker and one rate each. Such as an address, or a role. */
  readonly target: string
  /** When the upstream ends by itself whatever this mint may make, at the latest. */
  readonly notAfter: Instant
  readonly revocation: Revocation
}

/** What came back. */
export interface UpstreamMinted {
  /** The API's value object of this type of credential. */
  readonly value: Secret<JsonObject>
  /** SHA-256 of the secret, lower-case hex. */
  readonly fingerprint: string
  /** What the lease promises: never after the lease's deadline. */
  readonly expiresAt: Instant
  /** When the upstream itself ends it; never after the plan's `notAfter`. */
  readonly hardExpiresAt: Instant
}

/** One credential that has to end. */
export interface Revocable {
  readonly handle: string
  readonly target: string
  readonly grant: string
  /** What `record` kept last; null where the mint never came that far. */
  readonly recorded: JsonObject | null
  readonly issuedAt: Instant
  readonly notAfter: Instant
}

/**
 * What an upstream said to a revocation. `gone` and `permanent` only for exact codes that are known to mean it; everything
 * else is `unknown` and is tried again. `detail` is for operators and holds no secret.
 */
export type RevokeAnswer =
  | { readonly class: 'revoked'; readonly effectiveAfter: Instant | null }
  | { readonly class: 'gone' }
  /** It can only end by itself; asking again changes nothing. */
  | { readonly class: 'at_expiry' }
  | { readonly class: 'permanent' | 'throttled' | 'unreachable' | 'unknown'; readonly detail: string }

/** What a cut-off came to, in sentences for operators that hold no secret. */
export interface CutOff {
  /** What does not work any more. */
  readonly ended: readonly string[]
  /** What no call of the broker can end, with when it ends by itself or who can end it. */
  readonly remains: readonly string[]
}

/** One thing that `check` looked at. `mend` says what to do about a failure. */
export interface Finding {
  readonly check: string
  readonly ok: boolean
  readonly detail: string
  readonly mend: string | null
}

/** Why an order cannot be narrowed to what was asked. Public text that names the grant. */
export interface Unplannable {
  readonly detail: string
}

/**
 * A provider with an upstream that mints and takes back one kind of credential.
 *
 * `plan` MUST refuse what cannot be narrowed to the order, and MUST NOT call the upstream. `mint` MUST use the plan's
 * handle, MUST await `record` with what a revocation needs before its next step upstream, MUST end when the signal
 * aborts, and MUST throw where it cannot say that the credential exists exactly as ordered. `revoke` MUST be idempotent,
 * MUST NOT throw for an answer of the upstream, and MUST NOT say `revoked` before the upstream has confirmed. No error,
 * detail or finding may hold a secret.
 *
 * `cutOff` is for a recovery, when the ledger may have forgotten what was handed out. It MUST end everything that this
 * provider handed out before that moment and that the upstream lets it end, whether or not the ledger knows of it, MUST
 * NOT outlast its calls in what it denies to credentials minted afterwards, and MUST be idempotent. It is called only
 * while nothing is minted. It MUST throw where it could not do what it can do, and MUST name in `remains` what it cannot.
 */
export interface UpstreamProvider {
  readonly name: string
  readonly kind: 'upstream'
  /** How long one mint may take, in milliseconds. */
  readonly timeoutMs: number
  /** For how long after the mint "not found" may only mean "not yet", in milliseconds. */
  readonly consistencyMs: number
  plan(order: UpstreamOrder): Result<Plan, Unplannable>
  mint(
    order: UpstreamOrder,
    plan: Plan,
    record: (needed: JsonObject) => Promise<void>,
    signal: AbortSignal,
  ): Promise<UpstreamMinted>
  revoke(what: Revocable, signal: AbortSignal): Promise<RevokeAnswer>
  /** For `mayfly doctor`: looks, and changes nothing. */
  check(signal: AbortSignal): Promise<readonly Finding[]>
  /** Called by the sweep: renews what the provider itself holds, such as its login. MUST NOT block on anything else. */
  upkeep?(signal: AbortSignal): Promise<void>
  cutOff?(before: Instant, signal: AbortSignal): Promise<CutOff>
}
