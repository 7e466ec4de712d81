import type { Broker, Clock, TimeKeeper } from './broker/ports.ts'
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
    believed: () => read().believed,
    stop: () => read().stop,
    accept: () => {
      state = acceptClock(reading())
      return state.mark
    },
  }
}

/** What was believed last is on record with the stop, whatever the clock shows at the next start. */
export function rememberTime({ store, time, log }: Pick<Broker, 'store' | 'time' | 'log'>): AsyncDisposable {
  return {
    [Symbol.asyncDispose]: async () => {
      try {
        await store.commit((tx) => {
          tx.keepClockMark(time.believed())
        })
      } catch (error) {
        log.warn({ err: error }, 'the time of the stop could not be recorded')
      }
    },
  }
}
