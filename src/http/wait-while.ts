import type { ApprovalId, LeaseId } from '../core/id.ts'
import type { Broker } from '../broker/ports.ts'

interface Wait {
  readonly id: LeaseId | ApprovalId
  readonly seconds: number
  readonly signal: AbortSignal
  /** Read again after every wake-up: the announcement is a nudge, the row is the truth. */
  readonly unchanged: () => boolean
}

/** Long-poll: returns as soon as the thing has changed, the time is over, or the client is gone. */
export async function waitWhile({ changes, clock }: Pick<Broker, 'changes' | 'clock'>, wait: Wait): Promise<void> {
  const end = clock() + wait.seconds * 1000
  for (let left = wait.seconds * 1000; left > 0 && !wait.signal.aborted && wait.unchanged(); left = end - clock()) {
    await changes.next(wait.id, left, wait.signal)
  }
}
