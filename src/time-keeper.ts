import type { Clock, TimeKeeper } from './broker/ports.ts'
import { acceptClock, readClock, startClock, type GuardedTime, type Reading } from './core/clock-guard.ts'
import type { Instant } from './core/time.ts'

interface Parts {
  readonly wall: Clock
  /** Milliseconds that only ever grow while this process lives. */
  readonly monotonic: () => number
  /** The latest time that was believed before this start; null at the first. */
  readonly stored: Instant | null
}

/** The clock of the broker: every reading passes the guard of core/clock-guard.ts. */
export function keepTime({ wall, monotonic, stored }: Parts): TimeKeeper & { readonly clock: Clock } {
  const reading = (): Reading => ({ wall: wall(), monotonicMs: monotonic() })
  let state = startClock(stored, reading())

  function read(): GuardedTime {
    const time = readClock(state, reading())
    state = time.state
    return time
  }

  return {
    clock: () => read().use,
    sweepClock: () => read().sweep,
    stop: () => read().stop,
    accept: () => {
      state = acceptClock(reading())
      return state.mark
    },
  }
}
