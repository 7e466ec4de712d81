import { expect } from 'chai'
import fc from 'fast-check'

import { jsonLine } from '../../src/cli/json-line.ts'
import { printable } from '../../src/cli/printable.ts'
import { span, when } from '../../src/cli/when.ts'

/** Any code points, the interesting ones often. */
const anyText = fc
  .array(
    fc.oneof(
      fc.integer({ min: 0, max: 0x10_ffff }),
      fc.constantFrom(...[0, 0x0a, 0x1b, 0x22, 0x5c, 0x7f, 0x9b, 0x20_2e, 0x20_28, 0xd8_00, 0xfe_ff, 0xe_00_41]),
    ),
  )
  .map((points) => String.fromCodePoint(...points))

const UNSEEN = /[\p{Cc}\p{Cf}\u2028\u2029]/u

describe('text on a terminal', () => {
  it('holds nothing that the terminal would act on, whatever it was made from', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(printable(text)).not.to.match(UNSEEN)
      }),
    )
  })

  it('is left as it is where there is nothing unseen', () => {
    for (const text of ['Refund order 1234', 'Größe: 5 €, 日本語', '🦟']) expect(printable(text)).to.equal(text)
    expect(printable('a\tb\r\n\u009b2J\u202e\u200b')).to.equal('a\\tb\\r\\n\\u{9b}2J\\u{202e}\\u{200b}')
  })

  it('is the same value as JSON, on one line, with nothing unseen', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const line = jsonLine({ text })
        expect(line.slice(0, -1)).not.to.match(UNSEEN)
        expect(JSON.parse(line)).to.deep.equal({ text })
      }),
    )
  })

  it('says how far a time is away in the largest unit that fits', () => {
    const now = Date.parse('2026-12-24T18:00:00Z')
    const away = (seconds: number): string => when(new Date(now + seconds * 1000).toISOString(), now)
    expect([90, 45, 0, -1, -3600, -200_000].map(away)).to.deep.equal([
      'in 1 min',
      'in 45 s',
      '0 s ago',
      '1 s ago',
      '1 h ago',
      '2 d ago',
    ])
    expect(span(86_400)).to.equal('1 d')
  })
})
