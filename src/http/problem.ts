import type { FieldError, Refusal } from '../broker/refusal.ts'
import { decisionOnWire } from '../broker/audit-entries.ts'
import type { JsonObject } from '../core/json.ts'

/** What only HTTP can refuse, beside what the broker refuses. */
export type HttpRefusal =
  | Refusal
  | { readonly reason: 'method-not-allowed'; readonly allow: readonly string[] }
  | { readonly reason: 'payload-too-large' }
  | { readonly reason: 'internal' }

export type ProblemSlug = HttpRefusal['reason']

interface ProblemKind {
  readonly status: number
  readonly title: string
  /** For the docs: when a caller meets it, and how it mends it. */
  readonly when: string
  readonly mend: string
}

/** Every slug that the broker sends. docs/problems.md is generated from this table. */
export const PROBLEMS: Readonly<Record<ProblemSlug, ProblemKind>> = {
  'invalid-request': {
    status: 400,
    title: 'The request is not valid',
    when: 'Body, parameter or header does not fit the schema; malformed JSON; wrong content type; less than 5 s left after the caps. Faults of the HTTP itself (400, 408, 431) come in this form too.',
    mend: 'Read `errors`: each names a place and what is wrong with it.',
  },
  unauthenticated: {
    status: 401,
    title: 'No valid proof of identity',
    when: 'No, malformed, expired, mistyped or untrusted proof, or a required claim fails.',
    mend: 'Send `Authorization: Bearer` with a fresh token of a trusted issuer, or the lease, operator or PEP token in full. The broker log says which check failed.',
  },
  'unknown-agent': {
    status: 403,
    title: 'No configured agent',
    when: 'The identity is proven, but no agent, or more than one, matches it.',
    mend: 'Have the operator add the identity to exactly one agent.',
  },
  denied: {
    status: 403,
    title: 'The rules said no',
    when: 'A rule or the risk tier denies the request; `decision` names which and why.',
    mend: 'Ask for less: fewer grants, fewer actions, a person nearer the loop.',
  },
  'not-granted': {
    status: 403,
    title: 'Outside what may be asked for',
    when: "An access entry names a grant, tool, action, resource or purpose outside the agent's ceiling.",
    mend: 'Read `errors`, ask for less, or have the configuration widened.',
  },
  forbidden: {
    status: 403,
    title: 'This caller may not do this',
    when: 'Authenticated, but the role is too low, the operator owns the agent, or this kind of token does not go here.',
    mend: 'Use the token that the API page names for this call, or ask a colleague.',
  },
  'not-found': {
    status: 404,
    title: 'No such thing',
    when: 'It does not exist, the id is not of its form, or it is not yours to see: the answer is the same.',
    mend: 'Check the id and the token that you send with it.',
  },
  'method-not-allowed': {
    status: 405,
    title: 'Method not allowed',
    when: 'The path exists, the method does not.',
    mend: 'Use one of the methods in `Allow`.',
  },
  conflict: {
    status: 409,
    title: 'The state does not allow it',
    when: 'The lease or approval is in another state (`state` says which), the digest is not the shown one, or a request with this Idempotency-Key is still being answered.',
    mend: 'Read the thing again and decide anew.',
  },
  gone: {
    status: 410,
    title: 'It has lapsed',
    when: 'The approval is expired or used.',
    mend: 'Have the agent ask again.',
  },
  'payload-too-large': {
    status: 413,
    title: 'The body is too large',
    when: 'The body is over 64 KiB.',
    mend: 'Send less; a request for a lease describes a task, it does not carry its data.',
  },
  'idempotency-mismatch': {
    status: 422,
    title: 'The Idempotency-Key stands for another request',
    when: 'The key was used within 24 hours with another body.',
    mend: 'Use a new key for a new request.',
  },
  'quota-exceeded': {
    status: 429,
    title: 'Too many at once',
    when: 'A limit on open leases, credentials or pending approvals is reached.',
    mend: 'Complete what is open, then retry after `Retry-After` seconds.',
  },
  'rate-limited': {
    status: 429,
    title: 'Too fast',
    when: 'Too many requests a minute from this agent or address.',
    mend: 'Retry after `Retry-After` seconds.',
  },
  internal: {
    status: 500,
    title: 'A fault in Mayfly',
    when: 'A bug. Nothing was granted.',
    mend: 'Give the operator the `instance`: the log has the cause under the same id.',
  },
  'provider-unavailable': {
    status: 502,
    title: 'A credential could not be minted',
    when: 'A provider failed. The lease is closed again and nothing is left alive.',
    mend: 'Ask again later; the operator finds the cause in the log.',
  },
  unavailable: {
    status: 503,
    title: 'Not available now',
    when: 'The broker is starting, stopping or in recovery, the store cannot be written, or the configuration changed in the middle of the request.',
    mend: 'Ask again in a moment; `/readyz` says what is missing.',
  },
  frozen: {
    status: 503,
    title: 'Frozen',
    when: 'A freeze covers it: everything, the agent, its owner, the task, the lease, a provider or a grant.',
    mend: 'Nothing is lost. Ask again once an operator has lifted the freeze (`mayfly unfreeze`).',
  },
}

