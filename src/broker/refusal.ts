import type { Decision } from '../core/decision.ts'

/** One thing that does not fit, where it stands in what was sent. */
export interface FieldError {
  readonly path: string
  readonly message: string
}

/**
 * Every expected "no". `detail` is public: it says what to do and never what only an operator may know. One exhaustive
 * switch in `http/problem.ts` turns a refusal into a status.
 */
export type Refusal =
  | { readonly reason: 'invalid-request'; readonly detail: string; readonly errors?: readonly FieldError[] }
  | { readonly reason: 'unauthenticated'; readonly detail: string }
  | { readonly reason: 'unknown-agent'; readonly detail: string }
  | { readonly reason: 'denied'; readonly detail: string; readonly decision: Decision }
  | { readonly reason: 'not-granted'; readonly detail: string; readonly errors: readonly FieldError[] }
  | { readonly reason: 'forbidden'; readonly detail: string; readonly hint?: string }
  | { readonly reason: 'not-found' }
  | {
      readonly reason: 'conflict'
      readonly detail: string
      readonly state: string | null
      /** Whose of several tasks of one name may be meant. */
      readonly agents?: readonly string[]
    }
  | { readonly reason: 'frozen'; readonly detail: string }
  | { readonly reason: 'gone'; readonly detail: string }
  | { readonly reason: 'idempotency-mismatch' }
  | { readonly reason: 'quota-exceeded'; readonly detail: string; readonly retryAfterSeconds: number }
  | { readonly reason: 'rate-limited'; readonly detail: string; readonly retryAfterSeconds: number }
  | { readonly reason: 'provider-unavailable'; readonly detail: string }
  | { readonly reason: 'unavailable'; readonly detail: string }
