import { expect } from 'chai'
import fc from 'fast-check'

import { allowance, CLOSED, PROBE_EVERY_MS, unreachable, type Breaker } from '../../src/core/breaker.ts'
import { MINUTE_MS } from '../../src/core/time.ts'

const NOW = Date.UTC(2026, 10, 25)

describe('the circuit breaker of a target', () => {
  it('lets everything through while the target answers', () => {
    for (const now of [0, NOW]) expect(allowance(CLOSED, now)).to.equal('all')
  })

  it('parks everything for 15 s once it cannot be reached, then lets one row ask', () => {
    const open = unreachable(NOW)
    expect(allowance(open, NOW)).to.equal('none')
    expect(allowance(open, NOW + PROBE_EVERY_MS - 1)).to.equal('none')
    expect(allowance(open, NOW + PROBE_EVERY_MS)).to.equal('probe')
  })

  it('makes nobody wait for a time that a clock was set back from', () => {
    expect(allowance(unreachable(NOW + 3_650 * 86_400_000), NOW)).to.equal('probe')
  })

  it('lets at most four rows a minute ask, however often somebody looks and however long the outage takes', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20_000), { minLength: 1, maxLength: 300 }), (steps) => {
        let [breaker, now]: [Breaker, number] = [unreachable(NOW), NOW]
        const probes: number[] = []
        for (const step of steps) {
          now += step
          if (allowance(breaker, now) !== 'probe') continue
          probes.push(now)
          breaker = unreachable(now)
        }
        for (const probe of probes)
          expect(probes.filter((other) => other >= probe && other < probe + MINUTE_MS).length).to.be.at.most(4)
      }),
    )
  })
})
