import type { ApprovalId, LeaseId } from '../core/id.ts'
import type { Broker } from '../broker/ports.ts'

interface Wait {
  readonly id: LeaseId | ApprovalId
  readonly seconds: number
  readonly signal: AbortSignal
  /** Read again after every wake-up: the announcement is a nudge, the row is the truth. */
  readonly unchanged: () => boolean
}

/**
 * Long-poll: returns as soon as the thing has changed, the time is over, or the client is gone. The time is one that only
 * grows: by a clock that is set back, the rest of a wait would be years, and no timer holds that.
 */
export async function waitWhile({ changes }: Pick<Broker, 'changes'>, wait: Wait): Promise<void> {
  const end = performance.now() + wait.seconds * 1000
  for (let left = wait.seconds * 1000; left > 0 && !wait.signal.aborted && wait.unchanged();) {
    await changes.next(wait.id, left, wait.signal)
    left = end - performance.now()
  }
}
