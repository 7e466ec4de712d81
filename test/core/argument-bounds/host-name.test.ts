import { expect } from 'chai'
import fc from 'fast-check'
import { domainToASCII, domainToUnicode } from 'node:url'

import { hostAndAbove, parseHost, parseHostName } from '../../../src/core/argument-bounds/host-name.ts'
import { decodePunycode } from '../../../src/core/argument-bounds/punycode.ts'

const read = (text: string): string => {
  const host = parseHost(text)
  return host.ok ? host.value : `refused: ${host.error}`
}

describe('a host in one form', () => {
  const same: readonly (readonly [text: string, form: string])[] = [
    ['example.com', 'example.com'],
    ['EXAMPLE.com', 'example.com'],
    ['localhost', 'localhost'],
    ['a_b.r3---sn-x.example', 'a_b.r3---sn-x.example'],
    ['1.2.3.example', '1.2.3.example'],
    ['127.0.0.1', '127.0.0.1'],
    ['[::1]', '[::1]'],
    ['[0:0:0:0:0:0:0:1]', '[::1]'],
    ['[2001:DB8::0:1]', '[2001:db8::1]'],
    ['[::ffff:127.0.0.1]', '[::ffff:7f00:1]'],
    ['b\u00fccher.example', 'xn--bcher-kva.example'],
    ['B\u00dcCHER.example', 'xn--bcher-kva.example'],
    ['XN--BCHER-KVA.example', 'xn--bcher-kva.example'],
    ['xn--fa-hia.example', 'xn--fa-hia.example'],
    ['\u043f\u0440\u0438\u043c\u0435\u0440.\u0440\u0444', 'xn--e1afmkfd.xn--p1ai'],
    ['\u30c6\u30b9\u30c8ab\u6f22\u5b57.example', 'xn--ab-fi4a2bl6846dn72a.example'],
    ['\ud55c\uad6d.example', 'xn--3e0b707e.example'],
    ['\u4f8b\u5b50.example', 'xn--fsqu00a.example'],
  ]
  for (const [text, form] of same) it(`is ${form} for ${text}`, () => expect(read(text)).to.equal(form))

  const refused: readonly (readonly [text: string, why: string])[] = [
    ['', 'empty label'],
    ['.', 'empty label'],
    ['example.com.', 'a dot at its end'],
    ['a..b', 'empty label'],
    ['.a', 'empty label'],
    ['-a.example', 'not a host name'],
    ['a-.example', 'not a host name'],
    ['a b', 'not a host name'],
    ['a%62c.example', 'not a host name'],
    ['a@b', 'not a host name'],
    ['*.example', 'not a host name'],
    [`${'a'.repeat(64)}.example`, 'not a host name'],
    [`${'a.'.repeat(126)}aa`, 'too long'],
    ['127.1', 'odd spelling'],
    ['2130706433', 'odd spelling'],
    ['0x7f.0.0.1', 'odd spelling'],
    ['0177.0.0.1', 'odd spelling'],
    ['127.0.0.0x1', 'odd spelling'],
    ['127.0.0.01', 'odd spelling'],
    ['256.0.0.1', 'odd spelling'],
    ['1.2.3.4.5', 'odd spelling'],
    ['example.1', 'odd spelling'],
    ['\u0661\u0662\u0667.0.0.1', 'not what it says'],
    ['[::1', 'IPv6'],
    ['[fe80::1%25eth0]', 'IPv6'],
    ['[1:2:3]', 'IPv6'],
    ['[127.0.0.1]', 'IPv6'],
    ['[::1].example', 'IPv6'],
    ['::1', 'not a host name'],
    ['b\u0443cher.example', 'mixes scripts'],
    ['\u0430pple.example', 'mixes scripts'],
    ['\u03b1\u0430.example', 'mixes scripts'],
    ['xn--pple-43d.example', 'mixes scripts'],
    ['\uff45xample.com', 'not what it says'],
    ['exam\uff0eple', 'neither letter nor digit'],
    ['exam\u3002ple', 'neither letter nor digit'],
    ['exa\u00admple.com', 'neither letter nor digit'],
    ['\u212aelvin.example', 'not what it says'],
    ['\u212a\u00fcche.example', 'not what it says'],
    ['xn--wca.example', 'not what it says'],
    ['bu\u0308cher.example', 'not what it says'],
    ['\ufb01.example', 'not what it says'],
    ['fa\u00df.example', 'read in two ways'],
    ['FA\u1e9e.example', 'read in two ways'],
    ['\u03bf\u03b4\u03cc\u03c2.example', 'read in two ways'],
    ['a\u200db.example', 'read in two ways'],
    ['xn--a.example', 'neither letter nor digit'],
    ['xn--b.example', 'no punycode'],
    ['xn--99999999.example', 'no punycode'],
    ['xn--.example', 'not a host name'],
    ['xn--example-.com', 'not a host name'],
    ['xn--a-b-.example', 'not a host name'],
    ['xn--ls8h.example', 'neither letter nor digit'],
    ['\u{1f4a9}.example', 'neither letter nor digit'],
    [`${'\u00fc'.repeat(63)}.example`, 'not what it says'],
  ]
  for (const [text, why] of refused)
    it(`refuses ${JSON.stringify(text).slice(0, 40)}`, () =>
      expect(read(text)).to.match(new RegExp(`^refused: .*${why}`)))

  it('is the one that WHATWG reads, wherever it is one at all', () => {
    const sign = fc.constantFrom(
      'a',
      'b',
      '0',
      '1',
      '.',
      '-',
      'xn--',
      '\u00fc',
      '\u0430',
      '\u6f22',
      'x',
      '%61',
      '_',
      '\u3002',
      '[',
      ']',
      ':',
    )
    let accepted = 0
    fc.assert(
      fc.property(fc.array(sign, { minLength: 1, maxLength: 8 }), (signs) => {
        const host = parseHost(signs.join(''))
        if (!host.ok) return
        accepted += 1
        expect(URL.parse(`http://${signs.join('')}/`)?.hostname).to.equal(host.value)
        expect(parseHost(host.value)).to.deep.equal(host)
      }),
      { numRuns: 5000 },
    )
    expect(accepted).to.be.at.least(500)
  })

  it('shows the same label in both of its spellings', () => {
    const latin = fc.constantFrom('a', 'z', '9', '\u00fc', '\u00f1', '\u0142', '\u1e49', '\u0131')
    const thai = fc.constantFrom('\u0e44', '\u0e17', '\u0e22')
    const label = fc.oneof(latin, thai).chain((first) => {
      const sign = first > '\u0e00' && first < '\u0e80' ? thai : latin
      return fc.array(sign, { maxLength: 12 }).map((rest) => first + rest.join(''))
    })
    fc.assert(
      fc.property(label, (text) => {
        const ascii = domainToASCII(`${text}.example`)
        expect(parseHostName(`${text}.example`)).to.deep.equal({ ok: true, value: ascii })
        expect(parseHostName(ascii)).to.deep.equal({ ok: true, value: ascii })
      }),
    )
  })
})

