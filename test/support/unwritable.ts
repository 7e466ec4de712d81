import type { SqliteStore } from '../../src/store/sqlite/open-store.ts'
import { StoreUnavailable } from '../../src/store/sqlite/group-commit.ts'

/** A ledger that reads, and that cannot be written for as long as a test says. */
export interface Unwritable {
  readonly store: (store: SqliteStore) => SqliteStore
  readonly fail: () => void
  readonly mend: () => void
}

export function unwritable(): Unwritable {
  let failing = false
  return {
    store: (store) => ({
      ...store,
      commit: (step) =>
        failing ? Promise.reject(new StoreUnavailable('The ledger could not be written')) : store.commit(step),
    }),
    fail: () => void (failing = true),
    mend: () => void (failing = false),
  }
}
