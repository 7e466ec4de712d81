import type { Decision, ProblemDocument } from './resources.ts'

type SlugOf<Type> = Type extends `urn:mayfly:problem:${infer Slug}` ? Slug : never

/** Every refusal that the API documents. A newer broker may know more. */
export type ProblemSlug = SlugOf<ProblemDocument['type']>

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: unknown
}

/**
 * The broker answered, and it was no (RFC 9457). `slug` says which no; it is null where something between here and the
 * broker answered in its place.
 */
export class MayflyProblem extends Error {
  override readonly name = 'MayflyProblem'
  readonly slug: ProblemSlug | (string & Record<never, never>) | null
  readonly status: number
  readonly title: string
  /** Text for people: what is wrong and what to do. */
  readonly detail: string
  /** Each names a place in the request (a JSON Pointer) and what is wrong with it. */
  readonly errors: NonNullable<ProblemDocument['errors']>
  /** Which rules said no, where rules did. */
  readonly decision: Decision | null
  /** The state that did not allow it, on a conflict. */
  readonly state: string | null
  /** The agents that it could be about, where a name is not enough. */
  readonly agents: readonly string[]
  readonly hint: string | null
  /** Names the request in the broker's log. */
  readonly requestId: string | null
  /** Seconds to wait before asking again. */
  readonly retryAfter: number | null

  constructor({ status, headers, body }: Answer) {
    const problem = documentOf(body)
    const slug = problem?.type?.replace('urn:mayfly:problem:', '') ?? null
    const detail =
      problem?.detail ?? `HTTP ${status} without a problem document: it does not come from the broker itself.`
    super(`${detail} (${slug ?? 'HTTP'} ${status})`)
    this.slug = slug
    this.status = status
    this.title = problem?.title ?? `HTTP ${status}`
    this.detail = detail
    this.errors = problem?.errors ?? []
    this.decision = problem?.decision ?? null
    this.state = problem?.state ?? null
    this.agents = problem?.agents ?? []
    this.hint = problem?.hint ?? null
    this.requestId = problem?.instance ?? headers.get('request-id')
    this.retryAfter = secondsOf(headers.get('retry-after'))
  }
}

/** The one refusal that needs no broker: what such an id would name cannot be written into a path. */
export function noSuchThing(): MayflyProblem {
  const detail = 'There is no such thing, or it is not yours to see.'
  const body = { type: 'urn:mayfly:problem:not-found', title: 'No such thing', status: 404, detail }
  return new MayflyProblem({ status: 404, headers: new Headers(), body })
}

/** The document, as far as it has the form of one. A proxy's page has not. */
function documentOf(body: unknown): Partial<ProblemDocument> | undefined {
  if (typeof body !== 'object' || body === null) return undefined
  const { type, detail } = 'type' in body && 'detail' in body ? body : {}
  if (typeof type === 'string' && typeof detail === 'string') return body
  // OAuth's endpoints answer in the form of RFC 6749 section 5.2, which has no slug.
  const { error, error_description: text } = 'error' in body && 'error_description' in body ? body : {}
  return typeof error === 'string' && typeof text === 'string' ? { title: error, detail: text } : undefined
}

const secondsOf = (header: string | null): number | null => (header && /^\d{1,9}$/.test(header) ? Number(header) : null)
