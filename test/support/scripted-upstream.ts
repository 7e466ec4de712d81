import { randomBytes } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { UpstreamProvider } from '../../src/broker/provider-port.ts'
import { gate } from './gate.ts'
import { upstreamProvider, type Ask, type Body, type Reply, type UpstreamTraits } from './upstream-provider.ts'

/**
 * What becomes of one mint. `lost`: made, and the answer never arrives. `silent`: made, and never answered. `held`: waits
 * for `open` before anything is made. `unknown`: made, and answered with 500. The last three are made, and made wrongly.
 */
export type MintScript =
  | ('ok' | 'slow' | 'held' | 'lost' | 'silent' | 'unreachable' | 'permanent' | 'throttled' | 'unknown' | 'throws')
  | ('outlives' | 'overpromises' | 'nameless')

/**
 * What becomes of one revocation. `lost`: done, and the answer never arrives. `gone`: somebody else ended it before, and
 * it is not found. `propagating`: confirmed, and it works for another `propagationMs`.
 */
export type RevokeScript =
  | ('ok' | 'slow' | 'held' | 'lost' | 'silent' | 'unreachable' | 'permanent' | 'throttled' | 'unknown' | 'throws')
  | ('gone' | 'propagating' | 'at_expiry')

/** What becomes of one cut-off. */
export type CutOffScript = 'ok' | 'held' | 'silent' | 'unreachable' | 'unknown'

/** One word for every call, a word for each of the next calls (and `ok` after them), or a word by handle. */
type Script<T> = T | readonly T[] | ((handle: string) => T)

interface Scripts {
  readonly mint?: Script<MintScript>
  readonly revoke?: Script<RevokeScript>
  readonly cutOff?: Script<CutOffScript>
}

export interface ScriptedUpstreamOptions extends UpstreamTraits {
  /** A revocation of something younger finds nothing, although it works. Default 0. */
  readonly visibleAfterMs?: number
  /** How long `slow` takes. Default 50. */
  readonly slowMs?: number
  /** How long `propagating` takes, by the clock. Default 5 minutes. */
  readonly propagationMs?: number
}

/** An upstream that a test scripts. It keeps the truth about what works, whatever the broker believes. */
export interface ScriptedUpstream {
  readonly name: string
  readonly provider: UpstreamProvider
  /** The same in one function, for a broker in another process (upstream-server.ts). */
  readonly answer: Ask
  readonly traits: UpstreamTraits
  /** Handles of what works at this instant. */
  readonly live: () => readonly string[]
  /** How often each handle was asked for, whatever came of it. */
  readonly mints: ReadonlyMap<string, number>
  /** How often each handle was asked back, whatever came of it. */
  readonly revocations: ReadonlyMap<string, number>
  /** Everything secret that it has ever said or been told. */
  readonly canaries: () => readonly string[]
  /** What becomes of the next calls; a verb that is not named stays as it is. */
  readonly script: (next: Scripts) => void
  /** Resolves when a call of this kind is held. */
  readonly reached: (verb: 'mint' | 'revoke' | 'cutOff') => Promise<void>
  /** Lets every held call go on. */
  readonly open: () => void
  /** By default the real clock; a test hands over the one of its broker. */
  readonly followClock: (clock: () => number) => void
}

interface Made {
  readonly accessor: string
  readonly secret: string
  readonly bornAt: number
  /** When it ends by itself, or earlier by a revocation that is still spreading. */
  endsAt: number
}

const OK: Reply = { status: 200, body: {} }
const STATUS = { permanent: 403, throttled: 429, unknown: 500, at_expiry: 202 } as const
const canary = (what: string): string => `canary-${what}-${randomBytes(16).toString('hex')}`

/** The connection broke before an answer came. */
export class ConnectionLost extends Error {}

