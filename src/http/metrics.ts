import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'

import type { HttpMetrics } from './services.ts'

/** What the gauges read when they are scraped. */
export interface Gauges {
  readonly liveLeases: () => number
  readonly commits: () => number
  readonly sweepLagSeconds: () => number
  readonly activeByProvider: () => ReadonlyMap<string, number>
  readonly revocationsFailed: () => ReadonlyMap<string, number>
  readonly oldestRevocationSeconds: () => number
  readonly ready: () => boolean
}

/**
 * Prometheus metrics. Labels are methods, routes and statuses, all from our own small sets: never an agent, a task or
 * anything else that a caller chooses, or a flood of names would be a flood of series.
 */
export function createMetrics(gauges: Gauges): HttpMetrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  const seconds = new Histogram({
    name: 'mayfly_http_request_seconds',
    help: 'Time from a request to its answer',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 30],
    registers,
  })
  const read = (name: string, help: string, value: () => number): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value())
      },
    })
  }
  read('mayfly_leases_live', 'Leases pending or active', gauges.liveLeases)
  read('mayfly_sweep_lag_seconds', 'Since the last sweep that finished', gauges.sweepLagSeconds)
  read(
    'mayfly_revocation_oldest_seconds',
    'Since when the oldest credential waits to be taken back that has not been, or has failed to be',
    gauges.oldestRevocationSeconds,
  )
  new Gauge({
    name: 'mayfly_leases_active',
    help: 'Credentials of active leases, by provider',
    labelNames: ['provider'],
    registers,
    collect() {
      this.reset()
      for (const [provider, count] of gauges.activeByProvider()) this.set({ provider }, count)
    },
  })
  new Counter({
    name: 'mayfly_revocations_failed_total',
    help: 'Answers to a revocation that were neither a confirmation nor an outage',
    labelNames: ['provider'],
    registers,
    collect() {
      this.reset()
      for (const [provider, count] of gauges.revocationsFailed()) this.inc({ provider }, count)
    },
  })
  read('mayfly_ready', '1 when the broker can grant', () => Number(gauges.ready()))
  new Counter({
    name: 'mayfly_store_commits_total',
    help: 'Durable commits; many requests can share one',
    registers,
    collect() {
      this.reset()
      this.inc(gauges.commits())
    },
  })
  return {
    answered: ({ method, route, status, seconds: took }) => {
      seconds.observe({ method, route, status }, took)
    },
    render: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  }
}
