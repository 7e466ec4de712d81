import { DAY_MS, MINUTE_MS, SECOND_MS, type Instant } from './time.ts'

/** A jump further than this ahead of the monotonic clock is not believed without an operator. */
const JUMP_MS = 5 * MINUTE_MS
/** A broker that was off longer than this asks before it closes everything. */
const LONGEST_STOP_MS = 7 * DAY_MS
/** How far behind the mark the clock may be for minting to go on. */
const BEHIND_MS = 5 * SECOND_MS

/** One look at the clocks: wall time, and milliseconds of a clock that only ever runs forward in this process. */
export interface Reading {
  readonly wall: Instant
  readonly monotonicMs: number
}

/** What the guard remembers. `mark` is the latest time that is believed, and is persisted. */
export interface ClockState {
  readonly mark: Instant
  readonly monotonicMs: number
}

/** What the guard says of one reading. */
export interface GuardedTime {
  readonly state: ClockState
  /** For every check at use: never earlier than the mark, so nothing revives; a clock that jumped ahead counts at once. */
  readonly use: Instant
  /** For what is recorded and what is due: a jump ahead closes nothing. */
  readonly believed: Instant
  /** Why nothing may be minted now, or null. */
  readonly stop: 'behind' | 'ahead' | null
}

/** The guard when a broker starts. `stored` null: the first start ever. */
export function startClock(stored: Instant | null, { wall, monotonicMs }: Reading): ClockState {
  if (stored === null) return { mark: wall, monotonicMs }
  return { mark: wall - stored > LONGEST_STOP_MS ? stored : Math.max(stored, wall), monotonicMs }
}

/**
 * Time never gives anything back (invariant 7). A wall clock that is more than five seconds behind what is believed, or
 * more than five minutes ahead of it, is not followed: time then goes on by the monotonic clock, so that leases end when
 * they should, and nothing is minted until the clocks agree again or an operator accepts the wall clock.
 */
export function readClock(state: ClockState, { wall, monotonicMs }: Reading): GuardedTime {
  const expected = state.mark + Math.max(0, monotonicMs - state.monotonicMs)
  const stop = wall - expected > JUMP_MS ? 'ahead' : wall < expected - BEHIND_MS ? 'behind' : null
  const mark = stop === null ? Math.max(state.mark, wall) : expected
  return { state: { mark, monotonicMs }, use: Math.max(mark, wall), believed: mark, stop }
}

/** An operator says that the wall clock is right. */
export const acceptClock = ({ wall, monotonicMs }: Reading): ClockState => ({ mark: wall, monotonicMs })
