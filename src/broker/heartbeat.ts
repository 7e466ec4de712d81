import type { LeaseId } from '../core/id.ts'
import type { Lease } from '../core/lease.ts'
import { err, ok, type Result } from '../core/result.ts'
import { SECOND_MS, type Instant } from '../core/time.ts'
import type { LeaseCaller } from './caller.ts'
import type { Broker, Heard } from './ports.ts'
import type { Refusal } from './refusal.ts'
import { notUsable, standing } from './standing.ts'

/** A lease that was silent for this many of its intervals is lost. */
const SILENT_INTERVALS = 2

/** When a lease that was heard of at `at` counts as lost; null without a heartbeat. */
export function silentAfter(lease: Pick<Lease, 'heartbeatSeconds'>, at: Instant): Instant | null {
  return lease.heartbeatSeconds === null ? null : at + SILENT_INTERVALS * lease.heartbeatSeconds * SECOND_MS
}

/** The agent is alive. Noted in memory: a start of the broker forgives, and counts every deadline from its readiness. */
export function heartbeat(broker: Broker, caller: LeaseCaller): Result<Lease, Refusal> {
  const lease = broker.store.reads.lease(caller.lease)
  if (!lease) return err({ reason: 'not-found' })
  const found = standing(broker, broker.store.reads, lease, broker.clock())
  // A freeze is no end: an agent that waits for it to be lifted must not be lost meanwhile.
  return found === 'usable' || found === 'frozen' || found === 'ancestor_waiting'
    ? ok(lease)
    : err(notUsable(lease, found))
}

/** What is known of a lease whose deadline on record is over: when it really counts as lost; null: not by what is known. */
export function lostAt(heard: Heard, lease: Lease): Instant | null {
  const since = heard.since()
  if (since === null) return null
  return silentAfter(lease, Math.max(heard.last(lease.id) ?? 0, since, lease.activatedAt ?? 0))
}

/** In memory only. What is forgotten counts as not heard of. */
export function createHeard(): Heard & { readonly begin: (at: Instant) => void } {
  const last = new Map<LeaseId, Instant>()
  let since: Instant | null = null
  return {
    since: () => since,
    begin: (at) => void (since ??= at),
    note: (lease, at) => void last.set(lease, at),
    last: (lease) => last.get(lease),
    prune: (before) => {
      for (const [lease, at] of last) if (at < before) last.delete(lease)
    },
  }
}
