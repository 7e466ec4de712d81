import { expect } from 'chai'
import fc from 'fast-check'

import { ARGUMENT_LIMITS, oversize } from '../../../src/core/argument-bounds/argument-size.ts'
import type { Json, JsonObject } from '../../../src/core/json.ts'
import { outside } from './support/evaluate.ts'

const nested = (levels: number): Json =>
  levels === 0 ? 1 : levels % 2 === 0 ? [nested(levels - 1)] : { a: nested(levels - 1) }
const members = (count: number): JsonObject =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [`m${at}`, at]))
/** Three arguments that take so many bytes as JSON. */
const filled = (bytes: number): JsonObject => {
  const rest = text(bytes - 2 * 8000 - '{"x":"","y":"","z":""}'.length)
  return { x: text(8000), y: text(8000), z: rest }
}
const text = (bytes: number): string => 'x'.repeat(bytes)

describe('the size of arguments', () => {
  const cases: readonly (readonly [name: string, args: JsonObject, fault: RegExp | undefined])[] = [
    ['none', {}, undefined],
    ['a text of 8 KiB', { x: text(8192) }, undefined],
    ['a longer text', { x: text(8193) }, /text of more than 8192 bytes/],
    ['a text of 8 KiB in signs of three bytes', { x: '\u20ac'.repeat(2730) }, undefined],
    ['a longer text in signs of three bytes', { x: '\u20ac'.repeat(2731) }, /text of more than 8192 bytes/],
    ['a longer name', { [text(8193)]: 1 }, /text of more than 8192 bytes/],
    ['256 items', { x: Array.from({ length: 256 }, () => 1) }, undefined],
    ['257 items', { x: Array.from({ length: 257 }, () => 1) }, /more than 256 items/],
    ['256 members', members(256), undefined],
    ['257 members', members(257), /more than 256 items/],
    ['8 levels, the arguments themselves among them', { x: nested(7) }, undefined],
    ['9 levels', { x: nested(8) }, /more than 8 deep/],
    ['16 KiB', filled(16_384), undefined],
    ['a byte more', filled(16_385), /more than 16384 bytes/],
    ['16 KiB in signs that JSON escapes', { x: '"'.repeat(8000), y: text(400) }, /more than 16384 bytes/],
  ]
  for (const [name, args, fault] of cases) {
    it(`${fault ? 'is too much with' : 'allows'} ${name}`, () => {
      if (fault) expect(oversize(args)).to.match(fault)
      else expect(oversize(args)).to.equal(undefined)
    })
  }

  it('is what an oracle says that counts in another way', () => {
    const { bytes, depth, items, textBytes } = ARGUMENT_LIMITS
    const texts = fc.oneof(
      fc.string({ maxLength: 3 }),
      fc.constantFrom('\u20ac'.repeat(2730), '\u20ac'.repeat(2731), text(5000), '"'.repeat(4000)),
    )
    const args = fc.dictionary(
      fc.string({ maxLength: 3 }),
      fc.oneof(
        texts,
        fc.array(texts, { maxLength: 3 }),
        fc.integer({ min: 5, max: 9 }).map(nested),
        fc.constantFrom(256, 257).map(members),
      ),
      { maxKeys: 3 },
    )
    fc.assert(
      fc.property(args, (given) => {
        const json = JSON.stringify(given)
        const strings: string[] = []
        const counts: number[] = []
        JSON.parse(json, (name, value: unknown) => {
          strings.push(name)
          if (typeof value === 'string') strings.push(value)
          if (typeof value === 'object' && value !== null) counts.push(Object.keys(value).length)
          return value
        })
        let [level, deepest] = [0, 0]
        for (const sign of json.replace(/"(?:[^"\\]|\\.)*"/g, '')) {
          if ('{['.includes(sign)) level += 1
          if ('}]'.includes(sign)) level -= 1
          deepest = Math.max(deepest, level)
        }
        const tooMuch =
          Buffer.byteLength(json) > bytes ||
          deepest > depth ||
          counts.some((count) => count > items) ||
          strings.some((each) => Buffer.byteLength(each) > textBytes)
        expect(oversize(given) !== undefined).to.equal(tooMuch)
      }),
      { numRuns: 500 },
    )
  })

  it('refuses a call whatever the lease says of its arguments', () => {
    expect(outside({}, text(8193))).to.deep.equal({
      argument: null,
      bound: 'size',
      found: null,
      message: 'The arguments hold a text of more than 8192 bytes, which is too much to judge',
    })
  })
})
