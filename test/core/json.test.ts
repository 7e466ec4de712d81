import { expect } from 'chai'
import fc from 'fast-check'

import { isJsonObject, jsonEquals, type Json } from '../../src/core/json.ts'

const json = fc.jsonValue({ maxDepth: 3 }).map((value) => value as Json)

/** The same value with the members of every object the other way round. */
function reversed(value: Json): Json {
  if (Array.isArray(value)) return value.map((item: Json) => reversed(item))
  if (!isJsonObject(value)) return value
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, item]) => [name, reversed(item)]),
  )
}

describe('two JSON values', () => {
  it('are equal whatever the order of their members', () => {
    fc.assert(fc.property(json, (value) => void expect(jsonEquals(value, reversed(value))).to.equal(true)))
  })

  it('are equal if and only if they read the same in canonical order', () => {
    const sorted = (value: Json): string =>
      JSON.stringify(value, (_, each: Json) =>
        isJsonObject(each) ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1))) : each,
      )
    const small = fc.jsonValue({ maxDepth: 2 }).map((value) => value as Json)
    fc.assert(fc.property(small, small, (a, b) => void expect(jsonEquals(a, b)).to.equal(sorted(a) === sorted(b))))
  })

  const different: readonly (readonly [left: Json, right: Json])[] = [
    [1, '1'],
    [0, false],
    [null, false],
    [null, {}],
    [[], {}],
    [
      [1, 2],
      [2, 1],
    ],
    [[1], [1, 1]],
    [{ a: 1 }, { a: 1, b: 1 }],
    [{ a: 1, b: 1 }, { a: 1 }],
    [{ a: 1 }, { b: 1 }],
    [{ a: { b: 1 } }, { a: { b: 2 } }],
    [{}, { toString: 1 }],
    [{ toString: 1 }, { constructor: 1 }],
  ]
  for (const [left, right] of different) {
    it(`differ: ${JSON.stringify(left)} and ${JSON.stringify(right)}`, () => {
      expect([jsonEquals(left, right), jsonEquals(right, left)]).to.deep.equal([false, false])
    })
  }
})
