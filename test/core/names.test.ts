import { expect } from 'chai'
import fc from 'fast-check'
import { inspect } from 'node:util'

import { bearerKindOf, formatBearerToken, type BearerKind } from '../../src/core/bearer-token.ts'
import { formatId, parseId } from '../../src/core/id.ts'
import { Secret } from '../../src/core/secret.ts'

const entropy = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })

describe('ids', () => {
  it('have the form that the API promises', () => {
    fc.assert(
      fc.property(fc.nat({ max: 2 ** 47 }), entropy(10), (at, bytes) => {
        const id = formatId('lse', at, bytes)
        expect(id).to.match(/^[a-z]{3}_[0-9a-hjkmnp-tv-z]{26}$/)
        expect(parseId('lse', id)).to.equal(id)
        expect(parseId('crd', id)).to.equal(undefined)
      }),
    )
  })

  it('sort by time', () => {
    fc.assert(
      fc.property(fc.nat({ max: 2 ** 47 }), fc.nat({ max: 2 ** 47 }), entropy(10), entropy(10), (a, b, x, y) => {
        if (a < b) expect(formatId('lse', a, x) < formatId('lse', b, y)).to.equal(true)
      }),
    )
  })

  it('tell entropy apart to the last bit', () => {
    const last = Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 1])
    expect(formatId('lse', 0, last)).to.equal(`lse_${'0'.repeat(25)}1`)
    expect(formatId('lse', 0, new Uint8Array(10).fill(255))).to.equal(`lse_${'0'.repeat(10)}${'z'.repeat(16)}`)
  })
})

describe('opaque tokens', () => {
  for (const kind of ['l', 'o', 'p'] as BearerKind[]) {
    it(`of kind ${kind} are recognised, and a mistyped one is refused without a look-up`, () => {
      fc.assert(
        fc.property(entropy(32), fc.nat(), fc.constantFrom('A', 'z', '0', '_', '-'), (bytes, at, sign) => {
          const token = formatBearerToken(kind, bytes)
          expect(bearerKindOf(token)).to.equal(kind)
          const place = at % token.length
          const typo = token.slice(0, place) + sign + token.slice(place + 1)
          if (typo !== token) expect(bearerKindOf(typo)).to.equal(undefined)
        }),
      )
    })
  }
})

describe('a secret', () => {
  it('shows itself in no string, JSON or inspection, at any depth', () => {
    const secret = new Secret('canary-value')
    const shown = [
      String(secret),
      JSON.stringify({ secret }),
      inspect({ deep: { secret } }, { depth: 9, showHidden: true }),
      secret.toString(),
    ]
    for (const text of shown) expect(text).not.to.include('canary-value')
    expect(secret.unwrap()).to.equal('canary-value')
  })
})
