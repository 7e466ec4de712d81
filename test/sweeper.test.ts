import { expect } from 'chai'

import { startSweeper } from '../src/sweeper.ts'

/** A sweeper whose turns are five seconds long, whose clock stands still, and whose pass ends when the test says so. */
function heldSweeper() {
  const clock = { now: 0 }
  let pass = Promise.withResolvers<undefined>()
  const sweeper = startSweeper({
    every: '*/5 * * * * *',
    monotonic: () => clock.now,
    pass: () => pass.promise.then(() => undefined),
    failed: () => undefined,
  })
  return {
    ...sweeper,
    clock,
    end: () => {
      pass.resolve(undefined)
      pass = Promise.withResolvers<undefined>()
    },
  }
}

describe('the sweeper', () => {
  it('is late when nothing has come of a sweep for three turns', async () => {
    using sweeper = heldSweeper()
    const swept = sweeper.kick()
    sweeper.clock.now = 15_000
    expect(sweeper.late()).to.equal(false)
    sweeper.clock.now = 15_001
    expect(sweeper.late()).to.equal(true)
    sweeper.end()
    await swept
    expect(sweeper.late()).to.equal(false)
  })

  it('is not late while it gets on, however much there is to do', async () => {
    using sweeper = heldSweeper()
    const swept = sweeper.kick()
    for (let batch = 0; batch < 10; batch += 1) {
      sweeper.clock.now += 14_000
      sweeper.gettingOn()
      expect(sweeper.late()).to.equal(false)
    }
    expect(sweeper.lagSeconds(), 'and says all the same how long it takes').to.equal(140)
    sweeper.clock.now += 15_001
    expect(sweeper.late()).to.equal(true)
    sweeper.end()
    await swept
    expect(sweeper.lagSeconds()).to.equal(0)
  })
})