describe('punycode', () => {
  // RFC 3492 section 7.1, in lower case.
  const samples: readonly (readonly [encoded: string, shown: string])[] = [
    [
      'egbpdaj6bu4bxfgehfvwxn',
      '\u0644\u064a\u0647\u0645\u0627\u0628\u062a\u0643\u0644\u0645\u0648\u0634\u0639\u0631\u0628\u064a\u061f',
    ],
    ['ihqwcrb4cv8a8dqg056pqjye', '\u4ed6\u4eec\u4e3a\u4ec0\u4e48\u4e0d\u8bf4\u4e2d\u6587'],
    ['proprostnemluvesky-uyb24dma41a', 'pro\u010dprost\u011bnemluv\u00ed\u010desky'],
    ['3b-ww4c5e180e575a65lsy2b', '3\u5e74b\u7d44\u91d1\u516b\u5148\u751f'],
    ['hello-another-way--fc4qua05auwb3674vfr0b', 'hello-another-way-\u305d\u308c\u305e\u308c\u306e\u5834\u6240'],
    ['', ''],
    ['abc-', 'abc'],
  ]
  for (const [encoded, shown] of samples) it(`reads ${encoded}`, () => expect(decodePunycode(encoded)).to.equal(shown))

  it('is read as the platform reads it', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', 'b', 'z', '0', '9', '-'), minLength: 1, maxLength: 20 }),
        (text) => {
          // RFC 3492 has no delimiter without a sign before it; the platform is more lenient.
          fc.pre(!text.startsWith('-'))
          const shown = domainToUnicode(`xn--${text}`)
          // The platform gives up on what no host name may hold; what it shows, this shows too.
          if (shown !== '' && !shown.startsWith('xn--')) expect(decodePunycode(text)).to.equal(shown)
        },
      ),
      { numRuns: 2000 },
    )
  })

  it('is nothing where it breaks off, overflows or names no character', () => {
    for (const text of ['a', 'zz', '99999999', 'aaaaaaaaaaaaaaaaaaaa!', '\u00fc', 'z'.repeat(59), 'ABC'])
      expect(decodePunycode(text), text).to.satisfy(
        (shown: unknown) => shown === undefined || typeof shown === 'string',
      )
    expect(decodePunycode('99999999')).to.equal(undefined)
    expect(decodePunycode('a!')).to.equal(undefined)
  })
})

describe('what a host is below', () => {
  it('goes up by whole labels', () => {
    expect(hostAndAbove('a.b.example')).to.deep.equal(['a.b.example', 'b.example', 'example'])
    expect(hostAndAbove('[::1]')).to.deep.equal(['[::1]'])
  })
})
