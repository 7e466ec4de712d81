import { expect } from 'chai'
import fc from 'fast-check'

import { hostsRead } from './support/naive-urls.ts'
import { holds, misplaced, outside, type Row } from './support/evaluate.ts'

const SMUGGLED = [
  'https://evil.example/', 'https://good.example.evil.example/', 'https://notgood.example/', 'https://good.example:443@evil.example/',
  'https://good.example@evil.example/', 'https://evil.example@good.example/', 'https://user:pass@good.example/', 'https://@good.example/',
  'https://good.example\\@evil.example/', 'https://good.example\\.evil.example/', 'https:\\\\good.example/', 'https://good.example/\\evil',
  'https://good.example%2f@evil.example/', 'https://good.example%00.evil.example/', 'https://good%2eexample/', 'https://g%6f%6fd.example/',
  'https://good.example\t.evil.example/', 'https://good.example\n/', ' https://good.example/', 'https://good.example/ ', 'https://good.example/a b',
  'https://good.example\u0000/', 'https://good.example/\u00a0', 'https://good.example/\u200b', 'https://good.example/\u202e', 'https://good.example/\u0085',
  'https://good.example./', 'https://good.example../', 'https://.good.example/', 'https://good..example/',
  'https://good.example?@evil.example/', 'https://good.example#@evil.example/', 'https://good.example;@evil.example/', 'https://good.example?x@y',
  'https:good.example/', 'https:/good.example/', 'https:///good.example/', '//good.example/', 'good.example', 'good.example/', '/good.example', '', 'https://', 'https:',
  'ftp://good.example/', 'javascript://good.example/%0aalert(1)', 'file://good.example/', 'ws://good.example/', 'httpss://good.example/', 'view-source:https://good.example/',
  'https://good.example:8443/', 'https://good.example:80/', 'http://good.example:443/', 'https://good.example:/', 'https://good.example:0443/', 'https://good.example:65536/',
  'https://good.example:443:443/', 'https://good.example:+443/', 'https://good.example: 443/',
  'https://g\u043eod.example/', 'https://\uff47ood.example/', 'https://good\uff0eexample/', 'https://good\u3002example/', 'https://go\u00adod.example/', 'https://xn--god-1bd.example/',
  'https://a.g\u043eod.example/', 'https://p\u0430ypal.good.example/', 'https://xn--pypal-4ve.good.example/',
] // prettier-ignore

