import { expect } from 'chai'
import { readFileSync } from 'node:fs'

import { ARGUMENT_LIMITS } from '../../../src/core/argument-bounds/argument-size.ts'
import { outsideBounds } from '../../../src/core/argument-bounds/outside-bounds.ts'
import type { Json } from '../../../src/core/json.ts'
import { COMPARE_AS } from '../../../src/core/tool-access.ts'
import { ArgumentBounds } from '../../../src/http/schemas/argument-bounds.ts'
import { AskedToolList } from '../../../src/http/schemas/access.ts'
import { entry, outside, type AnyBounds } from './support/evaluate.ts'

const page = readFileSync(new URL('../../../docs/tools.md', import.meta.url), 'utf8')
const spans = (cell: string): readonly string[] => Array.from(cell.matchAll(/`([^`]+)`/g), ([, span]) => span ?? '')
const rows = Array.from(page.matchAll(/^\|(.+)\|(.+)\|(.+)\|$/gm), ([, ...cells]) => cells.map((cell) => cell.trim()))
const examples = rows.filter(([first]) => first?.startsWith('`{'))
const NAMES = Object.keys(ArgumentBounds.shape)

describe('docs/tools.md', () => {
  it('says of every constraint when it holds, and of none that there is not', () => {
    const documented = rows.filter(([first]) => /^`[a-z]/.test(first ?? '')).flatMap(([first]) => spans(first ?? ''))
    expect([...documented].sort()).to.deep.equal([...NAMES].sort())
  })

  it('has an example of every constraint and of every way to compare', () => {
    const shown = examples.map(([bounds]) => JSON.parse(spans(bounds ?? '')[0] ?? '') as AnyBounds)
    expect(NAMES.filter((name) => !shown.some((bounds) => Object.hasOwn(bounds, name)))).to.deep.equal([])
    expect(COMPARE_AS.filter((as) => !shown.some((bounds) => bounds['as'] === as))).to.deep.equal([])
    expect(COMPARE_AS.filter((as) => !page.includes(`\n| \`${as}\` | `))).to.deep.equal([])
  })

  for (const [bounds, inside, out] of examples) {
    it(`is right about ${bounds ?? ''}`, () => {
      const stated = ArgumentBounds.parse(JSON.parse(spans(bounds ?? '')[0] ?? ''))
      const evaluate = (span: string): readonly [string, boolean] => {
        const value = span === 'missing' ? undefined : (JSON.parse(span) as Json)
        return [span, outside(stated, value) === undefined]
      }
      const wanted = [spans(inside ?? ''), spans(out ?? '')] as const
      expect(wanted.map((cells) => cells.length > 0)).to.deep.equal([true, true])
      expect(wanted[0].map(evaluate)).to.deep.equal(wanted[0].map((span) => [span, true]))
      expect(wanted[1].map(evaluate)).to.deep.equal(wanted[1].map((span) => [span, false]))
    })
  }

  it('shows tools that a lease request may hold', () => {
    const [block] = Array.from(page.matchAll(/^```json\n([^]*?)^```$/gm), ([, json]) => json ?? '')
    const shown = JSON.parse(block ?? '') as { readonly tools: unknown }
    expect(AskedToolList.parse(shown.tools)).to.deep.equal(shown.tools)
  })

  it('says what a refusal says', () => {
    const bounds = { to: { recipient_domain: 'example.com' }, amount: { max: 50 } }
    const messages = [
      outsideBounds(entry(bounds), { to: 'a@example.com', amount: 51 }),
      outsideBounds(entry(bounds), { to: ['eve@evil.example'], amount: 1 }),
      outsideBounds(entry({ order_id: { equals: '1' } }), {}),
      outsideBounds(entry(bounds, true), { to: 'a@example.com', amount: 1, bcc: 'eve@evil.example' }),
    ].map((violation) => violation?.message ?? 'none')
    expect(page).to.include(`\n${messages.join('\n')}\n`)
  })

  it('names the limits', () => {
    expect(ARGUMENT_LIMITS).to.deep.equal({ bytes: 16 * 1024, depth: 8, items: 256, textBytes: 8 * 1024 })
    for (const limit of ['16 KiB', '8 KiB', '256 items', '8 levels'])
      expect(page.replace(/\s+/g, ' ')).to.include(limit)
  })
})
