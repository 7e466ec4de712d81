import type { Transaction } from '../../src/broker/store-port.ts'
import type { LeaseId } from '../../src/core/id.ts'
import type { Lease } from '../../src/core/lease.ts'
import type { LoadedPolicy } from '../../src/local/load-policy.ts'
import type { SqliteStore } from '../../src/store/sqlite/open-store.ts'
import { seldom, startClockedBroker, type ClockedBroker } from './clocked-broker.ts'
import { disposedBy } from './disposed-by.ts'
import { memoryFolder } from './temporary-folder.ts'
import { takeTurns, type Turns } from './turns.ts'

const unlimited = (settings: object) => ({
  ...seldom(settings),
  limits: { leases_per_agent: 5000, lease_requests_per_minute: 100_000 },
})

/** A broker whose parts take turns, and the ledger as it is at this very moment. */
export interface RaceWorld extends AsyncDisposable {
  readonly broker: ClockedBroker
  readonly turns: Turns
  readonly reads: () => SqliteStore['reads']
  /** The lease in the first commit after which it was no longer active. */
  readonly endedAs: (id: LeaseId) => Lease | undefined
  /** What the configuration says from the next reload on. */
  readonly configure: (change: (loaded: LoadedPolicy) => LoadedPolicy) => void
}

/** `break`: what a broker that does not look twice would see, as the control. */
export async function raceWorld(breakIt: (tx: Transaction) => Partial<Transaction> = () => ({})): Promise<RaceWorld> {
  const turns = takeTurns()
  const ended = new Map<LeaseId, Lease>()
  let ledger: SqliteStore | undefined
  let change = (loaded: LoadedPolicy): LoadedPolicy => loaded
  const reads = (): SqliteStore['reads'] => {
    if (!ledger) throw new Error('There is no ledger yet')
    return ledger.reads
  }

  function watched(store: SqliteStore): SqliteStore {
    ledger = store
    const broken = { ...store.reads, ...breakIt(store.reads as Transaction) }
    return {
      ...store,
      reads: broken,
      commit: async (step) => {
        const touched = new Set<LeaseId>()
        const result = await store.commit((tx) =>
          step({
            ...tx,
            ...breakIt(tx),
            moveLease: (from, to) => {
              touched.add(from.id)
              return (breakIt(tx).moveLease ?? tx.moveLease)(from, to)
            },
          }),
        )
        for (const id of touched) {
          const lease = store.reads.lease(id)
          if (lease && lease.state !== 'active' && !ended.has(id)) ended.set(id, lease)
        }
        return result
      },
    }
  }

  await using opened = new AsyncDisposableStack()
  const folder = opened.use(await memoryFolder())
  const broker = await startClockedBroker({
    folder: folder.path,
    configure: unlimited,
    change: (loaded) => change(loaded),
    app: { decorate: { store: (store) => turns.store(watched(store)), provider: turns.provider } },
  })
  opened.use(broker)
  return {
    ...disposedBy(opened),
    broker,
    turns,
    reads,
    endedAs: (id) => ended.get(id),
    configure: (next) => void (change = next),
  }
}
