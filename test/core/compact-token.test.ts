import { expect } from 'chai'
import fc from 'fast-check'
import { MAX_TOKEN_CHARS, parseCompactToken } from '../../src/core/compact-token.ts'

const encode = (part: object | string): string =>
  Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url')
const token = (header: object | string = { alg: 'EdDSA' }, payload: object | string = { sub: 'bot' }): string =>
  `${encode(header)}.${encode(payload)}.${Buffer.alloc(64, 7).toString('base64url')}`
const errorOf = (text: string): string => {
  const parsed = parseCompactToken(text)
  return parsed.ok ? 'accepted' : parsed.error
}

/** What a lenient decoder, such as that of JWT libraries, makes of a token. */
const meaning = (text: string): string => {
  const [head = '', body = '', signature = '', ...rest] = text.split('.')
  return JSON.stringify([head, body, signature].map((part) => Buffer.from(part, 'base64').toString('hex')).concat(rest))
}

describe('a compact token', () => {
  it('reads as its header and payload', () => {
    const parsed = parseCompactToken(token({ alg: 'ES256', kid: 'k1', typ: 'JWT' }, { sub: 'bot', n: 1 }))
    expect(parsed.ok && parsed.value).to.deep.equal({
      algorithm: 'ES256',
      kid: 'k1',
      type: 'jwt',
      header: { alg: 'ES256', kid: 'k1', typ: 'JWT' },
      payload: { sub: 'bot', n: 1 },
    })
  })

  it('has one spelling: of all texts that decode alike, exactly one is read', () => {
    const original = token({ alg: 'EdDSA', kid: 'é~?' }, { sub: 'ÿþ~~??', list: ['>>>', '???'] })
    expect(errorOf(original)).to.equal('accepted')
    const alphabet = [...Array.from('ABCDwxyz0189-_+/=. \n\t\r%'), '\u00a0', 'é']
    const edits = fc.array(
      fc.record({
        at: fc.nat(original.length),
        take: fc.nat(2),
        put: fc.array(fc.constantFrom(...alphabet), { maxLength: 2 }),
      }),
      { minLength: 1, maxLength: 3 },
    )
    fc.assert(
      fc.property(edits, (list) => {
        const other = list.reduce(
          (text, { at, take, put }) => text.slice(0, at) + put.join('') + text.slice(at + take),
          original,
        )
        return other === original || meaning(other) !== meaning(original) || !parseCompactToken(other).ok
      }),
      { numRuns: 5_000 },
    )
  })

  it('has no twin by its last character, by padding, by the other alphabet or by white space', () => {
    const original = token({ alg: 'EdDSA' }, { sub: '~~??>>' })
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const last = Array.from(alphabet, (char) => char).map((char) => original.slice(0, -1) + char)
    const others = [
      `${original}=`,
      `${original}==`,
      `${original}\n`,
      ` ${original}`,
      original.replaceAll('_', '/').replaceAll('-', '+'),
      original.replace('.', '=.'),
    ]
    const twins = [...last, ...others].filter((text) => text !== original && meaning(text) === meaning(original))
    expect(twins.length, 'a control: lenient decoders see twins').to.be.greaterThan(15)
    for (const twin of twins) expect(errorOf(twin), twin).to.equal('holds a part that is not canonical base64url')
  })

  it('is canonical exactly where encoding what was decoded gives the same text back', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Za-z0-9_-]{1,24}$/), (part) => {
        const canonical = Buffer.from(part, 'base64url').toString('base64url') === part
        return canonical === !errorOf(`${encode({ alg: 'x' })}.${encode({})}.${part}`).includes('canonical')
      }),
    )
  })

  const refused: readonly (readonly [string, string, string])[] = [
    ['an empty text', '', 'three non-empty parts'],
    ['two parts', 'e30.e30', 'three non-empty parts'],
    ['four parts', `${token()}.e30`, 'three non-empty parts'],
    ['no signature', `${encode({ alg: 'none' })}.e30.`, 'three non-empty parts'],
    ['a token over the limit', token({ alg: 'x' }, { filler: 'x'.repeat(MAX_TOKEN_CHARS) }), 'longer than 16384'],
    ['a name twice in the header', token('{"alg":"EdDSA","alg":"none"}'), 'twice'],
    ['a name twice in the payload', token({ alg: 'x' }, '{"sub":"bot","sub":"other"}'), 'twice'],
    ['a name twice by an escape', token({ alg: 'x' }, '{"sub":"bot","s\\u0075b":"other"}'), 'twice'],
    ['a payload that is a list', token({ alg: 'x' }, []), 'not an object'],
    ['a payload that is text', token({ alg: 'x' }, '"bot"'), 'not an object'],
    ['a header that is null', token('null'), 'not an object'],
    ['JSON that is not JSON', token({ alg: 'x' }, '{sub:1}'), 'not JSON'],
    ['a byte order mark', token({ alg: 'x' }, '\ufeff{}'), 'not JSON'],
    [
      'bytes that are not UTF-8',
      `${encode({ alg: 'x' })}.${Buffer.from([0x7b, 0xff, 0x7d]).toString('base64url')}.AAAA`,
      'not UTF-8',
    ],
    ['no algorithm', token({}), 'no algorithm'],
    ['an algorithm that is no text', token({ alg: ['EdDSA'] }), 'no algorithm'],
    ['a kid that is no text', token({ alg: 'x', kid: 1 }), 'kid or typ'],
    ['a kid that is null', token({ alg: 'x', kid: null }), 'kid or typ'],
    ['a typ that is no text', token({ alg: 'x', typ: {} }), 'kid or typ'],
    ['crit', token({ alg: 'x', crit: ['exp'] }), 'crit'],
    ['b64', token({ alg: 'x', b64: false }), 'b64'],
    ['an embedded key', token({ alg: 'x', jwk: { kty: 'OKP' } }), 'jwk'],
    ['a key address', token({ alg: 'x', jku: 'https://evil.example/jwks' }), 'jku'],
    ['a certificate address', token({ alg: 'x', x5u: 'https://evil.example/cert' }), 'x5u'],
  ]
  for (const [name, text, error] of refused) {
    it(`is refused with ${name}`, () => {
      expect(errorOf(text)).to.include(error)
    })
  }

  const types = [
    ['JWT', 'jwt'],
    ['application/at+JWT', 'at+jwt'],
    ['APPLICATION/jwt', 'jwt'],
    ['text/jwt', 'text/jwt'],
    ['application/a/b', 'application/a/b'],
  ] as const
  for (const [typ, type] of types) {
    it(`of typ ${typ} is of type ${type}`, () => {
      const parsed = parseCompactToken(token({ alg: 'x', typ }))
      expect(parsed.ok && parsed.value.type).to.equal(type)
    })
  }
})
