import { expect } from 'chai'
import fc from 'fast-check'

import { acceptClock, readClock, startClock, type ClockState, type GuardedTime } from '../../src/core/clock-guard.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../src/core/time.ts'

const NOON = Date.UTC(2026, 10, 25, 12)
const TEN_YEARS = 3653 * DAY_MS
const state: ClockState = { mark: NOON, monotonicMs: 1000 }

/** What the guard says when this much has really gone by, and the wall clock has jumped by that much on top. */
const after = (reallyMs: number, jumpMs = 0, from = state): GuardedTime =>
  readClock(from, { wall: from.mark + reallyMs + jumpMs, monotonicMs: from.monotonicMs + reallyMs })

describe('the guarded clock', () => {
  it('follows a wall clock that runs as fast as the monotonic one', () => {
    const { use, believed, stop } = after(HOUR_MS)
    expect({ use, believed, stop }).to.deep.equal({ use: NOON + HOUR_MS, believed: NOON + HOUR_MS, stop: null })
  })

  const jumps: readonly (readonly [what: string, jumpMs: number, stop: GuardedTime['stop']])[] = [
    ['4 s back', -4 * SECOND_MS, null],
    ['exactly 5 s back', -5 * SECOND_MS, null],
    ['a millisecond more than 5 s back', -5 * SECOND_MS - 1, 'behind'],
    ['an hour back', -HOUR_MS, 'behind'],
    ['ten years back', -TEN_YEARS, 'behind'],
    ['exactly 5 min ahead', 5 * MINUTE_MS, null],
    ['a millisecond more than 5 min ahead', 5 * MINUTE_MS + 1, 'ahead'],
    ['an hour ahead', HOUR_MS, 'ahead'],
    ['ten years ahead', TEN_YEARS, 'ahead'],
  ]
  for (const [what, jumpMs, stop] of jumps) {
    it(`${stop === null ? 'goes on' : `stops minting (${stop})`} after a jump of ${what}`, () => {
      expect(after(SECOND_MS, jumpMs).stop).to.equal(stop)
    })
  }

  it('goes on by the monotonic clock where the wall clock is not believed, so that leases end when they should', () => {
    for (const jumpMs of [-HOUR_MS, HOUR_MS, TEN_YEARS])
      expect(after(MINUTE_MS, jumpMs).believed).to.equal(NOON + MINUTE_MS)
  })

  it('counts a wild jump ahead at once at every use, and closes nothing for it', () => {
    const { use, believed } = after(SECOND_MS, TEN_YEARS)
    expect(use).to.equal(NOON + SECOND_MS + TEN_YEARS)
    expect(believed).to.equal(NOON + SECOND_MS)
  })

  it('is not poisoned by one wild jump: set right again, the clock is believed again', () => {
    const wild = after(SECOND_MS, TEN_YEARS)
    const right = after(SECOND_MS, 0, wild.state)
    expect(right).to.include({ stop: null, use: NOON + 2 * SECOND_MS, believed: NOON + 2 * SECOND_MS })
  })

  it('stays stopped until the clock is within 5 s of what is believed', () => {
    let { state: at } = after(SECOND_MS, -MINUTE_MS)
    for (const [shortMs, stop] of [
      [MINUTE_MS, 'behind'],
      [6 * SECOND_MS, 'behind'],
      [5 * SECOND_MS, null],
    ] as const) {
      const time = readClock(at, { wall: at.mark + SECOND_MS - shortMs, monotonicMs: at.monotonicMs + SECOND_MS })
      expect(time.stop, `${shortMs} ms behind`).to.equal(stop)
      at = time.state
    }
  })

  it('believes what an operator accepts, in both directions', () => {
    for (const wall of [NOON - TEN_YEARS, NOON + TEN_YEARS]) {
      const time = readClock(acceptClock({ wall, monotonicMs: 5 }), { wall, monotonicMs: 5 })
      expect(time).to.include({ use: wall, believed: wall, stop: null })
    }
  })

  describe('at a start', () => {
    const starts: readonly (readonly [what: string, stored: number | null, use: number, stop: GuardedTime['stop']])[] =
      [
        ['the first ever believes the wall clock', null, NOON, null],
        ['after a minute off goes on', NOON - MINUTE_MS, NOON, null],
        ['after a week off goes on', NOON - 7 * DAY_MS, NOON, null],
        ['after more than a week off asks', NOON - 7 * DAY_MS - 1, NOON, 'ahead'],
        ['with a clock 5 s behind the mark keeps the mark', NOON + 5 * SECOND_MS, NOON + 5 * SECOND_MS, null],
        ['with a clock an hour behind the mark keeps the mark, and asks', NOON + HOUR_MS, NOON + HOUR_MS, 'behind'],
      ]
    for (const [what, stored, use, stop] of starts) {
      it(what, () => {
        const reading = { wall: NOON, monotonicMs: 0 }
        expect(readClock(startClock(stored, reading), reading)).to.include({ use, stop })
      })
    }

    it('after more than a week off closes nothing before somebody has looked', () => {
      const reading = { wall: NOON, monotonicMs: 0 }
      const stored = NOON - 8 * DAY_MS
      expect(readClock(startClock(stored, reading), reading).believed).to.equal(stored)
    })
  })

  it('does not notice a change to summer time: there is none in UTC', () => {
    const before = Date.UTC(2027, 2, 28, 0, 59, 59)
    const [at, next] = [{ mark: before, monotonicMs: 0 }, Date.parse('2027-03-28T03:00:00+02:00')]
    expect(readClock(at, { wall: next, monotonicMs: SECOND_MS })).to.include({ use: before + SECOND_MS, stop: null })
  })
})

