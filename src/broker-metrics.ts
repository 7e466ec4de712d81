import type { TimeKeeper } from './broker/ports.ts'
import { createMetrics } from './http/metrics.ts'
import type { HttpMetrics } from './http/services.ts'
import type { Readiness } from './readiness.ts'
import type { RunningCloser } from './start-closer.ts'
import type { SqliteStore } from './store/sqlite/open-store.ts'
import type { Sweeper } from './sweeper.ts'

interface Parts {
  readonly store: SqliteStore
  readonly time: TimeKeeper
  readonly sweeper: Sweeper
  readonly closer: RunningCloser
  readonly readiness: Readiness
}

/** What is measured of the parts of a broker. */
export const brokerMetrics = ({ store, time, sweeper, closer, readiness }: Parts): HttpMetrics =>
  createMetrics({
    liveLeases: () => store.reads.countLive(null),
    commits: store.commits,
    sweepLagSeconds: sweeper.lagSeconds,
    activeByProvider: () => store.reads.activeByProvider(),
    revocationsFailed: closer.failed,
    oldestRevocationSeconds: () => {
      const since = store.reads.oldestRevocation()
      return since === null ? 0 : Math.max(0, time.believed() - since) / 1000
    },
    ready: () => readiness.reasons().length === 0,
  })