export function scriptedUpstream(options: ScriptedUpstreamOptions = {}): ScriptedUpstream {
  const { visibleAfterMs = 0, slowMs = 50, propagationMs = 300_000 } = options
  const traits = { name: 'up', consistencyMs: visibleAfterMs, token: canary('token'), ...options }
  const all = new Map<string, Made>()
  const [mints, revocations] = [new Map<string, number>(), new Map<string, number>()]
  const said: string[] = [traits.token]
  const scripts = {
    mint: [] as Script<MintScript>,
    revoke: [] as Script<RevokeScript>,
    cutOff: [] as Script<CutOffScript>,
  }
  const gates = { mint: gate(), revoke: gate(), cutOff: gate() }
  let clock = Date.now

  const next = {
    mint: (handle: string): MintScript => {
      const [word, rest] = nextWord(scripts.mint, handle)
      scripts.mint = rest
      return word
    },
    revoke: (handle: string): RevokeScript => {
      const [word, rest] = nextWord(scripts.revoke, handle)
      scripts.revoke = rest
      return word
    },
    cutOff: (): CutOffScript => {
      const [word, rest] = nextWord(scripts.cutOff, '')
      scripts.cutOff = rest
      return word
    },
  }

  function create(handle: string, notAfter: number): Made {
    const made = { accessor: canary('accessor'), secret: canary('secret'), bornAt: clock(), endsAt: notAfter }
    said.push(made.accessor, made.secret)
    all.set(handle, made)
    return made
  }

  const verbs: Readonly<Record<string, (body: Body, signal: AbortSignal) => Promise<Reply>>> = {
    '/mint': async (body, signal) => {
      const [handle, notAfter, deadline] = [String(body['handle']), Number(body['not_after']), Number(body['deadline'])]
      count(mints, handle)
      const word = next.mint(handle)
      if (word === 'slow') await wait(slowMs)
      if (word === 'held') await gates.mint.hold()
      if (word === 'unreachable') throw new ConnectionLost('Nobody is there')
      if (word === 'permanent' || word === 'throttled') return { status: STATUS[word], body: {} }
      if (word === 'throws') return { status: 200, body: { bug: true } }
      if (all.has(handle)) return { status: 409, body: {} }
      const { accessor } = create(handle, notAfter)
      if (word === 'lost') throw new ConnectionLost('The answer was lost')
      if (word === 'silent') return aborted(signal)
      if (word === 'unknown') return { status: STATUS.unknown, body: {} }
      const hardExpiresAt = word === 'outlives' ? notAfter + 60_000 : notAfter
      const expiresAt = word === 'overpromises' ? deadline + 60_000 : deadline
      const named = word !== 'nameless'
      return { status: 200, body: { accessor, named, expires_at: expiresAt, hard_expires_at: hardExpiresAt } }
    },
    '/reveal': (body) => {
      const made = all.get(String(body['handle']))
      return Promise.resolve(made ? { status: 200, body: { secret: made.secret } } : { status: 404, body: {} })
    },
    '/revoke': async (body, signal) => {
      const handle = String(body['handle'])
      count(revocations, handle)
      const word = next.revoke(handle)
      if (word === 'slow') await wait(slowMs)
      if (word === 'held') await gates.revoke.hold()
      if (word === 'unreachable') throw new ConnectionLost('Nobody is there')
      if (word === 'throws') return { status: 200, body: { bug: true } }
      if (word === 'permanent' || word === 'throttled' || word === 'unknown' || word === 'at_expiry')
        return { status: STATUS[word], body: {} }
      const made = all.get(handle)
      const accessor = body['accessor'] ?? null
      if (made && accessor !== null && accessor !== made.accessor) return { status: 400, body: {} }
      const found = made !== undefined && clock() < made.endsAt && clock() - made.bornAt >= visibleAfterMs
      if (!found) return { status: 404, body: {} }
      const effectiveAfter = clock() + propagationMs
      made.endsAt = word === 'propagating' ? Math.min(made.endsAt, effectiveAfter) : 0
      if (word === 'gone') return { status: 404, body: {} }
      if (word === 'lost') throw new ConnectionLost('The answer was lost')
      if (word === 'silent') return aborted(signal)
      return word === 'propagating' ? { status: 200, body: { effective_after: effectiveAfter } } : OK
    },
    '/cut-off': async (body, signal) => {
      const word = next.cutOff()
      if (word === 'held') await gates.cutOff.hold()
      if (word === 'silent') return aborted(signal)
      if (word === 'unreachable') throw new ConnectionLost('Nobody is there')
      if (word === 'unknown') return { status: STATUS.unknown, body: {} }
      const older = [...all.values()].filter(
        ({ bornAt, endsAt }) => bornAt < Number(body['before']) && clock() < endsAt,
      )
      for (const made of older) made.endsAt = 0
      return { status: 200, body: { ended: older.length } }
    },
  }

  const answer: Ask = async (path, body, signal) => {
    if (body['token'] !== traits.token) return { status: 401, body: {} }
    return (await verbs[path]?.(body, signal)) ?? { status: 501, body: {} }
  }

  return {
    name: traits.name,
    traits,
    answer,
    provider: upstreamProvider(traits, answer),
    live: () => [...all].flatMap(([handle, { endsAt }]) => (clock() < endsAt ? [handle] : [])),
    mints,
    revocations,
    canaries: () => said,
    script: (words) => void Object.assign(scripts, words),
    reached: (verb) => gates[verb].reached(),
    open: () => {
      gates.mint.open()
      gates.revoke.open()
      gates.cutOff.open()
    },
    followClock: (followed) => void (clock = followed),
  }
}

const count = (counts: Map<string, number>, handle: string): void =>
  void counts.set(handle, (counts.get(handle) ?? 0) + 1)

/** The word for one call, and what is left of the script. */
function nextWord<T extends string>(script: Script<T>, handle: string): readonly [T | 'ok', Script<T>] {
  if (typeof script === 'string') return [script, script]
  if (typeof script === 'function') return [script(handle), script]
  const [word = 'ok' as const, ...rest] = script
  return [word, rest]
}

/** The caller gives up; the upstream never says anything. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const end = (): void => {
      reject(new ConnectionLost('The caller gave up'))
    }
    if (signal.aborted) end()
    else signal.addEventListener('abort', end)
  })
}
