import type { Identities, AccessTokens, Broker } from '../broker/ports.ts'
import type { ChainHead, AuditStream } from '../core/audit.ts'
import type { JsonObject } from '../core/json.ts'
import type { Instant } from '../core/time.ts'

/** What a failed or finished request tells the log. Never a body, a header or a query: they may hold secrets. */
export interface HttpLog {
  /** One line a request. */
  readonly debug: (fields: Readonly<Record<string, unknown>>, message: string) => void
  readonly info: (fields: Readonly<Record<string, unknown>>, message: string) => void
  readonly error: (fields: Readonly<Record<string, unknown>>, message: string) => void
  readonly warn: (fields: Readonly<Record<string, unknown>>, message: string) => void
}

/** Counters that the routes feed. Labels never name agents or tasks. */
export interface HttpMetrics {
  readonly answered: (of: {
    readonly method: string
    readonly route: string
    readonly status: number
    readonly seconds: number
  }) => void
  readonly render: () => Promise<{ readonly contentType: string; readonly text: string }>
}

/** Everything that the routes stand on. */
export interface Services {
  readonly broker: Broker
  readonly identities: () => Identities
  readonly accessTokens: AccessTokens
  readonly publicKeys: { readonly accessTokens: () => JsonObject; readonly audit: () => JsonObject }
  /** A JWS over the heads of the three chains (`typ: mayfly-audit+jwt`). */
  readonly signCheckpoint: (heads: Readonly<Record<AuditStream, ChainHead>>, now: Instant) => Promise<string>
  /** `iss` of every access token. */
  readonly publicUrl: () => string
  /** Why the broker cannot serve now; empty when it can. */
  readonly notReady: () => readonly string[]
  /** Aborted when a stop was asked for: long-polls are answered at once. */
  readonly stopping: AbortSignal
  /** Whether the listener is on loopback only: then metrics are open. */
  readonly onLoopback: boolean
  readonly trustedProxies: readonly string[]
  readonly limiter: Limiter
  readonly refusedProofs: RefusedProofs
  readonly metrics: HttpMetrics
  readonly log: HttpLog
  readonly version: string
}

/** Rates. Each method says how many seconds to wait, or undefined when there is room. */
export interface Limiter {
  /** Looked at before a signature is verified for this address. */
  readonly proofsBlocked: (address: string) => Promise<number | undefined>
  /** A proof from this address has failed. */
  readonly proofFailed: (address: string) => Promise<number | undefined>
  /** One lease request of this agent. */
  readonly leaseRequest: (agent: string) => Promise<number | undefined>
}

/** Refusals before authentication, gathered to one record a minute and source, so that a flood cannot fill the disk. */
interface RefusedProofs {
  readonly note: (refusal: {
    readonly source: string
    readonly cause: string
    readonly requestId: string
  }) => Promise<void>
}
