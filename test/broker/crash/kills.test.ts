import { expect } from 'chai'
import { KILL_PLANS } from '../../support/kill-acts.ts'
import { killAtMoments, killUnderLoad } from '../../support/kill-rounds.ts'
import { skipBecause } from '../../support/skip-because.ts'

const SIDE_BY_SIDE = 6

describe('a broker that is killed', function () {
  this.timeout(240_000)
  const acts = Object.entries(KILL_PLANS)
  const killed: number[] = []

  for (const [act, plans] of acts) {
    it(`loses nothing and leaves nothing behind, wherever in ${act} it was`, async () => {
      killed.push(await killAtMoments(plans, { count: Math.min(plans.length, 8), sideBySide: SIDE_BY_SIDE }))
    })
  }

  it('loses nothing and leaves nothing behind, at any moment under load', async () => {
    killed.push(await killUnderLoad({ count: 4, sideBySide: SIDE_BY_SIDE }, Math.random))
  })

  it('has been killed three hundred times by now', function () {
    if (killed.length <= acts.length) skipBecause(this, 'not every kill above was asked for')
    expect(killed.reduce((sum, count) => sum + count)).to.be.at.least(300)
  })
})
