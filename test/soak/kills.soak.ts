import { KILL_PLANS } from '../support/kill-acts.ts'
import { killAtMoments, killUnderLoad } from '../support/kill-rounds.ts'

/** `SOAK=50 npm run test:soak` goes on ten times as long. */
const TIMES = Number(process.env['SOAK'] ?? 5)
/** New ledgers every so often: each kill is followed by a look at the whole of them. */
const ROUNDS = { count: 16, sideBySide: 8 }

/** What test/broker/crash/kills.test.ts does some hundred times, thousands of times. */
describe('a broker that is killed, thousands of times', function () {
  this.timeout(0)

  const kills = TIMES * ROUNDS.count * ROUNDS.sideBySide
  for (const [act, plans] of Object.entries(KILL_PLANS)) {
    it(`loses nothing and leaves nothing behind, ${kills} times in ${act}`, async () => {
      for (let time = 0; time < TIMES; time += 1) await killAtMoments(plans, ROUNDS)
    })
  }

  it(`loses nothing and leaves nothing behind, ${kills} times under load`, async () => {
    for (let time = 0; time < TIMES; time += 1) await killUnderLoad(ROUNDS, Math.random)
  })
})
