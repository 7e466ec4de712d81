import { expect } from 'chai'
import fc from 'fast-check'

import { parseStrictJson } from '../../src/core/strict-json.ts'

describe('strict JSON', () => {
  const refused: readonly [string, string][] = [
    ['a duplicate name', '{"a":1,"a":2}'],
    ['a duplicate name in another spelling', '{"a":1,"\\u0061":2}'],
    ['a duplicate name far apart', '{"a":{"b":1},"c":[{"a":1}],"a":2}'],
    ['__proto__', '{"__proto__":{}}'],
    ['__proto__ in another spelling', '{"\\u005f_proto__":{}}'],
    ['a NUL in a value', '"a\\u0000"'],
    ['a NUL in a name', '{"a\\u0000":1}'],
    ['a lone high surrogate', '"\\ud800"'],
    ['a lone low surrogate', '["\\udc00x"]'],
    ['a number that is not finite', '1e999'],
    ['an integer beyond 2^53-1', '9007199254740992'],
    ['an integer below -(2^53-1)', '[-9007199254740992]'],
    ['a huge integer in another spelling', '1e20'],
    ['33 levels', '['.repeat(33) + ']'.repeat(33)],
    ['32,000 levels', '{"a":'.repeat(32_000)],
    ['an unfinished string', '"abc'],
    ['a raw control character', '"a\nb"'],
    ['single quotes', "{'a':1}"],
    ['a trailing comma', '[1,]'],
    ['a comment', '{/**/"a":1}'],
    ['NaN', 'NaN'],
    ['a leading zero', '01'],
    ['two values', '1 2'],
    ['a byte order mark', '\ufeff{}'],
    ['nothing', ''],
  ]
  for (const [name, text] of refused) {
    it(`refuses ${name}`, () => {
      expect(parseStrictJson(text)).to.have.property('ok', false)
    })
  }

  const accepted = [
    '{"a":{"a":{"a":1}},"b":["a","a"]}',
    '"a:b"',
    '{"a":"\\"b\\":"}',
    '[9007199254740991,-9007199254740991,0.1,1e-7]',
    '{"constructor":1,"toString":2}',
    '['.repeat(32) + ']'.repeat(32),
    ' \t\r\n{ "a" : 1 } ',
  ]
  for (const text of accepted) {
    it(`reads ${text.slice(0, 40)} as JSON.parse does`, () => {
      expect(parseStrictJson(text)).to.deep.equal({ ok: true, value: JSON.parse(text) as unknown })
    })
  }

  it('reads whatever JSON.stringify writes, or names a rule that it breaks', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), (text) => {
        const parsed = parseStrictJson(text)
        if (parsed.ok) expect(parsed.value).to.deep.equal(JSON.parse(text))
        else expect(parsed.error).to.match(/NUL|surrogate|integer|finite|__proto__/)
      }),
    )
  })

  it('never accepts what JSON.parse refuses', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('{', '}', '[', ']', '"', ':', ',', 'a', '1', '\\', ' ', '-', 'e') }),
        (text) => {
          if (parseStrictJson(text).ok) expect(() => JSON.parse(text) as unknown).not.to.throw()
        },
      ),
    )
  })
})
