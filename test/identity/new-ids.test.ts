import { expect } from 'chai'
import { bearerKindOf } from '../../src/core/bearer-token.ts'
import { parseId } from '../../src/core/id.ts'
import { createNewIds } from '../../src/identity/new-ids.ts'
import { testClock } from './support/trust.ts'

const KINDS = { lease: 'lse', credential: 'crd', decision: 'dec', approval: 'apr' } as const

describe('a new id', () => {
  for (const [name, prefix] of Object.entries(KINDS) as [keyof typeof KINDS, (typeof KINDS)[keyof typeof KINDS]][]) {
    it(`of the kind ${name} has its prefix and form`, () => {
      const id = createNewIds(() => testClock().now)[name]()
      expect(id).to.match(/^[a-z]{3}_[0-9a-hjkmnp-tv-z]{26}$/)
      expect(parseId(prefix, id)).to.equal(id)
    })
  }

  it('sorts by the time it was made', () => {
    const clock = testClock()
    const ids = createNewIds(() => clock.now)
    const made = Array.from({ length: 2_000 }, () => {
      clock.now += 1
      return ids.lease()
    })
    expect(made).to.deep.equal(made.toSorted())
  })

  it('is new, also within one millisecond and across the refill of the entropy', () => {
    const ids = createNewIds(() => testClock().now)
    const made = Array.from({ length: 5_000 }, () => [
      ids.lease(),
      ids.credential().slice(4),
      ids.leaseToken().unwrap(),
    ])
    expect(new Set(made.flat()).size).to.equal(15_000)
  })
})

describe('a new lease token', () => {
  const ids = createNewIds(() => testClock().now)

  it('has the form of one', () => {
    for (let n = 0; n < 500; n += 1) expect(bearerKindOf(ids.leaseToken().unwrap())).to.equal('l')
  })

  it('prints as a secret', () => {
    const token = ids.leaseToken()
    expect(`${String(token)} ${JSON.stringify({ token })}`).to.equal('[secret] {"token":"[secret]"}')
  })
})
