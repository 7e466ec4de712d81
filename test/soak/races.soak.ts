import { expect } from 'chai'
import {
  mintBesideComplete,
  mintBesideFreeze,
  mintBesideReload,
  renewBesideRevoke,
  type Race,
} from '../support/races.ts'
import { raceWorld } from '../support/race-world.ts'

/** `SOAK=50 npm run test:soak` goes on ten times as long. */
const TIMES = Number(process.env['SOAK'] ?? 5)
const IN_ONE_WORLD = 1000

/** What test/broker/races.test.ts does with a thousand seeds, with others, which a failure names. */
describe('whatever order two verbs come in, thousands of times,', function () {
  this.timeout(0)

  const races: Readonly<Record<string, Race>> = {
    'no renewal outlives a revocation': renewBesideRevoke,
    'no secret leaves after the lease was completed': mintBesideComplete,
    'no secret leaves after a freeze, and none is lost by it': mintBesideFreeze,
    'no secret leaves after a reload has closed its lease': mintBesideReload,
  }
  for (const [what, race] of Object.entries(races)) {
    it(what, async () => {
      const from = Math.floor(Math.random() * 2 ** 31)
      for (let time = 0; time < TIMES; time += 1) {
        await using world = await raceWorld()
        for (let at = 0; at < IN_ONE_WORLD; at += 1)
          expect(await race(world, from + time * IN_ONE_WORLD + at)).to.deep.equal([])
      }
    })
  }
})
