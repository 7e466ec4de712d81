import { MayflyProblem } from './mayfly-problem.ts'
import { MayflyUnreachable } from './mayfly-unreachable.ts'
import { pause } from './pause.ts'
import type { Lease, LeaseState } from './resources.ts'

const FIRST_RETRY_MS = 250
const LONGEST_RETRY_MS = 5_000
const PATIENCE_MS = 60_000

interface Waiting {
  /** Reads the lease; where a state is given, only once it has left that state or some time has passed. */
  readonly poll: (state: LeaseState | undefined) => Promise<Lease>
  /** Holds while the wait goes on. */
  readonly unchanged: (lease: Lease) => boolean
  readonly signal: AbortSignal | undefined
  readonly patienceMs: number | undefined
}

/** The lease once it has changed. An approval may take hours: a broker that is away for a moment does not end the wait. */
export async function waitForLease({ poll, unchanged, signal, patienceMs = PATIENCE_MS }: Waiting): Promise<Lease> {
  let state: LeaseState | undefined
  let failedSince: number | undefined
  let retryMs = FIRST_RETRY_MS
  for (;;) {
    const asked = performance.now()
    try {
      const lease = await poll(state)
      if (!unchanged(lease)) return lease
      failedSince = undefined
      retryMs = FIRST_RETRY_MS
      // A broker that stops answers its polls at once.
      if (lease.state === state && performance.now() - asked < 1000) await pause(FIRST_RETRY_MS, signal)
      state = lease.state
    } catch (error) {
      failedSince ??= asked
      const waitMs = isPassing(error) ? Math.max(retryMs, (retryAfter(error) ?? 0) * 1000) : undefined
      if (waitMs === undefined || performance.now() + waitMs - failedSince > patienceMs) throw error
      await pause(waitMs, signal)
      retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS)
    }
  }
}

/** Too fast, or away: 429, 502, 503, 504, or no answer at all. */
function isPassing(error: unknown): boolean {
  if (error instanceof MayflyUnreachable) return error.reason !== 'not-mayfly'
  return error instanceof MayflyProblem && [429, 502, 503, 504].includes(error.status)
}

const retryAfter = (error: unknown): number | null => (error instanceof MayflyProblem ? error.retryAfter : null)
