import { expect } from 'chai'
import fc from 'fast-check'

import type { Json } from '../../../src/core/json.ts'
import { COMPARE_AS } from '../../../src/core/tool-access.ts'
import { holds, misplaced, type Row } from './support/evaluate.ts'

const rows: readonly Row[] = [
  [{ equals: 'a' }, ['a'], ['A', ' a', 'a\u0000', ['a'], null, { a: 'a' }]],
  [{ equals: 1 }, [1, 1.0], ['1', true, [1], 1.0000001]],
  [{ equals: 0 }, [0, -0], [false, null, '', '0', []]],
  [{ equals: true }, [true], ['true', 1]],
  [{ equals: null }, [null], [false, 0, '', [], {}]],
  [{ equals: [] }, [[]], [null, {}, '', [[]], [null]]],
  [{ equals: {} }, [{}], [[], null, { a: null }]],
  [{ equals: [1, [2]] }, [[1, [2]]], [[[2], 1], [1, 2], [1, ['2']], [1, [2], null]]],
  [{ equals: { a: { b: [1] }, c: null } }, [{ c: null, a: { b: [1] } }], [{ a: { b: [1] } }, { a: { b: [1] }, c: null, d: 1 }, { a: { b: ['1'] }, c: null }]],
  [{ equals: { toString: 1 } }, [{ toString: 1 }], [{}, { constructor: 1 }]],
  [{ equals: '\u00e9' }, ['\u00e9'], ['e\u0301']],
  [{ one_of: ['a', 1, null, [2]] }, ['a', 1, null, [2]], ['1', 2, [], 'b', ['a'], ['a', 1, null, [2]]]],
  [{ one_of: [] }, [], [null, [], '']],
  [{ one_of: 'abc' }, [], ['a', 'abc']],
  [{ subset_of: ['a', 1] }, [[], ['a'], [1, 'a', 1]], [['1'], ['a', 'b'], [['a']], 'a', { 0: 'a' }, null, [null]]],
  [{ subset_of: 'ab' }, [], [['a'], []]],
  [{ max_items: 1 }, [[], [1], [[1, 2]]], [[1, 2], 'a', {}, null, 0]],
  [{ max_items: '1' }, [], [[]]],

  [
    { equals: '2026-05-19 12:00', as: 'time' },
    ['2026-05-19 12:00', '2026-05-19T12:00', '2026-05-19t12:00:00', '2026-05-19 12:00:00.000'],
    ['2026-05-19T12:00:00Z', '2026-05-19 12:00:01', '2026-05-19 12:00:00.001', '2026-05-19', '2026-05-19 12', '2026-05-19  12:00', ' 2026-05-19 12:00', '2026-5-19 12:00', '19.05.2026 12:00', '2026-05-19 24:00', 1779192000000, ['2026-05-19 12:00'], '2026-05-19 12:00\n'],
  ],
  [
    { equals: '2026-05-19T12:00:00Z', as: 'time' },
    ['2026-05-19t12:00z', '2026-05-19T12:00:00+00:00', '2026-05-19T12:00:00-00:00', '2026-05-19 14:00+02:00', '2026-05-19T06:30:00-0530', '2026-05-20T01:00+13:00', '2026-05-19T12:00:00.000000000000Z'],
    ['2026-05-19T12:00:00', '2026-05-19T12:00:00+02:00', '2026-05-19T12:00:00.0000000001Z', '2026-05-19T12:00:00 Z', '2026-05-19T12:00:00+24:00', '2026-05-19T12:00:00+00:60'],
  ],
  [{ equals: '2026-05-19', as: 'time' }, ['2026-05-19'], ['2026-05-19 00:00', '2026-05-19T00:00Z', '2026-05-20', '20260519']],
  [{ equals: '2024-02-29', as: 'time' }, ['2024-02-29'], ['2024-03-01']],
  [{ equals: '2026-02-29', as: 'time' }, [], ['2026-02-29', '2026-03-01']],
  [{ equals: '2026-03-01', as: 'time' }, [], ['2026-02-29']],
  [{ equals: '1999-01-01', as: 'time' }, ['1999-01-01'], ['0099-01-01']],
  [{ equals: '2016-12-31T23:59:60Z', as: 'time' }, [], ['2016-12-31T23:59:60Z', '2017-01-01T00:00:00Z']],
  [{ equals: 'tomorrow', as: 'time' }, [], ['tomorrow']],

  [
    { one_of: ['Dana.X@Example.com', 'b@b\u00fccher.example'], as: 'email' },
    ['dana.x@example.com', 'DANA.X@EXAMPLE.COM', 'b@xn--bcher-kva.example'],
    ['danax@example.com', 'dana.x+1@example.com', 'dana.x@mail.example.com', 'Dana <dana.x@example.com>', '"dana.x"@example.com', ' dana.x@example.com', 'dana.x@example.com, dana.x@example.com', 'd\u0430na.x@example.com', '\u212aana.x@example.com', ['dana.x@example.com'], 'dana.x'],
  ],
  [{ equals: 'k@example.com', as: 'email' }, ['K@example.com'], ['\u212a@example.com']],
  [{ subset_of: ['a@x.example', 'b@x.example'], as: 'email' }, [['A@X.example'], [], ['b@x.example', 'a@x.example']], [['a@x.example', 'c@x.example'], ['a@x.example', null], 'a@x.example']],
  [{ equals: 'Dana', as: 'email' }, [], ['Dana', 'dana']],

  [
    { equals: 'www.example.com', as: 'url' },
    ['www.example.com', 'www.example.com/', 'http://www.example.com', 'https://WWW.Example.com/', 'https://www.example.com:443', 'http://www.example.com:80/', 'www.example.com:443'],
    ['example.com', 'www.example.com.', 'https://www.example.com:8443', 'www.example.com/a', 'https://www.example.com?a', 'https://www.example.com/#a', 'https://u@www.example.com', 'ftp://www.example.com', '//www.example.com', 'www.example.com\\', 'www.example.com ', 'https://www.example.com//', 'www.example.com@evil.example', 'https:www.example.com', 'www.ex\u0430mple.com'],
  ],
  [{ equals: 'https://example.com/a/', as: 'url' }, ['https://example.com/a', 'example.com/a/', 'https://EXAMPLE.com:443/a'], ['http://example.com/a', 'https://example.com/A', 'https://example.com/a//', 'https://example.com/a/.', 'https://example.com/b/../a', 'https://example.com/%61']],
  [{ equals: 'https://example.com/a?x=1#y', as: 'url' }, ['https://example.com/a/?x=1#y', 'example.com/a?x=1#y'], ['https://example.com/a', 'https://example.com/a?x=1', 'https://example.com/a?X=1#y', 'https://example.com/a?x=1/#y']],
  [{ equals: 'http://[::1]:8080/', as: 'url' }, ['[::1]:8080', 'http://[0:0::1]:8080'], ['http://[::1]']],
  [{ equals: 'b\u00fccher.example', as: 'url' }, ['https://xn--bcher-kva.example'], ['https://bucher.example']],
  [{ equals: 'https://example.com/a/../b', as: 'url' }, [], ['https://example.com/a/../b', 'https://example.com/b']],
  [{ equals: 'javascript:alert(1)', as: 'url' }, [], ['javascript:alert(1)']],

  [{ equals: '1.50', as: 'decimal' }, ['1.5', '1.500', 1.5], ['01.5', '+1.5', '15e-1', ' 1.5', '1,5', true, ['1.5']]],
  [{ one_of: [0, '10'], as: 'decimal' }, [-0, '-0', '0.00', '10.0', 10], ['00', '1e1', '']],
  [{ equals: true, as: 'decimal' }, [], [true, 1, '1']],

  [{ equals: 'a', as: 'name' }, [], ['a']],
  [{ equals: 'a', as: null }, [], ['a']],
  [{ equals: 'a', as: ['email'] }, [], ['a']],
  [{ as: 'email' }, [], ['a@x.example']],
  [{ prefix: 'a', as: 'email' }, [], ['a@x.example']],
] // prettier-ignore

