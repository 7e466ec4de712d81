import { expect } from 'chai'
import fc from 'fast-check'

import { isResource, resourceInside } from '../../src/core/resource.ts'

describe('a resource', () => {
  for (const text of [
    '*',
    'a',
    'orders/1',
    'orders/*',
    'arn:aws:s3:::orders/*',
    'arn:aws:s3:::*',
    '/*',
    'https://api.example/x',
    'a.b/c',
    '.hidden',
    'a..b',
    'ä/ö',
  ]) {
    it(`is exact, or ends in a star after a boundary: ${text}`, () => {
      expect(isResource(text)).to.equal(true)
    })
  }

  for (const text of [
    '',
    '**',
    'a*',
    'orders*',
    '*a',
    'a/*/b',
    'a/**',
    'a?',
    'a b',
    'a\tb',
    'a\u0000',
    'a\u00a0b',
    'a\\b',
    '${aws:username}/x',
    '.',
    '..',
    '../a',
    'a/../b',
    'a/./b',
    'a/..',
    'a:..:b',
    'x/..\u002f*',
  ]) {
    it(`is nothing that somebody downstream reads as more: ${JSON.stringify(text)}`, () => {
      expect(isResource(text)).to.equal(false)
    })
  }
})

describe('a resource inside another', () => {
  const segment = fc.constantFrom('a', 'ab')
  const resource = fc
    .tuple(fc.array(segment, { minLength: 1, maxLength: 3 }), fc.boolean())
    .map(([segments, open]) => segments.join('/') + (open ? '/*' : ''))
  /** Whether a resource covers an exact one, said in another way: by a regular expression. */
  const coversExact = (outer: string, exact: string): boolean =>
    new RegExp(`^${outer.replace(/\*$/, '.*')}$`).test(exact)

  it('names nothing that the outer one does not', () => {
    const path = fc.array(segment, { minLength: 2, maxLength: 4 })
    /** The path itself, or all below a part of it. */
    const around = (segments: readonly string[], length: number): string =>
      length >= segments.length ? segments.join('/') : [...segments.slice(0, length), '*'].join('/')
    let looked = 0
    fc.assert(
      fc.property(path, path, fc.nat(4), fc.nat(4), (some, other, one, two) => {
        const [inner, outer] = [around(some, one), around(other, two)]
        if (!resourceInside(inner, outer)) return
        looked += 1
        expect(coversExact(outer, some.join('/')), `${inner} in ${outer}`).to.equal(true)
      }),
      { numRuns: 1000 },
    )
    expect(looked).to.be.at.least(100)
  })

  it('is ordered: it is inside itself, and in whatever its outer one is inside', () => {
    fc.assert(
      fc.property(resource, resource, resource, (a, b, c) => {
        expect(resourceInside(a, a)).to.equal(true)
        expect(resourceInside(a, '*')).to.equal(true)
        if (resourceInside(a, b) && resourceInside(b, c)) expect(resourceInside(a, c)).to.equal(true)
      }),
    )
  })

  it('is never a pattern inside something exact, nor a neighbour', () => {
    for (const [inner, outer] of [
      ['a/*', 'a/b'],
      ['*', 'a/*'],
      ['ab/1', 'a/*'],
      ['a', 'a/*'],
      ['A/1', 'a/*'],
    ] as const)
      expect(resourceInside(inner, outer), `${inner} in ${outer}`).to.equal(false)
  })
})
