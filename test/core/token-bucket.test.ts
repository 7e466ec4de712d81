import { expect } from 'chai'
import fc from 'fast-check'

import { SECOND_MS } from '../../src/core/time.ts'
import { refilled, taken, type TokenBucket } from '../../src/core/token-bucket.ts'

const NOW = Date.UTC(2026, 10, 25)
const RATE = 50

describe('the rate at which a target is drained', () => {
  it('begins full', () => {
    expect(refilled(undefined, RATE, NOW)).to.deep.equal({ tokens: RATE, at: NOW })
  })

  it('comes back with time, and never beyond one second’s worth', () => {
    const empty = taken({ tokens: RATE, at: NOW }, RATE)
    for (const [ms, tokens] of [
      [0, 0],
      [20, 1],
      [500, 25],
      [1000, 50],
      [3_600_000, 50],
    ] as const)
      expect(refilled(empty, RATE, NOW + ms).tokens, `${ms} ms`).to.equal(tokens)
  })

  it('gets nothing from a clock that is set back, and goes on from there', () => {
    const back = refilled({ tokens: 0, at: NOW }, RATE, NOW - 10_000)
    expect(back).to.deep.equal({ tokens: 0, at: NOW - 10_000 })
    expect(refilled(back, RATE, NOW - 9_000).tokens).to.equal(RATE)
  })

  it('lets no more through than its rate and one burst, whoever looks when', () => {
    const step = fc.tuple(fc.integer({ min: -2000, max: 2000 }), fc.nat(80))
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        let [bucket, now, forwardMs, through]: [TokenBucket, number, number, number] = [
          { tokens: RATE, at: NOW },
          NOW,
          0,
          0,
        ]
        for (const [ms, wanted] of steps) {
          now += ms
          forwardMs += Math.max(0, ms)
          bucket = refilled(bucket, RATE, now)
          const count = Math.min(wanted, Math.floor(bucket.tokens))
          bucket = taken(bucket, count)
          through += count
          expect(bucket.tokens).to.be.at.least(0)
        }
        expect(through).to.be.at.most(RATE + (forwardMs / SECOND_MS) * RATE + 1e-6)
      }),
    )
  })
})
