import { expect } from 'chai'
import fc from 'fast-check'

import { outsideBounds } from '../../../src/core/argument-bounds/outside-bounds.ts'
import type { Json, JsonObject } from '../../../src/core/json.ts'
import { toolInside } from '../../../src/core/tool-access.ts'
import { ArgumentBounds } from '../../../src/http/schemas/argument-bounds.ts'
import { entry, holds, misplaced, outside, type AnyBounds, type Row } from './support/evaluate.ts'

const rows: readonly Row[] = [
  [{}, ['', 0, false, null, [], {}, 'a'], []],
  [{ absent: true }, [null, []], ['', 0, false, {}, [null], 'a']],
  [{ absent: true, equals: 'a' }, [null, [], 'a'], ['b', '', {}, ['a']]],
  [{ absent: true, max_items: 1, subset_of: ['a'] }, [null, [], ['a']], [['a', 'a'], ['b'], 'a']],
  [{ prefix: 'a', suffix: 'z' }, ['az', 'a to z'], ['a', 'z', 'ab', 'yz']],
  [{ min: 1, max: 3, one_of: [2, 3, 4] }, [2, 3], [1, 4, 5]],
  [{ host: 'good.example', url_prefix: 'https://eu.good.example/v1' }, ['https://eu.good.example/v1/x'], ['https://good.example/v1', 'https://eu.good.example/']],
  [{ absent: false }, [], [null, [], 'a']],
  [{ absent: 'yes' }, [], [null, [], 'a']],
  [{ matches: '.*' }, [], ['a', '', null]],
  [{ matches: '.*', absent: true }, [], [null, [], 'a']],
  [{ equals: 'a', Equals: 'a' }, [], ['a']],
  [{ toString: 'a' }, [], ['a']],
  [{ equals: undefined }, [], ['a', null]],
] // prettier-ignore

/** Of every constraint a bound, and values that are near enough to it to be inside. */
const NEAR: Readonly<Record<string, AnyBounds>> = {
  equals: { equals: 'https://good.example/a' },
  one_of: { one_of: ['a@good.example', 5, ['a'], { a: 1 }] },
  subset_of: { subset_of: ['a@good.example', 5] },
  time: { equals: '2026-05-19T12:00Z', as: 'time' },
  email: { equals: 'a@good.example', as: 'email' },
  url: { equals: 'good.example/a', as: 'url' },
  decimal: { equals: '5', as: 'decimal' },
  prefix: { prefix: ['a', '/', 'h'] },
  suffix: { suffix: ['a', 'e', '5'] },
  contains: { contains: ['a', '5'] },
  max: { max: 5 },
  min: { min: '5' },
  max_length: { max_length: 100 },
  max_items: { max_items: 2 },
  within_path: { within_path: '/' },
  host: { host: 'good.example' },
  url_prefix: { url_prefix: 'https://good.example' },
  recipient_domain: { recipient_domain: 'good.example' },
}
const text = fc.constantFrom(
  'https://good.example/a',
  'a@good.example',
  '/a',
  '5',
  '5.0',
  'a',
  '',
  '2026-05-19T12:00:00Z',
)
const scalar = fc.oneof(text, fc.constantFrom<Json>(5, 6, 0, true, false, null))
const value: fc.Arbitrary<Json> = fc.oneof(
  { arbitrary: scalar, weight: 3 },
  fc.array(scalar, { maxLength: 3 }),
  fc.dictionary(fc.constantFrom('a', 'b', '0', 'length'), scalar, { maxKeys: 2 }),
)
const bounds: fc.Arbitrary<AnyBounds> = fc.subarray(Object.values(NEAR), { maxLength: 3 }).map((some) => Object.assign({}, ...some) as AnyBounds) // prettier-ignore

