import nodeVault from 'node-vault'
import type { Json, JsonObject } from '../../core/json.ts'
import type { Secret } from '../../core/secret.ts'
import { pinnedAgents } from './pinned-agent.ts'

export interface VaultRequest {
  readonly method: 'GET' | 'POST'
  /** Below `/v1/`; every part of it from outside the code MUST have passed names.ts. */
  readonly path: string
  /** Null for what needs none: a login, the health. */
  readonly token: Secret<string> | null
  readonly data?: JsonObject
  readonly signal: AbortSignal
}

/** What Vault said, of any status; `body` is null where it is empty. Or why it said nothing: a code, and no more. */
export type VaultAnswer =
  | { readonly kind: 'answered'; readonly status: number; readonly body: Json }
  | { readonly kind: 'unanswered'; readonly why: string }

/** One request to one Vault. Never throws, and never retries: the caller knows what a second try could do. */
export type Transport = (request: VaultRequest) => Promise<VaultAnswer>

export interface TransportSettings {
  readonly address: string
  readonly namespace: string | null
  readonly ca: () => Promise<string | null>
  /** How long one request may take, in milliseconds. */
  readonly callMs: number
}

/**
 * node-vault, used for `read` and `write` and nothing else. Its own commands drop members, rename endpoints and change the
 * client's token; its environment variables set a token, a namespace and a prefix; its errors carry the request. So it
 * holds no token, its headers and connections are new for every request, every answer comes back as it is, and an
 * error's code is all that is kept of it.
 */
export function createTransport({ address, namespace, ca, callMs }: TransportSettings): Transport {
  const origin = new URL(address)
  const client = nodeVault({ endpoint: origin.origin, debug: () => undefined })
  Object.assign(client, {
    token: '',
    namespace: '',
    pathPrefix: '',
    handleVaultResponse: (response: unknown) => Promise.resolve(response),
  })

  return async ({ method, path, token, data, signal }) => {
    const ended = AbortSignal.any([signal, AbortSignal.timeout(callMs)])
    try {
      const trusted = await ca()
      ended.throwIfAborted()
      using agents = pinnedAgents(origin, trusted)
      const options = {
        // No `strictSSL` or `ca` beside them: with either, node-vault makes an agent of its own instead.
        httpAgent: agents.httpAgent,
        httpsAgent: agents.httpsAgent,
        headers: {
          'X-Vault-Request': 'true',
          ...(token !== null && { 'X-Vault-Token': token.unwrap() }),
          ...(namespace !== null && { 'X-Vault-Namespace': namespace }),
        },
      }
      const asked = method === 'GET' ? client.read(path, options) : client.write(path, data ?? {}, options)
      return read(await until(ended, asked))
    } catch (error) {
      const why = signal.aborted ? 'the broker gave up' : ended.aborted ? 'it took too long' : codeOf(error)
      return { kind: 'unanswered', why }
    }
  }
}

/** What the response handler let through. The library hands over text where a body was not JSON. */
function read(response: unknown): VaultAnswer {
  if (typeof response !== 'object' || response === null) return { kind: 'unanswered', why: 'no response' }
  const { statusCode, body } = response as { readonly statusCode?: unknown; readonly body?: Json }
  if (typeof statusCode !== 'number') return { kind: 'unanswered', why: 'no status' }
  return { kind: 'answered', status: statusCode, body: body === undefined || body === '' ? null : body }
}

/** The library takes no signal: whoever waits is let go, and disposing of the agents ends the connection. */
function until(signal: AbortSignal, work: Promise<unknown>): Promise<unknown> {
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const abort = (): void => reject(new Error('Given up'))
  signal.addEventListener('abort', abort, { once: true })
  return Promise.race([work, aborted]).finally(() => signal.removeEventListener('abort', abort))
}

/** `ECONNREFUSED` and its like. Everything else about the error may hold the token, the body or an address. */
function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' && /^[A-Z0-9_]{1,48}$/.test(code) ? code : 'an unknown failure'
}