/** In the order of the table, for whoever describes them. */
export const PROBLEM_SLUGS = Object.keys(PROBLEMS) as readonly ProblemSlug[]

/** RFC 9457, with the members of the API's error table. `instance` is the request id. */
export interface Problem {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: JsonObject
}

/** The only place where a refusal becomes a status. A new refusal does not compile until it has a line here. */
export function toProblem(refusal: HttpRefusal, instance: string): Problem {
  const { status, title } = PROBLEMS[refusal.reason]
  const { detail, headers, ...members } = describe(refusal)
  return {
    status,
    headers: headers ?? {},
    body: { type: `urn:mayfly:problem:${refusal.reason}`, title, status, detail, instance, ...members },
  }
}

type Described = JsonObject & { readonly detail: string } & { readonly headers?: Readonly<Record<string, string>> }

function describe(refusal: HttpRefusal): Described {
  switch (refusal.reason) {
    case 'invalid-request':
    case 'not-granted':
      return { detail: refusal.detail, ...fieldErrors(refusal.errors) }
    case 'unauthenticated':
      return { detail: refusal.detail, headers: { 'WWW-Authenticate': 'Bearer realm="mayfly", error="invalid_token"' } }
    case 'denied':
      return { detail: refusal.detail, decision: decisionOnWire(refusal.decision) }
    case 'forbidden':
      return { detail: refusal.detail, ...(refusal.hint !== undefined && { hint: refusal.hint }) }
    case 'unknown-agent':
    case 'frozen':
    case 'gone':
    case 'provider-unavailable':
    case 'unavailable':
      return { detail: refusal.detail }
    case 'not-found':
      return { detail: 'There is no such thing, or it is not yours to see.' }
    case 'method-not-allowed':
      return { detail: `This path takes ${refusal.allow.join(', ')}.`, headers: { Allow: refusal.allow.join(', ') } }
    case 'conflict':
      return {
        detail: refusal.detail,
        ...(refusal.state === null ? {} : { state: refusal.state }),
        ...(refusal.agents && { agents: [...refusal.agents] }),
      }
    case 'payload-too-large':
      // The rest of the body is not read, so the connection cannot be used again.
      return { detail: 'A body has at most 64 KiB.', headers: { Connection: 'close' } }
    case 'idempotency-mismatch':
      return { detail: 'This Idempotency-Key was used with another body. Use a new key.' }
    case 'quota-exceeded':
    case 'rate-limited':
      return { detail: refusal.detail, headers: { 'Retry-After': String(refusal.retryAfterSeconds) } }
    case 'internal':
      return { detail: 'Something went wrong inside the broker. Nothing was granted.' }
  }
}

function fieldErrors(errors: readonly FieldError[] | undefined): JsonObject {
  return errors ? { errors: errors.map(({ path, message }) => ({ path, message })) } : {}
}
