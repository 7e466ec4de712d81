import { expect } from 'chai'
import fc from 'fast-check'

import { holds, misplaced, outside, type Row } from './support/evaluate.ts'

const NOT_BARE = [
  'Dana <dana@good.example>', '<dana@good.example>', '"Dana" <dana@good.example>', 'dana@good.example (home)', '(dana@evil.example)dana@good.example',
  'dana(@evil.example)@good.example', '"dana"@good.example', '"dana@evil.example"@good.example', '"dana@evil.example> "@good.example', '"a\\"b"@good.example',
  'dana@evil.example@good.example', '@evil.example:dana@good.example', 'mailto:dana@good.example', 'Team: dana@good.example;', 'dana @good.example', 'dana@ good.example',
  ' dana@good.example', 'dana@good.example ', 'dana@good.example\n', 'dana@good.example\r\nBcc: eve@evil.example', 'dana\u0000@good.example', 'da na@good.example',
  'dana%evil.example@good.example', 'evil.example!dana@good.example', '=?utf-8?q?eve=40evil.example?=@good.example', '|mail@good.example', '`x`@good.example',
  'd\u0430na@good.example', 'eve@evil.example\uff20good.example', 'dana\uff20good.example', 'd\u00e4na@good.example',
  'dana@[127.0.0.1]', 'dana@[IPv6:::1]', 'dana@good.example.', 'dana@.good.example', 'dana@good..example', 'dana@', '@good.example', '@', 'dana', '', '.dana@good.example', 'dana.@good.example', 'da..na@good.example',
  `${'d'.repeat(65)}@good.example`, 'dana@g\u043eod.example', 'dana@good.example,', ',dana@good.example', 'dana@good.example,,dana@good.example', 'dana@good.example , dana@good.example', 'dana@good.example dana@good.example',
] // prettier-ignore

const rows: readonly Row[] = [
  [
    { recipient_domain: 'good.example' },
    ['dana@good.example', 'DANA@GOOD.Example', "o'dana+tag_1~x-y=z@eu.good.example", 'a@good.example,b@good.example; c@x.good.example', ['a@good.example'], ['a@good.example', 'b@x.good.example'], ['a@good.example, b@good.example']],
    [...NOT_BARE, ...NOT_BARE.map((text) => [text]), ...NOT_BARE.map((text) => ['dana@good.example', text]), 'a@evil.example', 'a@notgood.example', 'a@good.example.evil.example', 'a@example', 'a@good.example, b@evil.example', 'a@good.example;b@evil.example', ['a@good.example', 'b@evil.example'], [], [[]], [['a@good.example']], [null], [1], null, 1, {}, { to: 'a@good.example' }],
  ],
  [{ recipient_domain: ['a.example', 'b.example'] }, ['x@a.example', ['x@a.example', 'y@b.example']], ['x@c.example']],
  [{ recipient_domain: 'b\u00fccher.example' }, ['a@xn--bcher-kva.example', 'a@b\u00fccher.example'], ['a@bucher.example', 'a@b\u0443cher.example']],
  [{ recipient_domain: [] }, [], ['a@good.example']],
  [{ recipient_domain: 'g\u043eod.example' }, [], ['a@g\u043eod.example', 'a@good.example']],
  [{ recipient_domain: '@good.example' }, [], ['a@good.example']],
  [{ recipient_domain: 'good.example:25' }, [], ['a@good.example']],
] // prettier-ignore

