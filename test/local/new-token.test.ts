import { expect } from 'chai'
import { createHash, randomBytes } from 'node:crypto'

import { bearerKindOf } from '../../src/core/bearer-token.ts'
import { newToken } from '../../src/local/new-token.ts'

describe('a new token', () => {
  for (const [holder, kind] of [
    ['operator', 'o'],
    ['pep', 'p'],
  ] as const) {
    it(`for an ${holder} says what it is, and comes with the hash that the configuration wants`, () => {
      const { token, token_sha256 } = newToken(holder, randomBytes)
      expect(bearerKindOf(token)).to.equal(kind)
      expect(token_sha256).to.equal(createHash('sha256').update(token).digest('hex'))
    })
  }

  it('is made of all of the entropy, and of nothing else', () => {
    const of = (fill: number) => newToken('operator', (bytes) => new Uint8Array(bytes).fill(fill)).token
    expect(of(1)).to.equal(of(1))
    expect(of(1)).not.to.equal(of(2))
    let asked = 0
    newToken('pep', (bytes) => {
      asked = bytes
      return randomBytes(bytes)
    })
    expect(asked).to.equal(32)
  })
})