const rows: readonly Row[] = [
  [
    { host: 'good.example' },
    ['https://good.example', 'https://good.example/', 'http://good.example/a/../b?c#d', 'HTTPS://GOOD.example:443', 'http://good.example:80/', 'https://a.b.good.example/', 'https://good.example/@evil.example', 'https://good.example/?u=https://evil.example/', 'https://good.example?a', 'https://b\u00fccher.good.example/\u00fc', 'https://xn--bcher-kva.good.example/'],
    [...SMUGGLED, ['https://good.example/'], 1, null, { url: 'https://good.example/' }],
  ],
  [{ host: ['a.example', 'b.example:8443'] }, ['https://a.example/', 'https://x.b.example:8443/'], ['https://b.example/', 'https://a.example:8443/', 'https://c.example/']],
  [{ host: 'a.example:443' }, ['https://a.example/', 'https://a.example:443/', 'http://a.example:443/'], ['http://a.example/']],
  [{ host: 'b\u00fccher.example' }, ['https://b\u00fccher.example/', 'https://xn--bcher-kva.example/', 'https://B\u00dcCHER.example/'], ['https://bucher.example/', 'https://b\u00fc\u00fccher.example/']],
  [{ host: 'xn--bcher-kva.example' }, ['https://b\u00fccher.example/'], []],
  [{ host: '127.0.0.1' }, ['http://127.0.0.1/'], ['http://127.1/', 'http://2130706433/', 'http://0x7f000001/', 'http://0177.0.0.1/', 'http://127.0.0.1./', 'http://x.127.0.0.1/', 'http://[::ffff:127.0.0.1]/', 'http://localhost/', 'http://\u2460\u2461\u2466.0.0.1/']],
  [{ host: '[::1]' }, ['http://[::1]/', 'http://[0::0:1]:80/', 'http://[::0.0.0.1]/'], ['http://[::1]:8080/', 'http://[::2]/', 'http://::1/', 'http://[::1%25lo]/', 'http://[::1]evil.example/', 'http://[::1]@evil.example/']],
  [{ host: '[::1]:8080' }, ['http://[::1]:8080/'], ['http://[::1]/']],
  [{ host: [] }, [], ['https://good.example/']],
  [{ host: 'g\u043eod.example' }, [], ['https://g\u043eod.example/', 'https://good.example/']],
  [{ host: 'good.example:' }, [], ['https://good.example/']],
  [{ host: 'https://good.example' }, [], ['https://good.example/']],
  [{ host: '*.good.example' }, [], ['https://a.good.example/']],
  [
    { url_prefix: 'https://good.example' },
    ['https://good.example', 'https://good.example/', 'https://good.example/a', 'https://good.example?a#b', 'HTTPS://GOOD.EXAMPLE:443/a'],
    [...SMUGGLED, 'http://good.example/', 'https://a.good.example/'],
  ],
  [
    { url_prefix: 'https://good.example/v1/orders' },
    ['https://good.example/v1/orders', 'https://good.example/v1/orders/', 'https://good.example/v1/orders/1', 'https://good.example/v1/orders?x=../..', 'https://good.example/v1/orders#a', 'https://good.example/v1/orders/a//b', 'https://good.example/v1/orders/..a'],
    ['https://good.example/v1/orders2', 'https://good.example/v1/orders%2f..', 'https://good.example/v1/Orders', 'https://good.example/v1', 'https://good.example/v1/orders/../admin', 'https://good.example/v1/orders/%2e%2e/admin', 'https://good.example/v1/orders/.%2E/admin', 'https://good.example/v1/orders/%252e%252e/admin', 'https://good.example/v1/orders/..%2fadmin', 'https://good.example/v1/orders/..%5cadmin', 'https://good.example/v1/orders/..;/admin', 'https://good.example/v1/orders/..;a=b/admin', 'https://good.example/v1/orders/./x', 'https://good.example/x/../v1/orders', 'https://good.example//v1/orders', 'https://good.example/v1/orders/%00'],
  ],
  [{ url_prefix: 'https://good.example/v1/' }, ['https://good.example/v1/', 'https://good.example/v1/a'], ['https://good.example/v1', 'https://good.example/v10']],
  [{ url_prefix: 'https://good.example/q?id=' }, ['https://good.example/q?id=1', 'https://good.example/q?id='], ['https://good.example/q', 'https://good.example/q/?id=1', 'https://good.example/q?x&id=1', 'https://good.example/q?ID=1']],
  [{ url_prefix: 'http://good.example:8080/a' }, ['http://good.example:8080/a/b'], ['http://good.example/a', 'http://good.example:80800/a', 'https://good.example:8080/a']],
  [{ url_prefix: 'https://good.example/caf\u00e9' }, ['https://good.example/caf%C3%A9/a', 'https://good.example/caf\u00e9'], ['https://good.example/cafe']],
  [{ url_prefix: ['https://a.example/x', 'https://b.example'] }, ['https://a.example/x', 'https://b.example/y'], ['https://a.example/y']],
  [{ url_prefix: 'https://good.example/a/../b' }, [], ['https://good.example/a/../b', 'https://good.example/b']],
  [{ url_prefix: 'https://u@good.example/' }, [], ['https://u@good.example/', 'https://good.example/']],
  [{ url_prefix: 'https' }, [], ['https://good.example/']],
] // prettier-ignore

const PIECES = [
  'https://', 'http://', '//', '/', '\\', '@', ':', '.', '?', '#', ';', ',', '%2e', '%40', '%2f', '%5c', '%00', '\t', '\n', ' ', '\u0000', '&', '=', '*', '!', '$', "'", '[', ']', '(', ')',
  'good.example', 'evil.example', 'good', 'evil', 'example', 'a', '80', '443', '8443', '127.0.0.1', '0x7f.1', '[::1]', '[::2]', 'xn--', '\uff0e', '\uff0f', '\u3002', '\u2100', '\uff20', '\uff1a', '\u043e', '\u00ad', 'user:pw', '..',
] // prettier-ignore