const json = fc.jsonValue({ maxDepth: 3 }).map((value) => value as Json)

/** Spellings that are often equal to one another as one of the kinds, and often not. */
const time = fc
  .tuple(
    fc.constantFrom('2026-05-19', '2026-05-20'),
    fc.constantFrom('', 'T', ' '),
    fc.constantFrom('00:00', '12:00', '22:00:00', '12:00:00.0', '12:00:00.01'),
    fc.constantFrom('', 'Z', '+02:00', '-10:00', '+0000'),
  )
  .map(([day, divider, at, zone]) => (divider === '' ? day : day + divider + at + zone))
const email = fc
  .tuple(
    fc.constantFrom('a', 'A', 'b'),
    fc.constantFrom('x.example', 'X.example', 'y.x.example', 'b\u00fccher.example', 'xn--bcher-kva.example', ''),
  )
  .map((parts) => parts.join('@'))
const url = fc
  .tuple(
    fc.constantFrom('', 'http://', 'https://', 'HTTPS://', 'ftp://'),
    fc.constantFrom('x.example', 'X.example', 'x.example:443', 'x.example:80', 'y.example', '[::1]'),
    fc.constantFrom('', '/', '/a', '/a/', '/A', '/a?b', '/a/?b', '/../a'),
  )
  .map((parts) => parts.join(''))
