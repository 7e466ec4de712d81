import { createHash } from 'node:crypto'
import type { RevokeAnswer, UpstreamProvider } from '../../src/broker/provider-port.ts'
import type { Revocation } from '../../src/core/credential.ts'
import { err, ok } from '../../src/core/result.ts'
import { Secret } from '../../src/core/secret.ts'

/** What goes to and fro. */
export type Body = Readonly<Record<string, string | number | boolean | null>>

/** What a scripted upstream says to one call. */
export interface Reply {
  readonly status: number
  readonly body: Body
}

/** One call to it: in this process, or over HTTP. Rejects where the connection broke. */
export type Ask = (path: string, body: Body, signal: AbortSignal) => Promise<Reply>

/** What its provider says of itself. Plain JSON, so that it can be told to another process. */
export interface UpstreamTraits {
  /** Default `up`. */
  readonly name?: string
  readonly timeoutMs?: number
  readonly consistencyMs?: number
  readonly revocation?: Revocation
  /** The shortest life that this upstream can give: a shorter lease is outlived, and has to be taken back. */
  readonly leastLifeMs?: number
  /** Resources that it says it cannot narrow to. */
  readonly unnarrowable?: readonly string[]
  /** The broker's own secret at this upstream. */
  readonly token?: string
  /** Its errors hold that secret: for controls. */
  readonly leaky?: boolean
  /** It can end everything that was made before a moment, whether or not the ledger knows of it. */
  readonly cutsOff?: boolean
}

/** The provider in front of a scripted upstream: two calls a mint, with `record` between them, and one a revocation. */
export function upstreamProvider(traits: UpstreamTraits, ask: Ask): UpstreamProvider {
  const { name = 'up', timeoutMs = 5000, consistencyMs = 0, revocation = 'immediate', leastLifeMs = 0 } = traits
  const { token = '', unnarrowable = [], leaky = false } = traits

  async function must(path: string, body: Body, signal: AbortSignal): Promise<Body> {
    const reply = await orAborted(ask(path, { token, ...body }, signal), signal)
    if (reply.status !== 200) throw new Error(`The upstream answered ${reply.status}${leaky ? ` to ${token}` : ''}`)
    if (reply.body['bug'] === true) throw new TypeError('A bug of the provider')
    return reply.body
  }

  return {
    name,
    kind: 'upstream',
    timeoutMs,
    consistencyMs,
    plan: ({ credential, lease, access, now }) => {
      const wide = access.resources.find((resource) => unnarrowable.includes(resource))
      if (wide !== undefined) return err({ detail: `${wide} cannot be narrowed to` })
      const notAfter = Math.max(lease.expiresAt, now + leastLifeMs)
      return ok({ handle: `h-${credential}`, target: `${name}.test`, notAfter, revocation })
    },
    mint: async ({ lease }, { handle, notAfter }, record, signal) => {
      const made = await must('/mint', { handle, not_after: notAfter, deadline: lease.expiresAt }, signal)
      await record({ accessor: String(made['accessor'] ?? '') })
      const secret = String((await must('/reveal', { handle }, signal))['secret'] ?? '')
      return {
        value: new Secret({ username: handle, password: secret }),
        fingerprint: made['named'] === true ? createHash('sha256').update(secret).digest('hex') : '',
        expiresAt: Number(made['expires_at']),
        hardExpiresAt: Number(made['hard_expires_at']),
      }
    },
    revoke: async ({ handle, recorded }, signal) => {
      const body = { token, handle, accessor: typeof recorded?.['accessor'] === 'string' ? recorded['accessor'] : null }
      const reply = await orAborted(ask('/revoke', body, signal), signal).catch(() => undefined)
      if (reply?.body['bug'] === true) throw new TypeError('A bug of the provider')
      return classOf(reply)
    },
    check: () => Promise.resolve([]),
    ...(traits.cutsOff && {
      cutOff: async (before, signal) => {
        const { ended } = await must('/cut-off', { before }, signal)
        return { ended: [`credentials ended: ${String(ended)}`], remains: ['Copies that somebody made of the data'] }
      },
    }),
  }
}

function classOf(reply: Reply | undefined): RevokeAnswer {
  if (!reply) return { class: 'unreachable', detail: 'The upstream could not be reached' }
  const detail = `The upstream answered ${reply.status}`
  switch (reply.status) {
    case 200:
      return { class: 'revoked', effectiveAfter: Number(reply.body['effective_after'] ?? 0) || null }
    case 202:
      return { class: 'at_expiry' }
    case 404:
      return { class: 'gone' }
    case 403:
      return { class: 'permanent', detail }
    case 429:
      return { class: 'throttled', detail }
    default:
      return { class: 'unknown', detail }
  }
}

/** The signal ends the call for its caller; what the upstream does about it is the upstream's. */
function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  work.catch(() => undefined)
  return new Promise((resolve, reject) => {
    const end = (): void => {
      reject(new Error('The call was given up'))
    }
    if (signal.aborted) end()
    signal.addEventListener('abort', end)
    work.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', end)
    })
  })
}
