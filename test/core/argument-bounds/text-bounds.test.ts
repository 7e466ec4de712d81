import { expect } from 'chai'
import fc from 'fast-check'

import { holdsAny } from '../../../src/core/argument-bounds/holds-any.ts'
import { holds, misplaced, outside, type Row } from './support/evaluate.ts'

/** Letters, marks and a sign beyond 16 bits, so that every way to cut a text in two comes up. */
const text = fc
  .array(fc.constantFrom('a', 'b', 'e', '\u0301', '\u0327', '\u00e9', '\u{1f600}'), { maxLength: 6 })
  .map((signs) => signs.join(''))

const rows: readonly Row[] = [
  [{ prefix: 'ab' }, ['ab', 'abc'], ['a', 'Ab', ' ab', 'xab', ['ab'], { ab: 1 }, 12, null, true]],
  [{ prefix: '1' }, ['1', '12'], [1, 12, true]],
  [{ prefix: ['x', 'ab'] }, ['abc', 'xyz'], ['yx']],
  [{ prefix: 'e' }, ['ev'], ['e\u0301v', '\u00e9v']],
  [{ prefix: '\u00e9' }, ['e\u0301v', '\u00e9v'], ['ev']],
  [{ prefix: 'e\u0301' }, ['e\u0301v', '\u00e9v'], ['ev']],
  [{ prefix: 'pay' }, ['pay'], ['\u0440ay', '\uff50ay', 'p\u200bay']],
  [{ suffix: '.csv' }, ['.csv', 'a.csv'], ['a.csv ', 'a.csv\n', 'a.csv.exe', 'a.CSV']],
  [{ suffix: ['\u00e9'] }, ['cafe\u0301'], ['cafe']],
  [{ contains: 'b' }, ['abc', 'b'], ['ac', 'B', ['b']]],
  [{ contains: ['x', 'y'] }, ['axa', 'aya'], ['a']],
  [{ contains: 'e' }, ['bed'], ['be\u0301d']],
  [{ prefix: [] }, [], ['', 'a']],
  [{ prefix: ['a', 1] }, [], ['a']],
  [{ prefix: 1 }, [], ['1', 1]],
  [{ prefix: '' }, ['', 'a'], [1, null, []]],
  [{ max_length: 0 }, [''], ['a', [], 0, null, {}]],
  [{ max_length: 2 }, ['ab', '\u{1f600}\u{1f600}', 'e\u0301'], ['abc', '\u{1f600}\u{1f600}\u{1f600}', 'e\u0301x']],
  [{ max_length: '2' }, [], ['a']],
]

describe('bounds on text', () => {
  it('hold for text that is compared after NFC, and for nothing else', () => {
    expect(misplaced(rows)).to.deep.equal([])
  })

  it('compare whole signs, as an oracle does that looks at one after the other', () => {
    const signs = (value: string): readonly string[] => Array.from(value.normalize('NFC'))
    const startsAt = (all: readonly string[], wanted: readonly string[], at: number): boolean =>
      wanted.every((sign, offset) => all[at + offset] === sign)
    fc.assert(
      fc.property(text, fc.array(text, { minLength: 1, maxLength: 3 }), (value, wanted) => {
        const all = signs(value)
        const each = wanted.map(signs)
        const places = Array.from({ length: all.length + 1 }, (_, at) => at)
        const found = {
          prefix: each.some((one) => startsAt(all, one, 0)),
          suffix: each.some((one) => one.length <= all.length && startsAt(all, one, all.length - one.length)),
          contains: each.some((one) => places.some((at) => startsAt(all, one, at))),
        }
        for (const [name, expected] of Object.entries(found))
          expect(holds({ [name]: wanted }, value), `${name} ${JSON.stringify([value, wanted])}`).to.equal(expected)
      }),
      { numRuns: 3000 },
    )
  })

  it('count code points', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', '\u0301', '\uffff', '\u{10000}', '\u{1f600}'), maxLength: 8 }),
        fc.nat(8),
        (value, most) => {
          let length = 0
          for (let at = 0; at < value.length; at += (value.codePointAt(at) ?? 0) > 0xffff ? 2 : 1) length += 1
          expect(holds({ max_length: most }, value)).to.equal(length <= most)
        },
      ),
    )
  })

  it('refuse text that takes quadratic time to normalise, and take the longest run that does not', () => {
    expect(holds({ prefix: 'a' }, `ab${'\u0301\u0327'.repeat(15)}`)).to.equal(true)
    expect(outside({ prefix: 'a' }, `ab${'\u0301\u0327'.repeat(15)}\u0301`)?.message).to.include('30 combining marks')
    expect(holds({ prefix: `a${'\u0301'.repeat(31)}` }, `a${'\u0301'.repeat(31)}`)).to.equal(false)
  })
})

describe('looking for one of many texts', () => {
  const few = (longest: number) => fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: longest })

  it('finds what one search after the other finds', () => {
    let found = 0
    fc.assert(
      fc.property(few(200), fc.array(few(40), { minLength: 1, maxLength: 8 }), (value, wanted) => {
        // Long enough together that they are not looked for one by one.
        const all = [...wanted, 'c'.repeat(65)]
        const expected = all.some((each) => value.includes(each))
        if (expected) found += 1
        expect(holdsAny(value, all)).to.equal(expected)
      }),
      { numRuns: 1000 },
    )
    expect(found).to.be.within(100, 990)
  })

  it('finds a text that begins inside another one that was almost there', () => {
    const long = 'x'.repeat(65)
    expect(holdsAny('aab', ['aaab', 'ab', long])).to.equal(true)
    expect(holdsAny('abcabd', ['abcabe', 'cabd', long])).to.equal(true)
    expect(holdsAny('abcabc', ['abcabe', 'cabd', long])).to.equal(false)
    expect(holdsAny('', ['a', long])).to.equal(false)
    expect(holdsAny('', ['', long])).to.equal(true)
  })

  it('takes less time than the built-in search over a text made to slow that down', () => {
    const [hay, needle] = ['a'.repeat(60_000), `${'a'.repeat(15_000)}b${'a'.repeat(15_000)}`]
    const timed = (search: () => boolean): number => {
      const before = process.cpuUsage()
      expect(search()).to.equal(false)
      return process.cpuUsage(before).user
    }
    const builtIn = timed(() => hay.includes(needle))
    expect(timed(() => holdsAny(hay, [needle]))).to.be.below(builtIn)
  })
})