/** Mail programs of the wild: each takes a text and says the domains that it would deliver to. */
const PROGRAMS: Readonly<Record<string, (text: string) => readonly string[]>> = {
  behindTheLastAt: (text) => text.split(/[,;]/).map((part) => part.slice(part.lastIndexOf('@') + 1)),
  behindTheFirstAt: (text) => text.split(/[,;]/).map((part) => /@([^@\s>)"]*)/.exec(part)?.[1] ?? ''),
  inAngles: (text) => Array.from(text.matchAll(/<[^@>]*@([^>]*)>/g), ([, domain]) => domain ?? ''),
  withoutComments: (text) => Array.from(text.replace(/\([^)]*\)?/g, '').matchAll(/@([^\s@,;>"]+)/g), ([, domain]) => domain ?? ''),
  withoutQuotes: (text) => Array.from(text.replace(/"[^"]*"?/g, 'q').matchAll(/@([^\s@,;>"]+)/g), ([, domain]) => domain ?? ''),
  everyAt: (text) => Array.from(text.matchAll(/@([a-z0-9.-]+)/gi), ([, domain]) => domain ?? ''),
  percentHack: (text) => Array.from(text.matchAll(/%([a-z0-9.-]+)@/gi), ([, domain]) => domain ?? ''),
  bangPath: (text) => Array.from(text.matchAll(/([a-z0-9.-]+)!/gi), ([, domain]) => domain ?? ''),
  encodedWords: (text) => Array.from(text.replace(/=\?[^?]*\?q\?([^?]*)\?=/gi, (_, word: string) => word.replace(/=40/g, '@')).matchAll(/@([a-z0-9.-]+)/gi), ([, domain]) => domain ?? ''),
  folded: (text) => Array.from(text.normalize('NFKC').matchAll(/@([^\s@,;>"]+)/g), ([, domain]) => domain ?? ''),
  firstLine: (text) => Array.from((text.split(/[\r\n\u0000]/)[0] ?? '').matchAll(/@([^\s@,;>"]+)/g), ([, domain]) => domain ?? ''), // eslint-disable-line no-control-regex
} // prettier-ignore

const PIECES = [
  'dana', 'eve', '@', '@', 'good.example', 'good.example', 'evil.example', 'x.', '.', ',', ';', ', ', ' ', '<', '>', '(', ')', '"', '\\', '!', '%', '=?utf-8?q?', '=40', '?=',
  ':', '\n', '\r', '\u0000', '\uff20', '\u0430', '+', '-', "'", '[', ']', 'dana@good.example', 'eve@evil.example', 'a@x.good.example',
] // prettier-ignore

describe('a bound on recipients', () => {
  it('holds for bare addresses at these domains, at least one', () => {
    expect(misplaced(rows)).to.deep.equal([])
  })

  it('is never kept by a text that some mail program delivers elsewhere', () => {
    const crafted = fc
      .tuple(
        fc.constantFrom('dana@good.example', 'a@good.example, b@x.good.example', ''),
        fc.array(fc.tuple(fc.constantFrom(...PIECES), fc.nat(30)), { maxLength: 4 }),
      )
      .map(([start, pieces]) =>
        pieces.reduce<string>((text, [piece, at]) => text.slice(0, at) + piece + text.slice(at), start),
      )
    let accepted = 0
    fc.assert(
      fc.property(crafted, fc.boolean(), (text, listed) => {
        if (!holds({ recipient_domain: 'good.example' }, listed ? [text] : text)) return
        accepted += 1
        for (const [program, read] of Object.entries(PROGRAMS))
          for (const domain of read(text))
            expect(
              `.${domain.toLowerCase()}`.endsWith('.good.example'),
              `${program} delivers ${JSON.stringify(text)} to ${domain}`,
            ).to.equal(true)
      }),
      { numRuns: 10_000 },
    )
    expect(accepted).to.be.at.least(500)
  })

  it('holds for whole lists, as every one of their addresses is inside', () => {
    const address = fc
      .tuple(
        fc.constantFrom('a', 'b.c', 'd+e'),
        fc.constantFrom('good.example', 'x.good.example', 'evil.example', 'badgood.example'),
      )
      .map(([local, domain]) => ({ text: `${local}@${domain}`, inside: /(^|\.)good\.example$/.test(domain) }))
    fc.assert(
      fc.property(fc.array(address, { maxLength: 5 }), fc.constantFrom(',', ', ', ';'), (all, divider) => {
        const inside = all.length > 0 && all.every((one) => one.inside)
        const texts = all.map(({ text }) => text)
        expect(holds({ recipient_domain: 'good.example' }, texts)).to.equal(inside)
        expect(holds({ recipient_domain: 'good.example' }, texts.join(divider))).to.equal(inside)
      }),
    )
  })

  it('names who it is that lies outside', () => {
    const why = (value: string): string =>
      outside({ recipient_domain: 'good.example' }, value)?.message.split('" ').at(-1) ?? 'none'
    expect(why('a@good.example, b@evil.example')).to.equal('has a recipient at evil.example')
    expect(why('"dana"@good.example')).to.equal('has a quoted local part, which mail programs read in different ways')
    expect(why('Dana <dana@good.example>')).to.equal(
      'has a display name or a comment; only bare addresses are compared',
    )
  })
})