describe('the bounds on arguments', () => {
  it('hold together, know what is absent, and refuse what nobody knows', () => {
    expect(misplaced(rows)).to.deep.equal([])
  })

  it('ask for every named argument that may not be absent', () => {
    for (const [name, near] of Object.entries(NEAR)) {
      expect(holds(near), name).to.equal(false)
      expect(holds({ ...near, absent: true }), name).to.equal(true)
    }
    expect(holds({})).to.equal(false)
    expect(holds({ absent: true })).to.equal(true)
  })

  it('are one example of every constraint in these tests', () => {
    const used = new Set(Object.values(NEAR).flatMap((near) => Object.keys(near)))
    expect(Object.keys(ArgumentBounds.shape).filter((name) => !used.has(name))).to.deep.equal(['absent'])
  })

  it('are never kept by a value of another type', () => {
    const decimals = (given: Json): boolean => typeof given === 'number' || (typeof given === 'string' && !Number.isNaN(Number(given))) // prettier-ignore
    const isText = (given: Json): boolean => typeof given === 'string'
    const isList = (given: Json): boolean => Array.isArray(given)
    const may: Readonly<Record<string, (given: Json) => boolean>> = {
      ...Object.fromEntries(Object.keys(NEAR).map((name) => [name, isText])),
      one_of: (given) => given === 5 || typeof given === 'string' || (typeof given === 'object' && given !== null),
      subset_of: isList,
      max_items: isList,
      decimal: decimals,
      max: decimals,
      min: decimals,
      recipient_domain: (given) => isText(given) || (Array.isArray(given) && (given as readonly Json[]).every(isText)),
    }
    const kept = new Set<string>()
    fc.assert(
      fc.property(fc.oneof(value, fc.jsonValue({ maxDepth: 2 })), (any) => {
        const given = any as Json
        for (const [name, near] of Object.entries(NEAR)) {
          if (!holds(near, given)) continue
          kept.add(name)
          expect(may[name]?.(given), `${name} and ${JSON.stringify(given)}`).to.equal(true)
        }
      }),
      { numRuns: 1000 },
    )
    expect([...kept].sort()).to.deep.equal(Object.keys(NEAR).sort())
  })

  it('are never widened by one more', () => {
    let kept = 0
    fc.assert(
      fc.property(bounds, fc.constantFrom(...Object.keys(NEAR)), value, (some, more, given) => {
        const { as, ...added } = NEAR[more] as Record<string, Json>
        // Another value of the same constraint is not one more, and `as` loosens: it says how, not what.
        if (as !== undefined || Object.keys(added).some((name) => Object.hasOwn(some, name))) return
        if (!holds({ ...some, ...added }, given)) return
        kept += 1
        expect(holds(some, given)).to.equal(true)
        expect(holds(added, given) || some['as'] !== undefined).to.equal(true)
      }),
      { numRuns: 5000 },
    )
    expect(kept).to.be.at.least(50)
  })

  it('are never widened by an entry that is inside another, whatever it adds', () => {
    const extra = fc.oneof(
      fc.constant({}),
      fc.constant({ absent: true }),
      fc.constant({ absent: true, equals: 'a' }),
      bounds,
    )
    const keyed = fc.dictionary(fc.constantFrom('a', '/a', '/a/0', '/a/b', 'b'), extra, { maxKeys: 3 })
    const args = fc.dictionary(fc.constantFrom('a', 'b', 'c'), value, { maxKeys: 2 })
    let kept = 0
    fc.assert(
      fc.property(keyed, keyed, fc.boolean(), fc.boolean(), args, (wide, added, only, wideOnly, given) => {
        const narrow = Object.fromEntries(Object.keys({ ...wide, ...added }).map((key) => [key, { ...added[key], ...wide[key] }])) // prettier-ignore
        const [inner, outer] = [entry(narrow, only), entry(wide, wideOnly)]
        if (!toolInside(inner, outer) || outsideBounds(inner, given)) return
        kept += 1
        expect(outsideBounds(outer, given)).to.equal(undefined)
      }),
      { numRuns: 10_000 },
    )
    expect(kept).to.be.at.least(200)
  })
})

