import { expect } from 'chai'
import { brokersToKill } from '../e2e/support/kill-brokers.ts'
import { upstreamsOfSuite } from '../e2e/support/real-upstreams.ts'

/** `SOAK=50 npm run test:soak` goes on ten times as long. */
const TIMES = Number(process.env['SOAK'] ?? 5)
const SIZE = { sideBySide: 20, rounds: 20 }

/** What test/e2e/killed.test.ts does two hundred times a provider, thousands of times. */
describe('a broker of real credentials that is killed, thousands of times', function () {
  this.timeout(0)
  const upstreams = upstreamsOfSuite()

  for (const provider of ['vault', 'aws'] as const) {
    it(`leaves nothing behind in front of ${provider}`, async () => {
      for (let time = 0; time < TIMES; time += 1) {
        await using brokers = await brokersToKill(upstreams(), provider, SIZE)
        expect(await brokers.kill()).to.equal(SIZE.sideBySide * SIZE.rounds)
        await brokers.end()
      }
    })
  }
})
