import { MayflyProblem, noSuchThing } from './mayfly-problem.ts'
import { MayflyUnreachable } from './mayfly-unreachable.ts'

type Fetch = (url: string, init: RequestInit) => Promise<Response>

export interface ClientOptions {
  /** Where the broker listens, such as `http://127.0.0.1:8700`. A path in front of the API is kept. */
  readonly url: string
  /** An identity, lease, PEP or operator token. A function is asked before every call, for tokens that are renewed. */
  readonly token?: string | (() => string | Promise<string>)
  /** The global `fetch` if left out. */
  readonly fetch?: Fetch
  /** For one call, 10,000 if left out. A long-poll gets this on top of its wait. */
  readonly timeoutMs?: number
}

/** Taken by every call. */
export interface CallOptions {
  /** Gives the call up; it rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

interface Call {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly query?: Readonly<Record<string, string | number | undefined>>
  readonly body?: object
  readonly form?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  /** How long the broker may hold the answer back. */
  readonly waitSeconds?: number
  /** Statuses that are no refusal here, beside 2xx. */
  readonly accept?: readonly number[]
}

/** One broker and one proof of identity. */
export interface Transport {
  readonly url: string
  readonly json: <T>(call: Call, options?: CallOptions) => Promise<T>
  readonly text: (call: Call, options?: CallOptions) => Promise<string>
  /** The same broker, asked with another token. */
  readonly withToken: (token: string) => Transport
}

const DEFAULT_TIMEOUT_MS = 10_000

export function createTransport(options: ClientOptions): Transport {
  const url = baseOf(options.url)
  const { fetch = globalThis.fetch, timeoutMs = DEFAULT_TIMEOUT_MS } = options

  async function text(call: Call, { signal }: CallOptions = {}): Promise<string> {
    signal?.throwIfAborted()
    const headers = { ...(await authorization(options.token)), ...call.headers, ...typeOf(call) }
    const timeout = AbortSignal.timeout(timeoutMs + (call.waitSeconds ?? 0) * 1000)
    const init = {
      method: call.method,
      headers: { Accept: 'application/json', ...headers },
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      // The broker redirects nobody, and a token must not go where somebody else points.
      redirect: 'error' as const,
      ...bodyOf(call),
    }
    let answer: Response
    let body: string
    try {
      answer = await fetch(url + call.path + queryOf(call), init)
      body = await answer.text()
    } catch (error) {
      signal?.throwIfAborted()
      throw new MayflyUnreachable(
        timeout.aborted ? 'timeout' : 'no-connection',
        url,
        timeout.aborted ? undefined : error,
      )
    }
    if (answer.ok || call.accept?.includes(answer.status)) return body
    throw new MayflyProblem({ status: answer.status, headers: answer.headers, body: parse(body) })
  }

  return {
    url,
    text,
    json: async <T>(call: Call, given?: CallOptions) => {
      const value = parse(await text(call, given))
      // Said without the text: it may hold a secret.
      if (value === undefined) throw new MayflyUnreachable('not-mayfly', url)
      return value as T
    },
    withToken: (token) => createTransport({ ...options, token }),
  }
}

/** An id or name as one step of a path. A step of dots would be a way out of its folder. */
export function step(name: string): string {
  if (/^\.{0,2}$/.test(name)) throw noSuchThing()
  return encodeURIComponent(name)
}

function baseOf(text: string): string {
  const url = URL.parse(text)
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    throw new TypeError('The url must be one of http or https')
  if (url.username !== '' || url.password !== '') throw new TypeError('The url must not hold a user or password')
  return url.origin + url.pathname.replace(/\/+$/, '')
}

/** Checked here, because `fetch` would write a token that is no header value into its error. */
async function authorization(token: ClientOptions['token']): Promise<Readonly<Record<string, string>>> {
  const text = typeof token === 'function' ? await token() : token
  if (text === undefined) return {}
  if (!/^[!-~]+$/.test(text))
    throw new TypeError('The token is empty, or holds blanks or other signs that no token has')
  return { Authorization: `Bearer ${text}` }
}

const typeOf = ({ body }: Call) => (body ? { 'Content-Type': 'application/json' } : {})

function bodyOf({ body, form }: Call): { readonly body?: string | URLSearchParams } {
  if (form) return { body: new URLSearchParams(form) }
  return body ? { body: JSON.stringify(body) } : {}
}

function queryOf({ query = {} }: Call): string {
  const given = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined) given.append(name, String(value))
  return given.size === 0 ? '' : `?${given.toString()}`
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}