describe('time never gives anything back', () => {
  /** One look at the clocks after something happened to them; `accept`: an operator said that the wall clock is right. */
  const happening = fc.record({
    reallyMs: fc.oneof(fc.nat(2000), fc.nat(HOUR_MS)),
    jumpMs: fc.oneof(
      fc.constant(0),
      fc.integer({ min: -10_000, max: 10_000 }),
      fc.integer({ min: -TEN_YEARS, max: TEN_YEARS }),
    ),
    restart: fc.boolean(),
  })

  it('whatever the wall clock does, and whatever restarts: what is believed never runs backwards, and no use is before it', () => {
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 60 }), (happenings) => {
        let [at, wall, monotonicMs] = [startClock(null, { wall: NOON, monotonicMs: 0 }), NOON, 0]
        for (const { reallyMs, jumpMs, restart } of happenings) {
          const before = at.mark
          wall += reallyMs + jumpMs
          monotonicMs = restart ? 0 : monotonicMs + reallyMs
          if (restart) at = startClock(at.mark, { wall, monotonicMs })
          const time = readClock(at, { wall, monotonicMs })
          expect(time.believed, 'what is believed').to.be.at.least(before)
          expect(time.use, 'a use').to.be.at.least(time.believed)
          expect(time.state.mark, 'what is persisted').to.equal(time.believed)
          if (time.stop === null)
            expect(time.use, 'nothing is minted at a time that is not believed').to.equal(time.believed)
          at = time.state
        }
      }),
      { numRuns: 500 },
    )
  })

  it('what is believed runs ahead of the monotonic clock by no jump of more than five minutes', () => {
    fc.assert(
      fc.property(fc.nat(HOUR_MS), fc.integer({ min: -TEN_YEARS, max: TEN_YEARS }), (reallyMs, jumpMs) => {
        expect(after(reallyMs, jumpMs).believed - NOON - reallyMs).to.be.within(
          -5 * SECOND_MS - reallyMs,
          5 * MINUTE_MS,
        )
      }),
    )
  })

  it('a monotonic clock that is read twice in one instant, or that stands still, gives nothing either', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -HOUR_MS, max: HOUR_MS }), { maxLength: 20 }), (walls) => {
        let at = state
        for (const offset of walls) {
          const time = readClock(at, { wall: NOON + offset, monotonicMs: at.monotonicMs })
          expect(time.believed).to.be.at.least(at.mark)
          at = time.state
        }
      }),
    )
  })
})
