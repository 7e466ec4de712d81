import type { Clock } from '../../broker/ports.ts'
import type { JsonObject } from '../../core/json.ts'
import type { Secret } from '../../core/secret.ts'
import { SECOND_MS, type Instant } from '../../core/time.ts'
import { failureOf, VaultFailure } from './failure.ts'
import { letGo } from './let-go.ts'
import type { OwnToken } from './own-token.ts'
import type { VaultTimings } from './settings.ts'
import { readMadeToken, readRecorded, readRenewedToken, readWarnings } from './wire.ts'

/** A token that makes the tokens of tasks. Those end when it does. */
export interface Parent {
  readonly token: Secret<string>
  /** What later boots renew and end it by: its token is never written down. */
  readonly accessor: string
}

/**
 * The parents of this boot and of earlier ones. One is made when the first mint needs it: an orphan, so that it outlives
 * the broker's own login, and periodic, so that it lives exactly as long as some boot keeps renewing it.
 */
export interface Parents {
  /** Runs with this boot's parent, which is not taken for empty meanwhile. */
  with<T>(signal: AbortSignal, use: (parent: Parent) => Promise<T>): Promise<T>
  /** Forgets a parent that Vault no longer knows; whether it was so. Asks Vault. */
  lost(parent: Parent, signal: AbortSignal): Promise<boolean>
  /** Renews every parent that has live children, of whichever boot, and revokes those that have none left. */
  upkeep(signal: AbortSignal): Promise<void>
  /** Revokes every parent that is known, with all that it ever made, recorded or not; how many there were. */
  endAll(signal: AbortSignal): Promise<number>
}

export interface ParentsParts {
  readonly own: OwnToken
  readonly role: string
  readonly clock: Clock
  readonly recorded: () => Promise<readonly JsonObject[]>
  readonly lately: () => Promise<readonly JsonObject[]>
  readonly timings: VaultTimings
}

/** How often the records are gone through: they may be many. */
const PASS_MS = 30 * SECOND_MS

const LOOKUP = 'auth/token/lookup-accessor'
const RENEW = 'auth/token/renew-accessor'
const REVOKE = 'auth/token/revoke-accessor'

const parentsOf = async (recorded: ParentsParts['recorded']): Promise<ReadonlySet<string>> =>
  new Set((await recorded()).flatMap((kept) => readRecorded(kept)?.parent ?? []))

export function createParents({ own, role, clock, recorded, lately, timings }: ParentsParts): Parents {
  let current: Parent | undefined
  let making: Promise<Parent> | undefined
  /** Mints that run, and mints that ever began: between two looks at the records neither may have changed. */
  let [running, begun] = [0, 0]
  /** When each known parent is due for renewal. */
  const renewAt = new Map<string, Instant>()
  let passedAt: Instant = -Infinity

  async function make(): Promise<Parent> {
    const path = `auth/token/create/${role}`
    const at = clock()
    const data = { display_name: 'mayfly-parent' }
    const answer = await own.ask({ method: 'POST', path, data, signal: AbortSignal.timeout(timings.callMs) })
    const made = readMadeToken(answer)
    if (!made) throw failureOf(path, answer)
    const parent = { token: made.client_token, accessor: made.accessor }
    if (!made.orphan || !made.renewable || made.lease_duration === 0 || made.policies.includes('root')) {
      await end(parent.accessor, AbortSignal.timeout(timings.callMs))
      throw new VaultFailure(`The token role ${role} does not make renewable orphans with a period`, null)
    }
    renewAt.set(parent.accessor, at + (made.lease_duration * SECOND_MS * 2) / 3)
    return parent
  }

  async function use<T>(signal: AbortSignal, work: (parent: Parent) => Promise<T>): Promise<T> {
    running += 1
    begun += 1
    try {
      if (!current) {
        making ??= make()
          .then((made) => (current = made))
          .finally(() => (making = undefined))
        return await work(await letGo(making, signal))
      }
      return await work(current)
    } finally {
      running -= 1
    }
  }

  async function lost(parent: Parent, signal: AbortSignal): Promise<boolean> {
    const answer = await own.ask({ method: 'POST', path: LOOKUP, data: { accessor: parent.accessor }, signal })
    // OpenBao says 400 to an accessor that is gone, Vault 403 or 404. Where it is only forbidden, a new parent does no harm.
    if (answer.kind !== 'answered' || ![400, 403, 404].includes(answer.status)) return false
    if (current === parent) current = undefined
    renewAt.delete(parent.accessor)
    return true
  }

  async function upkeep(signal: AbortSignal): Promise<void> {
    if (clock() >= passedAt && clock() - passedAt < PASS_MS) return
    passedAt = clock()
    const before = begun
    const failures: unknown[] = []
    const live = await parentsOf(recorded).catch((failure: unknown) => {
      failures.push(failure)
      // Where a record cannot be read, none is taken for empty, and those that are known are kept all the same.
      return new Set(renewAt.keys())
    })
    // A mint that began since may have recorded a child that was not there to be seen.
    const idle = running === 0 && begun === before
    if (current && idle && !live.has(current.accessor)) current = undefined
    // Settled before the first request: a parent that a mint makes meanwhile is on neither list.
    const kept = new Set(current ? [...live, current.accessor] : live)
    const empty = idle ? [...renewAt.keys()].filter((accessor) => !kept.has(accessor)) : []
    const due = [...kept].filter((accessor) => clock() >= (renewAt.get(accessor) ?? -Infinity))

    for (const accessor of due) await renew(accessor, signal).catch((failure: unknown) => failures.push(failure))
    for (const accessor of empty) await end(accessor, signal).catch((failure: unknown) => failures.push(failure))
    if (failures.length > 0) throw failures[0]
  }

  /** One that is no longer there has taken its children with it: they are closed by their own rows. */
  async function renew(accessor: string, signal: AbortSignal): Promise<void> {
    const at = clock()
    const answer = await own.ask({ method: 'POST', path: RENEW, data: { accessor }, signal })
    const life = readRenewedToken(answer)
    if (life) return void renewAt.set(accessor, at + (life.lease_duration * SECOND_MS * 2) / 3)
    if (answer.kind !== 'answered' || (answer.status !== 400 && answer.status !== 404)) throw failureOf(RENEW, answer)
    if (current?.accessor === accessor) current = undefined
    renewAt.set(accessor, Infinity)
  }

  async function end(accessor: string, signal: AbortSignal): Promise<void> {
    const answer = await own.ask({ method: 'POST', path: REVOKE, data: { accessor }, signal })
    if (answer.kind !== 'answered' || (answer.status !== 204 && !readWarnings(answer))) throw failureOf(REVOKE, answer)
    renewAt.delete(accessor)
  }

  async function endAll(signal: AbortSignal): Promise<number> {
    const known = [...(await recorded()), ...(await lately())].flatMap((kept) => readRecorded(kept)?.parent ?? [])
    const all = new Set([...known, ...renewAt.keys()])
    current = undefined
    for (const accessor of all) await end(accessor, signal)
    return all.size
  }

  return { with: use, lost, upkeep, endAll }
}
