import type { Provider } from '../../src/broker/ports.ts'
import type { SqliteStore } from '../../src/store/sqlite/open-store.ts'
import { seeded } from './random.ts'

/** Whoever races: those whom the test starts, and the closer, which comes by itself. */
type Party = string
const CLOSER = 'closer'
const isCloser = (party: Party): boolean => party.startsWith(CLOSER)

interface Waiting {
  readonly party: Party
  readonly point: string
  readonly go: () => void
}

/** What happened in one race, in order: `party point`. */
export type Trace = readonly string[]

/**
 * Decides who moves next. Between races everything passes. In a race every party stops before and after each of its
 * commits and at each step of a mint, and one of them at a time is let go, by the seed: the same seed is the same order.
 * Now and then two that stop before a commit are let go together, and share one.
 */
export interface Turns {
  readonly store: (store: SqliteStore) => SqliteStore
  readonly provider: (provider: Provider) => Provider
  readonly race: (seed: number, parties: Readonly<Record<Party, () => Promise<unknown>>>) => Promise<Trace>
}

export function takeTurns(): Turns {
  let racing = false
  let mover: Party = ''
  let waiting: Waiting[] = []
  let trace: string[] = []
  let rows = 0
  /** Parties that were let go and have not come to their next stop. */
  const moving = new Set<Party>()
  let still: (() => void) | undefined

  function stopped(party: Party): void {
    moving.delete(party)
    if (moving.size === 0) still?.()
  }

  /** Holds whoever moves until it is their turn. Returns who that is. */
  function stop(point: string, known?: Party): Promise<Party> {
    if (!racing) return Promise.resolve('')
    const party = known || mover
    return new Promise((resolve) => {
      const go = (): void => {
        trace.push(`${party} ${point}`)
        resolve(party)
      }
      waiting.push({ party, point, go })
      stopped(party)
    })
  }

  /** Lets them go, and waits until each has come to its next stop, or is done. */
  async function letGo(chosen: readonly Waiting[]): Promise<void> {
    waiting = waiting.filter((each) => !chosen.includes(each))
    const arrived = new Promise<void>((resolve) => (still = resolve))
    for (const { party } of chosen) moving.add(party)
    for (const { party, go, point } of chosen) {
      mover = party
      go()
      // The closer says nothing when it has finished a row.
      if (isCloser(party) && point === 'committed') stopped(party)
    }
    if (moving.size > 0) await arrived
  }

  return {
    store: (store) => ({
      ...store,
      commit: async (step) => {
        const party = await stop('commits')
        try {
          return await store.commit(step)
        } finally {
          await stop('committed', party)
        }
      },
    }),
    provider: (provider) => {
      if (provider.kind !== 'upstream') return provider
      return {
        ...provider,
        mint: async (order, plan, record, signal) => {
          const party = await stop('asks upstream')
          const kept = async (needed: Parameters<typeof record>[0]): Promise<void> => {
            await stop('was answered', party)
            await record(needed)
          }
          const minted = await provider.mint(order, plan, kept, signal)
          await stop('has the secret', party)
          return minted
        },
        revoke: async (what, signal) => {
          await stop('asks it back', `${CLOSER} ${(rows += 1)}`)
          return provider.revoke(what, signal)
        },
      }
    },
    race: async (seed, parties) => {
      const random = seeded(seed)
      const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!
      const done: Promise<unknown>[] = []
      trace = []
      waiting = Object.entries(parties).map(([party, start]) => ({
        party,
        point: 'starts',
        go: () => {
          trace.push(`${party} starts`)
          const end = (): void => {
            trace.push(`${party} is done`)
            stopped(party)
          }
          const run = start()
          run.then(end, end)
          done.push(run)
        },
      }))
      racing = true
      while (waiting.some(({ party }) => !isCloser(party))) {
        const chosen = pick(waiting)
        const others = waiting.filter(({ party, point }) => party !== chosen.party && point === 'commits')
        const together = chosen.point === 'commits' && others.length > 0 && random() < 0.3
        await letGo(together ? [chosen, pick(others)] : [chosen])
      }
      racing = false
      for (const { go } of waiting) go()
      waiting = []
      await Promise.all(done)
      return trace
    },
  }
}
