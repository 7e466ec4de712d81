import type { AuditKind } from '../../src/core/audit.ts'
import type { Provider } from '../../src/broker/ports.ts'
import type { Transaction } from '../../src/broker/store-port.ts'
import type { SqliteStore } from '../../src/store/sqlite/open-store.ts'

/** A commit goes by the first name that fits: a credential that is only signed ends in the commit that closes its lease. */
const COMMITS = ['intent', 'release', 'renew', 'mark', 'lift', 'close', 'end', 'record'] as const

/**
 * What a broker is doing when it dies. Commits by what they write: `intent` and `release` are steps 1 and 4 of a mint,
 * `record` what it keeps in between, `close` the end of a lease, `end` that of one credential. Calls to an upstream:
 * `mint` and `reveal`, which are the two of one mint, and `revoke`.
 */
export type Commit = (typeof COMMITS)[number]
type Call = 'mint' | 'reveal' | 'revoke'

export interface KillPoint {
  readonly step: Commit | Call
  /** `inside`, of a commit: its rows are written and nothing is committed. Then the process kills itself. */
  readonly when: 'before' | 'inside' | 'after'
  /** At which occurrence, counted from 1, which is the default. */
  readonly nth?: number
}

const BY_KIND: Partial<Record<AuditKind, Commit>> = {
  'credential.intended': 'intent',
  'lease.granted': 'release',
  'credential.minted': 'release',
  'lease.renewed': 'renew',
  'lease.closed': 'close',
  'credential.closed': 'end',
  'freeze.set': 'mark',
  'mark.revoked': 'mark',
  'freeze.lifted': 'lift',
  'mark.restored': 'lift',
}

interface KillPoints {
  readonly arm: (point: KillPoint) => void
  /** From now on such commits are answered for, and not made: a broker that forgets, for controls. */
  readonly forget: (step: Commit) => void
  readonly store: (store: SqliteStore) => SqliteStore
  readonly provider: (provider: Provider) => Provider
}

/** The value of a step that a forgetful broker pretends to have stored. */
class Forgotten extends Error {
  readonly value: unknown
  constructor(value: unknown) {
    super('Forgotten')
    this.value = value
  }
}
class Held extends Error {}

const never = (): Promise<never> => new Promise(() => undefined)

/**
 * Stands in front of the ports of one broker. At the armed point nothing more happens: every later step of this broker
 * waits for ever, so that the kill from outside finds it exactly there. `reached` is told.
 */
export function killPoints(reached: () => void): KillPoints {
  let armed: KillPoint | undefined
  let forgotten: Commit | undefined
  let seen = 0
  let stopped = false

  const isHere = (step: (name: string) => boolean, when: KillPoint['when']): boolean =>
    armed !== undefined && step(armed.step) && armed.when === when && ++seen === (armed.nth ?? 1)
  function stop(): Promise<never> {
    stopped = true
    reached()
    return never()
  }
  async function pass(call: Call, when: 'before' | 'after'): Promise<void> {
    if (stopped) await never()
    if (isHere((step) => step === call, when)) await stop()
  }

  async function commit<T>(store: SqliteStore, step: (tx: Transaction) => T): Promise<T> {
    if (stopped) return never()
    let name: Commit | undefined
    const is = (step: string): boolean => step === name
    try {
      const value = await store.commit((tx) => {
        const watched = watch(tx)
        const written = step(watched.tx)
        name = COMMITS.find((each) => watched.steps.has(each))
        if (forgotten !== undefined && is(forgotten)) throw new Forgotten(written)
        if (isHere(is, 'before')) throw new Held()
        if (isHere(is, 'inside')) process.kill(process.pid, 'SIGKILL')
        return written
      })
      return isHere(is, 'after') ? await stop() : value
    } catch (error) {
      if (error instanceof Held) return stop()
      if (error instanceof Forgotten) return error.value as T
      throw error
    }
  }

  return {
    arm: (point) => {
      armed = point
      seen = 0
    },
    forget: (step) => void (forgotten = step),
    store: (store) => ({ ...store, commit: (step) => commit(store, step) }),
    provider: (provider) => {
      if (provider.kind !== 'upstream') return provider
      return {
        ...provider,
        mint: async (order, plan, record, signal) => {
          await pass('mint', 'before')
          const made = async (needed: Parameters<typeof record>[0]): Promise<void> => {
            await pass('mint', 'after')
            await record(needed)
            await pass('reveal', 'before')
          }
          const minted = await provider.mint(order, plan, made, signal)
          await pass('reveal', 'after')
          return minted
        },
        revoke: async (what, signal) => {
          await pass('revoke', 'before')
          const answer = await provider.revoke(what, signal)
          await pass('revoke', 'after')
          return answer
        },
      }
    },
  }
}

/** The same transaction, and what was written in it by name. */
function watch(tx: Transaction): { readonly tx: Transaction; readonly steps: ReadonlySet<string> } {
  const steps = new Set<string>()
  return {
    steps,
    tx: {
      ...tx,
      append: (entry) => {
        const step = BY_KIND[entry.kind]
        if (step) steps.add(step)
        tx.append(entry)
      },
      moveCredential: (from, change) => {
        if ('sealed' in change && Object.keys(change).length === 1) steps.add('record')
        return tx.moveCredential(from, change)
      },
    },
  }
}
