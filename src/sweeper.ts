import { schedule } from 'node-cron'

import { coalesced } from './coalesced.ts'

/** A sweep that missed this many turns has stopped, whatever the reason. */
const MISSED_TURNS = 3

export interface Sweeper extends Disposable {
  /** Sweeps now, or once more after the sweep that is running. Resolves when it has. */
  readonly kick: () => Promise<void>
  /** The pass that is running has got something done. */
  readonly gettingOn: () => void
  readonly lagSeconds: () => number
  /** For three turns no sweep has finished or got anything done. */
  readonly late: () => boolean
}

interface Parts {
  /** Milliseconds that only grow: a wall clock that jumps is no late sweep. */
  readonly monotonic: () => number
  /** A node-cron expression, in UTC. */
  readonly every: string
  /** One pass over everything that is due. MUST NOT reject for what it can try again. */
  readonly pass: () => Promise<void>
  readonly failed: (error: unknown) => void
}

/** Wakes the sweep. node-cron is a nudge and not the clock: a pass takes whatever is due by then, so a lost turn costs nothing. */
export function startSweeper({ every, monotonic, pass, failed }: Parts): Sweeper {
  let finishedAt = monotonic()
  let gotOnAt = finishedAt
  let busy = false
  const kick = coalesced(async () => {
    busy = true
    try {
      await pass()
      finishedAt = monotonic()
      gotOnAt = finishedAt
    } catch (error) {
      failed(error)
    } finally {
      busy = false
    }
  })

  const task = schedule(every, () => (busy ? undefined : kick()), { timezone: 'UTC' })
  const [first, second] = task.getNextRuns(2)
  const turnMs = first && second ? second.getTime() - first.getTime() : 60_000
  return {
    kick,
    lagSeconds: () => (monotonic() - finishedAt) / 1000,
    gettingOn: () => void (gotOnAt = monotonic()),
    late: () => monotonic() - gotOnAt > MISSED_TURNS * turnMs,
    [Symbol.dispose]: () => void task.destroy(),
  }
}
