import { SECOND_MS, type Instant } from './time.ts'

/** Time between two probes of a target that could not be reached: at most four a minute. */
export const PROBE_EVERY_MS = 15 * SECOND_MS

/** A circuit breaker of one target. Open: its rows are parked, and one at a time asks whether it is back. */
export type Breaker = { readonly state: 'closed' } | { readonly state: 'open'; readonly probeAt: Instant }

export const CLOSED: Breaker = { state: 'closed' }

/** How many rows of the target may be tried now. A clock that was set back makes nobody wait for the old time. */
export function allowance(breaker: Breaker, now: Instant): 'all' | 'probe' | 'none' {
  if (breaker.state === 'closed') return 'all'
  return now >= breaker.probeAt || breaker.probeAt - now > PROBE_EVERY_MS ? 'probe' : 'none'
}

/** The breaker after a target could not be reached. */
export const unreachable = (now: Instant): Breaker => ({ state: 'open', probeAt: now + PROBE_EVERY_MS })