const decimal = fc.oneof(
  fc.constantFrom('1', '1.0', '01', '-1', '-0', '0.0', '1e0', ''),
  fc.constantFrom(1, -1, 0, -0, 1.5),
  fc.constant('1.50'),
)
const SPELLINGS: Readonly<Record<(typeof COMPARE_AS)[number], fc.Arbitrary<Json>>> = { time, email, url, decimal }

describe('equality of values', () => {
  it('is deep, of one type, and by meaning where `as` says so', () => {
    expect(misplaced(rows)).to.deep.equal([])
  })

  it('is symmetric, and everything equals itself', () => {
    fc.assert(
      fc.property(json, json, (a, b) => {
        expect(holds({ equals: a }, b)).to.equal(holds({ equals: b }, a))
        expect(holds({ equals: a }, a)).to.equal(true)
      }),
    )
  })

  it('is what canonical text says it is', () => {
    const canonical = (value: Json): string =>
      Array.isArray(value)
        ? `[${(value as readonly Json[]).map(canonical).join()}]`
        : typeof value === 'object' && value !== null
          ? `{${Object.entries(value).map(([name, part]) => `${JSON.stringify(name)}:${canonical(part)}`).sort().join()}}` // prettier-ignore
          : JSON.stringify(value)
    const small = fc.jsonValue({ maxDepth: 1 }).map((value) => value as Json)
    const few = fc.array(fc.oneof(small, fc.constantFrom<Json>('a', 1, null, [])), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(few, few, (wanted, items) => {
        const known = new Set(wanted.map(canonical))
        const [first = null] = items
        expect(holds({ one_of: wanted }, first)).to.equal(known.has(canonical(first)))
        expect(holds({ subset_of: wanted }, items)).to.equal(items.every((item) => known.has(canonical(item))))
      }),
    )
  })

  for (const as of COMPARE_AS) {
    it(`is symmetric as ${as}, and never refuses what is equal as text and can be read`, () => {
      let equal = 0
      fc.assert(
        fc.property(SPELLINGS[as], SPELLINGS[as], (a, b) => {
          const held = holds({ equals: a, as }, b)
          if (held) equal += 1
          expect(holds({ equals: b, as }, a)).to.equal(held)
          if (held) expect([holds({ equals: a, as }, a), holds({ equals: b, as }, b)]).to.deep.equal([true, true])
          expect(holds({ one_of: [a], as }, b)).to.equal(held)
          expect(holds({ subset_of: [a], as }, [b])).to.equal(held)
        }),
        { numRuns: 2000 },
      )
      expect(equal).to.be.within(30, 1970)
    })
  }

  it('of instants is what Date says, and of local times what Date says of both in one zone', () => {
    const at = (text: string): number => Date.parse(text.replace(' ', 'T').replace('+0000', 'Z'))
    const zoned = (text: string): boolean => /(?:Z|[+-]\d{2}:?\d{2})$/.test(text.slice(10))
    fc.assert(
      fc.property(time, time, (a, b) => {
        const kind = (text: string): string => (text.length === 10 ? 'day' : zoned(text) ? 'instant' : 'local')
        const exact = (text: string): number => (kind(text) === 'local' ? at(`${text}Z`) : at(text))
        expect(holds({ equals: a, as: 'time' }, b), `${a} and ${b}`).to.equal(
          kind(a) === kind(b) && exact(a) === exact(b),
        )
      }),
      { numRuns: 2000 },
    )
  })

  it('of URLs is what WHATWG makes of them, a missing scheme read as either', () => {
    const hrefs = (text: string): readonly string[] => {
      if (text.includes('..') || text.startsWith('ftp')) return []
      const whole = /^https?:/i.test(text) ? [text] : [`http://${text}`, `https://${text}`]
      return whole.map((each) => {
        const { href, search } = new URL(each)
        return href.slice(0, href.length - search.length).replace(/\/$/, '') + search
      })
    }
    fc.assert(
      fc.property(url, url, (a, b) => {
        const equal = hrefs(a).some((each) => hrefs(b).includes(each))
        expect(holds({ equals: a, as: 'url' }, b), `${a} and ${b}`).to.equal(equal)
      }),
      { numRuns: 2000 },
    )
  })
})
