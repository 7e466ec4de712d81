import { expect } from 'chai'
import { begunBy, failedCutOff, type CutOffSoFar, type Recovery } from '../../src/core/recovery.ts'

const NOW = 1_000_000
const BEGUN = { at: NOW, by: 'ada@example.com', reason: 'A laptop was stolen' }

describe('a cut-off that failed', () => {
  it('is tried again, less and less often, and never later than in five minutes', () => {
    let soFar: CutOffSoFar | undefined
    const waits = Array.from({ length: 8 }, () => {
      soFar = failedCutOff(soFar, 'It is away', NOW)
      return (soFar.nextAttemptAt - NOW) / 1000
    })
    expect(waits).to.deep.equal([10, 20, 40, 80, 160, 300, 300, 300])
    expect(soFar).to.deep.include({ done: false, error: 'It is away', attempts: 8, ended: [], remains: [] })
  })

  it('waits as long after a thousand times', () => {
    const before = { ...failedCutOff(undefined, 'x', NOW), attempts: 1000 }
    expect(failedCutOff(before, 'x', NOW).nextAttemptAt).to.equal(NOW + 300_000)
  })
})

describe('a recovery that an operator begins', () => {
  it('is one that somebody suspects, where the broker stood in none', () => {
    expect(begunBy(null, BEGUN)).to.deep.equal({
      cause: 'suspected',
      detail: 'an operator suspects a compromise',
      since: NOW,
      begun: BEGUN,
      cutOffs: {},
    })
  })

  it('keeps what was found, where the broker stood in one', () => {
    const found: Recovery = { cause: 'restored', detail: 'x', since: 5, begun: null, cutOffs: {} }
    expect(begunBy(found, BEGUN)).to.deep.equal({ ...found, begun: BEGUN })
  })
})
