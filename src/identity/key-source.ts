import type { KeyObject } from 'node:crypto'
import type { Clock } from '../broker/ports.ts'
import { err, ok, type Result } from '../core/result.ts'
import { HOUR_MS, MINUTE_MS, SECOND_MS, type Instant } from '../core/time.ts'
import type { KeySet } from './key-set.ts'

/** Older keys are confirmed before they are used: the issuer may have taken one of them back. */
const SOFT_AGE_MS = 10 * MINUTE_MS
/** Keys that the issuer has not confirmed for this long prove nothing any more. */
const HARD_AGE_MS = 24 * HOUR_MS
/** An unknown key makes the broker ask again at most this often: its name is anybody's to invent. */
const REFETCH_MS = 30 * SECOND_MS
/** How soon a failed first reading is tried again. */
const RETRY_MS = 2 * SECOND_MS

interface WantedKey {
  readonly algorithm: string
  readonly kid: string | null
}

interface FoundKey {
  readonly key: KeyObject
  /** Digest of the key set that it is from. */
  readonly from: string
}

/** One issuer's keys, held in memory and kept fresh. */
export interface KeySource {
  /** The one key that a token names. The error is for the operator. */
  find(wanted: WantedKey): Promise<Result<FoundKey, string>>
  /** Digest of the keys that hold now, undefined where `find` has to look. Looking also keeps them fresh. */
  digest(): string | undefined
  /** The next `find` reads the keys anew, whatever their age. */
  confirm(): void
}

/**
 * Keys from `load`, which is never run twice at a time. An outage costs nothing that is already known: held keys keep
 * serving, for at most a day. Rotation is picked up by an unknown key, and removal ten minutes later, however long nobody
 * came by in between.
 */
export function createKeySource(load: () => Promise<Result<KeySet, string>>, clock: Clock): KeySource {
  let held: KeySet | undefined
  let failure: string | undefined
  let loadedAt: Instant = -Infinity
  let attemptedAt: Instant = -Infinity
  let settledAt: Instant = -Infinity
  let refetchedAt: Instant = -Infinity
  let loading: Promise<void> | undefined

  const reload = (): Promise<void> =>
    (loading ??= attempt().finally(() => {
      loading = undefined
    }))

  async function attempt(): Promise<void> {
    attemptedAt = clock()
    const loaded = await load()
    failure = loaded.ok ? undefined : loaded.error
    settledAt = clock()
    if (loaded.ok) [held, loadedAt] = [loaded.value, settledAt]
  }

  /** A clock that was set back must not make anybody wait for it to catch up. */
  function passed(since: Instant, ms: number): boolean {
    const elapsed = clock() - since
    return elapsed >= ms || elapsed < 0
  }

  /** In an outage only the first who comes waits; after that the attempts go on beside the requests. */
  const unconfirmed = (): boolean => held !== undefined && passed(settledAt, SOFT_AGE_MS)

  function current(): KeySet | undefined {
    if (held && passed(loadedAt, SOFT_AGE_MS) && passed(attemptedAt, REFETCH_MS)) void reload()
    return clock() - loadedAt < HARD_AGE_MS ? held : undefined
  }

  async function find(wanted: WantedKey): Promise<Result<FoundKey, string>> {
    const confirming = unconfirmed()
    if (confirming) await reload()
    const known = current()
    const found = known && select(known, wanted)
    if (found?.ok) return found
    // Whoever comes while keys are being read waits for them: after a rotation many new tokens arrive at once.
    const due = known ? !confirming && passed(refetchedAt, REFETCH_MS) : passed(attemptedAt, RETRY_MS)
    if (loading || due) {
      if (!loading && known) refetchedAt = clock()
      await reload()
    }
    const now = current()
    const again = now ? select(now, wanted) : err('there are no keys of this issuer')
    return again.ok || failure === undefined ? again : err(`${again.error}, and the last reading failed: ${failure}`)
  }

  return {
    find,
    digest: () => (unconfirmed() ? undefined : current()?.digest),
    confirm() {
      settledAt = -Infinity
    },
  }
}

/** A token without a `kid` is fine where there is no choice. Where there is one, guessing would be the attacker's choice. */
function select(keySet: KeySet, { algorithm, kid }: WantedKey): Result<FoundKey, string> {
  const fitting = keySet.keys.filter(
    (key) => (kid === null || key.kid === kid) && key.algorithms.some((each) => each === algorithm),
  )
  const [only] = fitting
  if (only && fitting.length === 1) return ok({ key: only.key, from: keySet.digest })
  const name = kid === null ? 'without kid' : JSON.stringify(kid.slice(0, 64))
  if (fitting.length > 1) return err(`${fitting.length} keys fit ${algorithm} ${name}`)
  const unusable = keySet.unusable.find((key) => key.kid === kid)
  return err(unusable ? `key ${name} can't be used: ${unusable.reason}` : `no key ${name} for ${algorithm}`)
}