/** Text around the good host, with pieces put in anywhere: mostly near enough to right that some of it is accepted. */
const crafted = fc
  .tuple(
    fc.constantFrom(
      'https://good.example',
      'https://good.example/',
      'http://a.good.example/x',
      'https://good.example:443/?a#b',
      '',
    ),
    fc.array(fc.tuple(fc.constantFrom(...PIECES), fc.nat(40)), { maxLength: 4 }),
  )
  .map(([start, pieces]) =>
    pieces.reduce<string>((text, [piece, at]) => text.slice(0, at) + piece + text.slice(at), start),
  )

describe('bounds on URLs', () => {
  it('hold for http(s) URLs to these hosts or below these URLs', () => {
    expect(misplaced(rows)).to.deep.equal([])
  })

  it('are never kept by a URL that some other reader opens at another host', () => {
    let accepted = 0
    fc.assert(
      fc.property(crafted, (text) => {
        const held = [
          holds({ host: 'good.example' }, text),
          holds({ url_prefix: 'https://good.example' }, text),
        ] as const
        if (!held[0] && !held[1]) return
        accepted += 1
        for (const [reader, host] of hostsRead(text)) {
          const inside = host === 'good.example' || (held[0] && host.endsWith('.good.example'))
          expect(inside, `${reader} opens ${JSON.stringify(host)} for ${JSON.stringify(text)}`).to.equal(true)
        }
      }),
      { numRuns: 10_000 },
    )
    expect(accepted).to.be.at.least(1000)
  })

  it('are kept to the last address by the readers that those of the test are compared with', () => {
    // A control: each reader is led elsewhere by something, so that agreeing with it says something.
    const traps: Readonly<Record<string, string>> = {
      generic: 'https://good.example@evil.example/',
      untilSlash: 'https://good.example?@evil.example/',
      greedy: 'https://evil.example@good.example/',
      browser: 'https:\\\\evil.example\\.good.example/',
      decoding: 'https://evil.example%2f.good.example/',
      folding: 'https://evil.example\uff0f.good.example/',
      cutting: 'https://evil.example\u0000.good.example/',
      firstAt: 'https://evil.example@good.example/',
    }
    for (const [reader, text] of Object.entries(traps)) {
      expect(Object.fromEntries(hostsRead(text))[reader], reader).to.equal('evil.example')
      expect(holds({ host: 'good.example' }, text), text).to.equal(false)
    }
    expect(Object.keys(traps)).to.deep.equal(hostsRead('').map(([reader]) => reader))
  })

  it('hold for what WHATWG reads as that host, as long as it is written plainly', () => {
    const label = fc.constantFrom('good', 'a', 'evil', 'example')
    const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'))
    const path = fc
      .array(fc.constantFrom('a', 'b', 'good.example', '%41'), { maxLength: 3 })
      .map((all) => `/${all.join('/')}`)
    fc.assert(
      fc.property(
        name,
        fc.constantFrom('', ':443', ':80', ':8443'),
        path,
        name,
        path,
        (host, port, at, bound, below) => {
          const url = new URL(`https://${host}${port}${at}`)
          const inside = url.port === '' && (url.hostname === bound || url.hostname.endsWith(`.${bound}`))
          expect(holds({ host: bound }, `https://${host}${port}${at}`)).to.equal(inside)
          const wanted = new URL(`https://${bound}${below}`)
          const prefix = wanted.pathname.endsWith('/') ? wanted.pathname : `${wanted.pathname}/`
          const under = url.origin === wanted.origin && `${url.pathname}/`.startsWith(prefix)
          const exact =
            wanted.pathname.endsWith('/') && wanted.pathname !== url.pathname && !url.pathname.startsWith(prefix)
          expect(holds({ url_prefix: wanted.href }, url.href)).to.equal(under && !exact)
        },
      ),
      { numRuns: 2000 },
    )
  })

  it('name the host, the port or the trick', () => {
    const why = (text: string): string => outside({ host: 'good.example' }, text)?.message.split('" ').at(-1) ?? 'none'
    expect(why('https://evil.example/')).to.equal('has the host evil.example')
    expect(why('https://good.example:8443/')).to.equal('has the port 8443')
    expect(why('https://u@good.example/')).to.equal('holds user information')
    expect(why('https://g\u043eod.example/')).to.equal('has a host that mixes scripts')
    expect(why('https://good.example\\@evil.example/')).to.equal('holds a backslash, a blank or a control character')
  })
})
