import { readFile } from 'node:fs/promises'
import type { Clock } from '../../broker/ports.ts'
import { Secret } from '../../core/secret.ts'
import { SECOND_MS, type Instant } from '../../core/time.ts'
import { failureOf, VaultFailure } from './failure.ts'
import type { VaultAuth, VaultTimings } from './settings.ts'
import { letGo } from './let-go.ts'
import type { Transport, VaultAnswer, VaultRequest } from './transport.ts'
import { readLogin, readOwnToken, readRenewedToken } from './wire.ts'

/** What the broker's own token lets it do, asked with that token. */
export type OwnRequest = Omit<VaultRequest, 'token'>

/** The broker's own login at one Vault. */
export interface OwnToken {
  /** Asks with the broker's own token; logs in first where there is none, and anew where Vault no longer knows it. */
  ask(request: OwnRequest): Promise<VaultAnswer>
  /** Renews the login where two thirds of its life are over. Throws a `VaultFailure`. */
  upkeep(signal: AbortSignal): Promise<void>
  /** Whether there is a login that has not run out. */
  held(): boolean
  /** Gives up a login that was made for one look; a token from a file is its owner's and stays. */
  release(signal: AbortSignal): Promise<void>
}

interface Session {
  readonly token: Secret<string>
  readonly renewable: boolean
  /** The whole life that the login gave. */
  readonly lifeMs: number
  /** Infinity for a token without end. */
  readonly endsAt: Instant
  readonly renewAt: Instant
}

export interface OwnTokenParts {
  readonly auth: VaultAuth
  readonly transport: Transport
  readonly clock: Clock
  readonly timings: VaultTimings
}

const LOOKUP_SELF = 'auth/token/lookup-self'
const RENEW_SELF = 'auth/token/renew-self'

export function createOwnToken({ auth, transport, clock, timings }: OwnTokenParts): OwnToken {
  let session: Session | undefined
  let loggingIn: Promise<Session> | undefined

  const isOver = (held: Session): boolean => clock() >= held.endsAt

  /** Whoever comes while a login is under way waits for it, and nobody who goes away ends it for the others. */
  function current(signal: AbortSignal): Promise<Session> {
    if (session && !isOver(session)) return Promise.resolve(session)
    loggingIn ??= logIn(AbortSignal.timeout(timings.callMs))
      .then((made) => (session = made))
      .finally(() => (loggingIn = undefined))
    return letGo(loggingIn, signal)
  }

  async function logIn(signal: AbortSignal): Promise<Session> {
    const at = clock()
    const login = await loginOf(auth)
    if (login.path === null) {
      const answer = await transport({ method: 'GET', path: LOOKUP_SELF, token: login.token, signal })
      const own = readOwnToken(answer)
      if (!own) throw failureOf(LOOKUP_SELF, answer)
      return sessionOf(login.token, own.ttl, own.renewable, at)
    }
    const answer = await transport({ method: 'POST', path: login.path, token: null, data: login.data, signal })
    const made = readLogin(answer)
    if (!made) throw failureOf(login.path, answer)
    return sessionOf(made.client_token, made.lease_duration, made.renewable, at)
  }

  async function ask(request: OwnRequest): Promise<VaultAnswer> {
    const held = await current(request.signal)
    const answer = await transport({ ...request, token: held.token })
    if (answer.kind !== 'answered' || answer.status !== 403) return answer
    // The same status says that the token is unknown and that it may not do this. Where that cannot be told, neither is said.
    const look = await transport({ method: 'GET', path: LOOKUP_SELF, token: held.token, signal: request.signal })
    if (look.kind !== 'answered' || look.status !== 403) return readOwnToken(look) ? answer : look
    if (session === held) session = undefined
    return await transport({ ...request, token: (await current(request.signal)).token })
  }

  async function upkeep(signal: AbortSignal): Promise<void> {
    const held = session
    if (!held || clock() < held.renewAt) return
    const renewed = held.renewable && !isOver(held) ? await renew(held, signal) : undefined
    if (session !== held) return
    session = renewed
    await current(signal)
  }

  /** The renewed login; undefined where a new one has to be made: it is refused, or its maximum is near. */
  async function renew(held: Session, signal: AbortSignal): Promise<Session | undefined> {
    const at = clock()
    const answer = await transport({ method: 'POST', path: RENEW_SELF, token: held.token, signal })
    if (answer.kind === 'answered' && answer.status >= 400 && answer.status < 500 && answer.status !== 429)
      return undefined
    const life = readRenewedToken(answer)
    if (!life) throw failureOf(RENEW_SELF, answer)
    const renewed = sessionOf(held.token, life.lease_duration, life.renewable, at)
    return renewed.lifeMs * 2 < held.lifeMs ? undefined : { ...renewed, lifeMs: held.lifeMs }
  }

  async function release(signal: AbortSignal): Promise<void> {
    const held = session
    session = undefined
    if (!held || auth.method === 'token') return
    await transport({ method: 'POST', path: 'auth/token/revoke-self', token: held.token, signal })
  }

  return { ask, upkeep, release, held: () => session !== undefined && !isOver(session) }
}

/** Counted from before the request, so that it is never thought to live longer than it does. */
function sessionOf(token: Secret<string>, seconds: number, renewable: boolean, at: Instant): Session {
  const lifeMs = seconds === 0 ? Infinity : seconds * SECOND_MS
  return { token, renewable, lifeMs, endsAt: at + lifeMs, renewAt: at + (lifeMs * 2) / 3 }
}

type Login =
  | { readonly path: null; readonly token: Secret<string> }
  | { readonly path: string; readonly data: Readonly<Record<string, string>> }

async function loginOf(auth: VaultAuth): Promise<Login> {
  switch (auth.method) {
    case 'token':
      return { path: null, token: new Secret(await fileText(auth.tokenFile)) }
    case 'approle': {
      const [roleId, secretId] = [await fileText(auth.roleIdFile), await fileText(auth.secretIdFile)]
      return { path: `auth/${auth.mount}/login`, data: { role_id: roleId, secret_id: secretId } }
    }
    case 'jwt':
      return { path: `auth/${auth.mount}/login`, data: { role: auth.role, jwt: await fileText(auth.jwtFile) } }
  }
}

async function fileText(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => '')
  if (text.trim() === '') throw new VaultFailure(`${file} could not be read, or is empty`, null)
  return text.trim()
}
