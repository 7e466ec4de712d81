import fc from 'fast-check'
import { keepsItsInvariants } from '../support/state-machine/tell.ts'

/** `SOAK=50 npm run test:soak` goes on ten times as long; `SEED=... PATH_TO=...` of a failure tells that story again, and shortens it. */
const TIMES = Number(process.env['SOAK'] ?? 5)
const { SEED, PATH_TO } = process.env

describe('the ledger as a state machine, for a long time,', function () {
  this.timeout(0)

  it('keeps its invariants after every step of every story', async () => {
    const again = SEED === undefined ? {} : { seed: Number(SEED), ...(PATH_TO !== undefined && { path: PATH_TO }) }
    await fc.assert(keepsItsInvariants(), { numRuns: TIMES * 200, ...again })
  })
})
