import { expect } from 'chai'
import { KILL_PLANS } from '../../support/kill-acts.ts'
import { killAtMoments, killUnderLoad } from '../../support/kill-rounds.ts'

const SIDE_BY_SIDE = 6

describe('a broker that is killed', function () {
  this.timeout(240_000)
  let killed = 0

  for (const [act, plans] of Object.entries(KILL_PLANS)) {
    it(`loses nothing and leaves nothing behind, wherever in ${act} it was`, async () => {
      killed += await killAtMoments(plans, { count: Math.min(plans.length, 8), sideBySide: SIDE_BY_SIDE })
    })
  }

  it('loses nothing and leaves nothing behind, at any moment under load', async () => {
    killed += await killUnderLoad({ count: 4, sideBySide: SIDE_BY_SIDE }, Math.random)
  })

  it('has been killed three hundred times by now', () => {
    expect(killed).to.be.at.least(300)
  })
})
