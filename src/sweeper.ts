import { schedule } from 'node-cron'

import type { Clock } from './broker/ports.ts'

/** A sweep that missed this many turns has stopped, whatever the reason. */
const MISSED_TURNS = 3

export interface Sweeper extends Disposable {
  /** Sweeps now, or once more after the sweep that is running. Resolves when it has. */
  readonly kick: () => Promise<void>
  readonly lagSeconds: () => number
  /** No sweep has finished for three turns. */
  readonly late: () => boolean
}

interface Parts {
  /** A node-cron expression, in UTC. */
  readonly every: string
  readonly clock: Clock
  /** One pass over everything that is due. MUST NOT reject for what it can try again. */
  readonly pass: () => Promise<void>
  readonly failed: (error: unknown) => void
}

/** Wakes the sweep. node-cron is a nudge and not the clock: a pass takes whatever is due by then, so a lost turn costs nothing. */
export function startSweeper({ every, clock, pass, failed }: Parts): Sweeper {
  let running: Promise<void> | undefined
  let again: Promise<void> | undefined
  let finishedAt = clock()

  async function run(): Promise<void> {
    try {
      await pass()
      finishedAt = clock()
    } catch (error) {
      failed(error)
    } finally {
      running = undefined
    }
  }

  function kick(): Promise<void> {
    if (!running) return (running = run())
    again ??= running.then(() => {
      again = undefined
      return kick()
    })
    return again
  }

  const task = schedule(every, () => (running ? undefined : kick()), { timezone: 'UTC' })
  const [first, second] = task.getNextRuns(2)
  const turnMs = first && second ? second.getTime() - first.getTime() : 60_000
  return {
    kick,
    lagSeconds: () => Math.max(0, clock() - finishedAt) / 1000,
    late: () => clock() - finishedAt > MISSED_TURNS * turnMs,
    [Symbol.dispose]: () => void task.destroy(),
  }
}