describe('arguments outside their bounds', () => {
  const to = { to: { recipient_domain: 'good.example' } }
  const of = (bounded: Readonly<Record<string, AnyBounds>>, args: JsonObject, only = false) =>
    outsideBounds(entry(bounded, only), args)

  it('are said with argument, bound, what was found and what to do', () => {
    expect(of({ amount: { min: 1, max: 50 } }, { amount: 51 })).to.deep.equal({
      argument: 'amount',
      bound: 'max',
      found: '51',
      message: 'Argument "amount" is outside max 50: 51 is more than that',
    })
    expect(of({ '/to/0': { equals: 'a' } }, { to: [] })).to.deep.equal({
      argument: '/to/0',
      bound: 'required',
      found: null,
      message: 'Argument "/to/0" is not there, and the lease asks for it, with equals',
    })
    expect(of(to, { to: 'a@good.example', options: { cc: 'b@evil.example' } }, true)).to.deep.equal({
      argument: 'options',
      bound: 'only',
      found: '{"cc":"b@evil.example"}',
      message: 'Argument "options" is outside only: the lease allows no other arguments than ["to"]',
    })
  })

  it('say which type there is and which there should be', () => {
    const why = (bound: AnyBounds, given: Json): string => outside(bound, given)?.message.split(': ').at(-1) ?? 'none'
    expect(why({ prefix: 'a' }, 1)).to.equal('1 is a number, not text')
    expect(why({ max: 1 }, true)).to.equal('true is true or false, not a number or a decimal string')
    expect(why({ max: 1 }, 'one')).to.equal('"one" is text, not a number or a decimal string')
    expect(why({ subset_of: [1] }, null)).to.equal('null is null, not a list')
    expect(why({ max_items: 1 }, {})).to.equal('{} is an object, not a list')
    expect(why({ host: 'x' }, [])).to.equal('[] is a list, not text')
  })

  it("show values shortened, and signs that can't be seen written out", () => {
    const found = (given: Json): string => outside({ equals: 1 }, given)?.found ?? 'none'
    expect(found('x'.repeat(500))).to.equal(`"${'x'.repeat(119)}...`)
    expect(found(`${'x'.repeat(118)}\u{1f600}`)).to.equal(`"${'x'.repeat(118)}...`)
    expect(found('a\u202eb\u00a0c\u200bd e\n')).to.equal('"a\\u{202e}b\\u{a0}c\\u{200b}d e\\n"')
    expect(outside({ one_of: Array.from({ length: 200 }, () => 'long') }, 1)?.message).to.have.length.below(300)
  })

  it('are found for every lease of a chain, each by its own entry', () => {
    const chain = [entry(to), entry({ to: { equals: 'a@good.example' } }), entry({})]
    const first = (args: JsonObject) => chain.map((each) => outsideBounds(each, args)?.bound)
    expect(first({ to: 'a@good.example' })).to.deep.equal([undefined, undefined, undefined])
    expect(first({ to: 'b@good.example' })).to.deep.equal([undefined, 'equals', undefined])
    expect(first({ to: 'a@evil.example' })).to.deep.equal(['recipient_domain', 'equals', undefined])
  })

  it('are told from those inside even where a bound makes no sense', () => {
    for (const name of Object.keys(ArgumentBounds.shape))
      for (const bound of [null, true, -1, '', [], {}, [null], '\u0000'] as const)
        if (!['equals', 'one_of', 'subset_of', 'absent', 'max', 'min', 'prefix', 'suffix', 'contains'].includes(name))
          for (const given of [1, 'a', '/a', 'https://a.example/', 'a@a.example', ['a']])
            expect(
              holds({ [name]: bound }, given),
              `${name} ${JSON.stringify(bound)} ${JSON.stringify(given)}`,
            ).to.equal(false)
  })

  it('cost little, however large and however crafted', () => {
    const many = (make: (at: number) => string): readonly string[] => Array.from({ length: 256 }, (_, at) => make(at))
    const hostile: readonly (readonly [AnyBounds, Json])[] = [
      [{ contains: many((at) => `${'a'.repeat(120)}b${at}`) }, 'a'.repeat(8000)],
      [{ contains: many((at) => `a${at}`), prefix: many(String), suffix: many(String) }, 'a'.repeat(8000)],
      [{ prefix: 'b', suffix: 'b', contains: 'b', within_path: '/b' }, '\u0301'.repeat(4000)],
      [{ contains: 'b' }, `a${'\u0334\u0327\u0316\u0301\u0345'.repeat(6)}`.repeat(130)],
      [{ within_path: '/a' }, `/a${'%25'.repeat(2600)}`],
      [{ within_path: '/a' }, `/a${'/.'.repeat(4000)}`],
      [{ url_prefix: many((at) => `https://a.example/${at}`) }, `https://a.example/${'%252'.repeat(2000)}`],
      [{ host: many((at) => `a${at}.example`) }, `https://${'a.'.repeat(120)}example/`],
      [{ recipient_domain: many((at) => `a${at}.example`) }, many((at) => `b@a${at}.example`)],
      [{ recipient_domain: 'a.example' }, `b@a.example${`,${' '.repeat(20)}b@a.example`.repeat(200)}`],
      [{ recipient_domain: 'a.example' }, `${'a.'.repeat(4000)}@a.example`],
      [{ subset_of: many((at) => `a${at}@a.example`), as: 'email' }, many((at) => `a${at}@a.example`)],
      [{ subset_of: many((at) => `\u00fc${at}.example`), as: 'url' }, many((at) => `\u00fc${at}.example`)],
      [{ max: `0.${'0'.repeat(1000)}1` }, `0.${'0'.repeat(8000)}`],
      [{ equals: '1', as: 'decimal' }, `1.${'0'.repeat(8000)}1`],
      [{ equals: '2026-05-19T12:00:00Z', as: 'time' }, `2026-05-19T12:00:00.${'0'.repeat(8000)}`],
    ]
    const slow = hostile.flatMap(([bound, given], at) => {
      outside(bound, given)
      const before = process.cpuUsage()
      outside(bound, given)
      const ms = process.cpuUsage(before).user / 1000
      return ms > 200 ? [`${at}: ${ms} ms`] : []
    })
    expect(slow).to.deep.equal([])
  })
})
