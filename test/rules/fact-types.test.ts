import { expect } from 'chai'

import { ACTION_FACTS, LEASE_FACTS } from '../../src/rules/fact-table.ts'
import { FUNCTIONS } from '../../src/rules/fact-types.ts'
import { factsWith } from './support/facts.ts'
import { saidOf } from './support/rule-files.ts'

/** Every fact of a value by name and CEL type; free JSON is a leaf. */
function shape(value: unknown, name: string): readonly (readonly [name: string, type: string])[] {
  if (name === 'context' || name === 'agent.claims') return [[name, 'map<string, dyn>']]
  if (name === 'history.calls') return [[name, 'map<string, int>']]
  if (Array.isArray(value)) {
    const items: readonly unknown[] = value
    return typeof items[0] === 'object' ? shape(items[0], `${name}[]`) : [[name, 'list<string>']]
  }
  if (typeof value === 'object' && value !== null)
    return Object.entries(value).flatMap(([member, each]) => shape(each, name === '' ? member : `${name}.${member}`))
  return [[name, typeof value === 'number' ? 'int' : typeof value === 'boolean' ? 'bool' : 'string']]
}

describe('the facts that a rule may read', () => {
  it('are those that a request has, by name and type', () => {
    const declared = LEASE_FACTS.map(({ name, type }) => [name, type])
    expect(declared).to.have.deep.members(shape(factsWith(), '').map((each) => [...each]))
  })

  for (const { name, type } of [...LEASE_FACTS, ...ACTION_FACTS]) {
    it(`can be read as it is declared: ${name}`, () => {
      const compared: Readonly<Record<string, (fact: string) => string>> = {
        string: (fact) => `${fact}.startsWith("")`,
        int: (fact) => `${fact} + 1 > ${fact}`,
        bool: (fact) => `${fact} || !${fact}`,
        'list<string>': (fact) => `${fact}.exists(x, x.startsWith(""))`,
        'map<string, int>': (fact) => `has(${fact}.x) && ${fact}["x"] > 1`,
        'map<string, dyn>': (fact) => `has(${fact}.x) && ${fact}["x"] == 1`,
      }
      const [list, member] = name.split('[].')
      const write = compared[type]
      if (write === undefined) throw new Error(`No way to read a ${type}`)
      const when = member === undefined ? write(name) : `${list ?? ''}.exists(i, ${write(`i.${member}`)})`
      expect(saidOf({ on: 'action', when })).to.deep.equal([])
    })
  }

  it('of an action are not there on a lease', () => {
    for (const head of new Set(ACTION_FACTS.map(({ name }) => name.split('.')[0] ?? '')))
      expect(saidOf(`has(${head}.x) || ${head} == "x"`), head).to.deep.equal([`Unknown variable: ${head}`])
  })

  it('have functions of their own, under the names that the documentation gives', () => {
    expect(FUNCTIONS.map(({ signature }) => signature)).to.deep.equal([
      'covers(string, string): bool',
      're2(string, string): bool',
    ])
    expect(saidOf('covers("iam:*", agent.id) || re2(agent.id, "x|support")')).to.deep.equal([])
  })
})
