import { expect } from 'chai'
import fc from 'fast-check'

import { readYaml } from '../../src/config/read-yaml.ts'
import type { Json } from '../../src/core/json.ts'
import type { Step } from '../../src/core/source-document.ts'
import { placed } from './support/configuration-files.ts'

const read = (text: string) => {
  const document = readYaml('file.yaml', text)
  if (!document.ok) throw new Error(placed(document.error).join('\n'))
  return document.value
}
const faults = (text: string): readonly string[] => {
  const document = readYaml('file.yaml', text)
  return document.ok ? [] : placed(document.error)
}

describe('reading YAML', () => {
  it('reads YAML 1.2: a word such as yes is a text, a date too', () => {
    expect(read('{ a: yes, b: off, c: 2027-01-01T00:00:00Z, d: 0x1F, e: ~ }').value).to.deep.equal({
      a: 'yes',
      b: 'off',
      c: '2027-01-01T00:00:00Z',
      d: 31,
      e: null,
    })
  })

  it('reads JSON as JSON.parse does', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 2 }), (value) => {
        const text = JSON.stringify(value)
        fc.pre(!text.includes('__proto__'))
        expect(read(text).value).to.deep.equal(JSON.parse(text) as Json)
      }),
    )
  })

  const broken: readonly (readonly [name: string, text: string, faults: readonly string[]])[] = [
    ['a name twice', 'a: 1\na: 2', ['2:1 Map keys must be unique. Mend the YAML there.']],
    ['a name twice in JSON', '{"a": 1,\n "a": 2}', ['2:2 Map keys must be unique. Mend the YAML there.']],
    [
      'an open list',
      'a: [1, 2',
      ['1:9 Flow sequence in block collection must be sufficiently indented and end with a ]. Mend the YAML there.'],
    ],
    ['a tab for indentation', 'a:\n\tb: 1', ['2:1 Tabs are not allowed as indentation. Mend the YAML there.']],
    ['two documents', 'a: 1\n---\nb: 2', ['2:1 A second document starts here. Keep one a file.']],
    ['a tag of its own', 'a: !secret x', ['1:4 Unresolved tag: !secret. Mend the YAML there.']],
    [
      'a tag that makes bytes',
      'a: !!binary aGk=',
      ['1:4 Unresolved tag: tag:yaml.org,2002:binary. Mend the YAML there.'],
    ],
    ['a name that is a list', '? [a]\n: 1', ['1:3 With stringKeys, all keys must be strings. Mend the YAML there.']],
    ['an alias of nothing', 'a: 1\nb: *c', ['2:4 There is no anchor &c above. Set it, or quote the text.']],
    ['an alias of itself', 'a: &a\n  b: [*a]', ['2:7 *a stands inside itself. Write the values out.']],
    ['the name of the prototype', 'a:\n  __proto__: { b: 1 }', ['2:3 __proto__ is not a name. Take it out.']],
    [
      'several at once',
      'a: 1\na: 2\nb: !x 1\nc: *d',
      [
        '2:1 Map keys must be unique. Mend the YAML there.',
        '3:4 Unresolved tag: !x. Mend the YAML there.',
        '4:4 There is no anchor &d above. Set it, or quote the text.',
      ],
    ],
  ]
  for (const [name, text, wanted] of broken) {
    it(`refuses ${name}, with its place`, () => {
      expect(faults(text)).to.deep.equal(wanted)
    })
  }

  it('refuses aliases that would unfold into gigabytes, at once', () => {
    const lines = Array.from({ length: 30 }, (_, at) =>
      at === 0
        ? 'a0: &a0 [x, x, x, x]'
        : `a${at}: &a${at} [${Array(8)
            .fill(`*a${at - 1}`)
            .join(', ')}]`,
    )
    expect(faults(lines.join('\n'))).to.deep.equal([
      '1:1 Its aliases stand for too much. Write the values out: 50 are the most.',
    ])
    expect(read('a: &a [1, 2]\nb: *a').value, 'a few aliases are fine').to.deep.equal({ a: [1, 2], b: [1, 2] })
  })
})

describe('the place of a value in YAML', () => {
  const text = [
    'plain: now.hour < 6',
    "single: 'it''s late'",
    'double: "say \\"no\\" now"',
    'folded: >-',
    '  first || second',
    '  || third',
    'literal: | # comment',
    '  first',
    '    second',
    'list:',
    '  - { name: x, owner: y }',
    'shared: &shared { deep: 1 }',
    'alias: *shared',
  ].join('\n')
  const document = read(text)
  /** The rest of the line at that place. */
  const at = (path: readonly Step[], offset?: number): string => {
    const { line, column } = document.at(path, offset)
    return text.split('\n')[line - 1]?.slice(column - 1) ?? ''
  }

  const places: readonly (readonly [path: readonly Step[], offset: number, rest: string])[] = [
    [['plain'], 4, 'hour < 6'],
    [['single'], 5, "late'"],
    [['double'], 5, 'no\\" now"'],
    [['folded'], 0, 'first || second'],
    [['folded'], 9, 'second'],
    [['folded'], 19, 'third'],
    [['literal'], 8, 'second'],
    [['list', 0, 'owner'], 0, 'y }'],
    [['alias'], 0, '*shared'],
  ]
  for (const [path, offset, rest] of places) {
    it(`is exact for character ${offset} of ${path.join('.')}`, () => {
      expect(at(path, offset)).to.equal(rest)
    })
  }

  it('is that of the nearest parent where there is no such value', () => {
    expect(at(['list', 0, 'missing'])).to.equal('{ name: x, owner: y }')
    expect(at(['alias', 'deep'])).to.equal('*shared')
    expect(document.at(['nowhere'])).to.deep.equal({ line: 1, column: 1 })
    expect(document.at([])).to.deep.equal({ line: 1, column: 1 })
  })

  it('can be that of the name', () => {
    expect(document.keyAt(['list', 0, 'owner'])).to.deep.equal({ line: 11, column: 16 })
    expect(document.keyAt(['double'])).to.deep.equal({ line: 3, column: 1 })
    expect(document.keyAt(['list', 0])).to.deep.equal({ line: 11, column: 5 })
  })
})
