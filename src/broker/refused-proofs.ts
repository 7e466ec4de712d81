import { MINUTE_MS, type Instant } from '../core/time.ts'
import type { Broker } from './ports.ts'

/** More sources than this share one record: the table must not grow with the number of attackers. */
const MAX_SOURCES = 1000
const OTHERS = 'other sources'

interface Source {
  readonly since: Instant
  /** Refusals since the last record. */
  readonly unrecorded: number
}

export interface Refused {
  readonly source: string
  /** What the log may know and the caller may not. Never a token. */
  readonly cause: string
  readonly requestId: string
}

/**
 * Refusals before authentication. The first of a source is on record at once; what follows within the minute is counted
 * and recorded by `flush`, so that a flood costs one row a minute and source and cannot fill the disk.
 */
export function refusedProofs(broker: Pick<Broker, 'store' | 'clock'>) {
  const sources = new Map<string, Source>()

  const record = (
    source: string,
    subject: { readonly outcome: string; readonly reason: string },
    requestId: string | null,
  ): Promise<void> =>
    broker.store.commit((tx) => {
      const actor = { type: 'anonymous', id: source } as const
      tx.append({ kind: 'auth.refused', time: broker.clock(), actor, subject: { id: source, ...subject }, requestId })
    })

  async function recordCounts(over: readonly (readonly [string, Source])[]): Promise<void> {
    const counted = over.filter(([, { unrecorded }]) => unrecorded > 0)
    for (const [name] of over) sources.delete(name)
    // Whoever had refusals to count starts another minute: with a first record at once there would be two in one.
    for (const [name] of counted) sources.set(name, { since: broker.clock(), unrecorded: 0 })
    await Promise.all(
      counted.map(([name, { unrecorded }]) =>
        record(name, { outcome: 'refused', reason: `${unrecorded} more within a minute` }, null),
      ),
    )
  }

  return {
    /** Resolves when what has to be on record now is. */
    note: async ({ source, cause, requestId }: Refused): Promise<void> => {
      const name = sources.has(source) || sources.size < MAX_SOURCES ? source : OTHERS
      const known = sources.get(name)
      if (known) {
        sources.set(name, { ...known, unrecorded: known.unrecorded + 1 })
        return
      }
      sources.set(name, { since: broker.clock(), unrecorded: 0 })
      await record(name, { outcome: 'refused', reason: cause }, requestId)
    },
    /** Called by the sweep: records what was counted of every source whose minute is over. */
    flush: (): Promise<void> => {
      const now = broker.clock()
      return recordCounts([...sources].filter(([, { since }]) => now - since >= MINUTE_MS))
    },
    /** At the stop: what was counted must not be lost with the process. */
    close: (): Promise<void> => recordCounts([...sources]),
  }
}
