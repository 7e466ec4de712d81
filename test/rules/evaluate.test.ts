import { expect } from 'chai'

import type { AccessFacts, LeaseFacts, ToolFacts } from '../../src/core/facts.ts'
import type { Json } from '../../src/core/json.ts'
import { judgeLease } from '../../src/core/judge.ts'
import { factsWith, grantFacts, toolFacts } from './support/facts.ts'
import { fileOf, setOf, TIERS } from './support/rule-files.ts'

/** The effect of one rule (`ask` unless it says otherwise) on a request. */
const judged = (rule: string | object, over: Partial<LeaseFacts> = {}): string =>
  judgeLease(setOf(fileOf(typeof rule === 'string' ? { when: rule } : rule)), factsWith(over)).effect

describe('a rule that cannot be evaluated', () => {
  const failing: readonly (readonly [name: string, when: string, over: Partial<LeaseFacts>])[] = [
    ['a key is not there', 'context.runtime.debug == true', {}],
    ['a claim is not there', 'agent.claims.environment == "prod"', {}],
    ['a value has another type', 'context.count.size() > 3', { context: { count: 5 } }],
    ['an item is not there', 'access[1].broad', {}],
    ['something is divided by nothing', '100 / ttl > 3', { ttl: 0 }],
    ['the context is no object', 'has(context.runtime)', { context: [1] }],
  ]
  for (const [name, when, over] of failing) {
    it(`denies by its name where ${name}, whatever its effect`, () => {
      for (const effect of [{ effect: 'ask' }, { risk: 1 }]) {
        const verdict = judgeLease(
          setOf(fileOf({ when: 'false || ttl == 1', ...effect }, { when, ...effect })),
          factsWith(over),
        )
        expect(verdict.effect).to.equal('deny')
        expect(verdict.rules).to.deep.equal([
          { id: 'r1', effect: 'deny', reason: 'Rule r1 cannot be evaluated on this request', mode: 'enforce' },
        ])
      }
    })
  }

  it('does nothing where it only observes, and says so', () => {
    const verdict = judgeLease(setOf(fileOf({ when: 'context.a == 1', mode: 'observe' })), factsWith())
    expect(verdict.effect).to.equal('allow')
    expect(verdict.rules.map(({ id, effect, mode }) => [id, effect, mode])).to.deep.equal([['r0', 'deny', 'observe']])
  })

  it('can guard itself', () => {
    expect(judged('has(context.a) && context.a == 1')).to.equal('allow')
    expect(judged('has(context.a) && context.a == 1', { context: { a: 1 } })).to.equal('ask')
  })

  it('finds nothing that only JavaScript has', () => {
    for (const when of ['has(context.constructor)', 'has(context.__proto__)', 'has(agent.claims.toString)'])
      expect(judged(when), when).to.equal('allow')
  })
})

describe('facts that are too large to judge', () => {
  const nested = (depth: number): Json => (depth === 0 ? 1 : { a: nested(depth - 1) })
  const limits: readonly (readonly [name: string, fits: Partial<LeaseFacts>, tooLarge: Partial<LeaseFacts>])[] = [
    [
      '256 items of access',
      { access: Array<AccessFacts>(256).fill(grantFacts('refunds-api')) },
      { access: Array<AccessFacts>(257).fill(grantFacts('refunds-api')) },
    ],
    [
      '256 tools',
      { tools: Array<ToolFacts>(256).fill(toolFacts('orders.get')) },
      { tools: Array<ToolFacts>(257).fill(toolFacts('orders.get')) },
    ],
    [
      '256 actions of one grant',
      { access: [grantFacts('refunds-api', { actions: Array<string>(256).fill('x') })] },
      { access: [grantFacts('refunds-api', { actions: Array<string>(257).fill('x') })] },
    ],
    ['256 members', { context: members(256) }, { context: members(257) }],
    ['8 KiB of text', { context: { a: 'x'.repeat(8192) } }, { context: { a: 'x'.repeat(8193) } }],
    ['8 KiB in bytes', { context: { a: 'é'.repeat(4096) } }, { context: { a: 'é'.repeat(4097) } }],
    ['8 KiB of a name', { context: { ['x'.repeat(8192)]: 1 } }, { context: { ['x'.repeat(8193)]: 1 } }],
    ['8 levels', { context: nested(8) }, { context: nested(9) }],
    [
      '8 KiB of a goal',
      { declared: { ...factsWith().declared, goal: 'x'.repeat(8192) } },
      { declared: { ...factsWith().declared, goal: 'x'.repeat(8193) } },
    ],
    [
      'claims of 8 levels',
      { agent: { ...factsWith().agent, claims: { a: nested(7) } } },
      { agent: { ...factsWith().agent, claims: { a: nested(8) } } },
    ],
  ]
  for (const [name, fits, tooLarge] of limits) {
    it(`are those beyond ${name}: a deny that names the rule`, () => {
      expect(judged('ttl == 1', fits)).to.equal('allow')
      const verdict = judgeLease(setOf(fileOf({ when: 'ttl == 1' })), factsWith(tooLarge))
      expect(verdict.effect).to.equal('deny')
      expect(verdict.rules[0]?.reason).to.equal('Rule r0 cannot be evaluated on this request')
    })
  }

  it('are those of nested empty lists too', () => {
    expect(judged('ttl == 1', { context: { a: [[[[[[[]]]]]]] } })).to.equal('allow')
    expect(judged('ttl == 1', { context: { a: [[[[[[[[]]]]]]]] } })).to.equal('deny')
  })
})

function members(count: number): Readonly<Record<string, Json>> {
  return Object.fromEntries(Array.from({ length: count }, (_, at) => [`m${at}`, at]))
}

describe('a selector', () => {
  const access = [grantFacts('orders.read')]
  const tools = [toolFacts('email.send')]
  const selected = (selectors: object, over: Partial<LeaseFacts> = { access, tools }): boolean =>
    judged({ when: 'true', ...selectors }, over) === 'ask'

  it('is exact, or everything below a trailing .*', () => {
    expect(selected({ tools: ['email.send'] })).to.equal(true)
    expect(selected({ tools: ['email.*'] })).to.equal(true)
    expect(selected({ grants: ['orders.*'] })).to.equal(true)
    expect(selected({ grants: ['orders.write'] })).to.equal(false)
  })

  it('never matches a name that only begins or ends alike', () => {
    const over = (tool: string) => ({ access: [], tools: [toolFacts(tool)] })
    for (const tool of ['email', 'emailx', 'emailx.send', 'xemail.send', 'email_send', 'Email.send', 'e.mail.send'])
      expect(selected({ tools: ['email.*'] }, over(tool)), tool).to.equal(false)
    for (const tool of ['email.send.bulk', 'email.sen', 'email.send ', 'xemail.send', 'emailXsend'])
      expect(selected({ tools: ['email.send', 'emailx'] }, over(tool)), tool).to.equal(false)
  })

  it('of both kinds wants a hit of each, and one of a list is enough', () => {
    expect(selected({ tools: ['email.send'], grants: ['orders.read'] })).to.equal(true)
    expect(selected({ tools: ['email.send'], grants: ['orders.write'] })).to.equal(false)
    expect(selected({ tools: ['orders.get', 'email.send'] })).to.equal(true)
    expect(selected({ tools: ['email.send'] }, { access, tools: [] })).to.equal(false)
  })

  it('keeps a rule from judging what it does not speak of, so that it cannot fail there', () => {
    expect(judged({ when: 'context.a == 1', tools: ['email.send'] }, { tools: [] })).to.equal('allow')
    expect(judged({ when: 'context.a == 1', tools: ['email.send'] }, { tools })).to.equal('deny')
  })
})

describe('the digest of a rule set', () => {
  const rules = (...lines: readonly string[]): string => ['version: 1', 'rules:', ...lines, TIERS].join('\n')
  const a = '  - { id: a, on: lease, when: "ttl > 60", risk: 5, reason: Long }'
  const b = '  - { id: b, on: lease, when: "ttl > 90", risk: 5, reason: Longer }'
  const digest = (...texts: readonly string[]): string => setOf(texts).digest
  const original = digest(rules(a, b))

  it('is that of SHA-256', () => {
    expect(original).to.match(/^sha256:[0-9a-f]{64}$/)
  })

  it('does not change with comments, blanks, quotes, the order of members or the split into files', () => {
    expect(digest(rules('  # why', a, '', b, '  # end'))).to.equal(original)
    expect(
      digest(rules('  - id: "a"', '    reason: Long', "    when: 'ttl > 60'", '    risk: 5', '    on: lease', b)),
    ).to.equal(original)
    expect(digest(rules(a), `version: 1\nrules:\n${b}`)).to.equal(original)
    expect(digest(`version: 1\nrules:\n${a}`, rules(b))).to.equal(original)
    expect(digest(rules(a.replace('}', ', mode: enforce }'), b)), 'a default written out').to.equal(original)
  })

  it('changes with everything that a rule says, and with the order', () => {
    const changed = [
      rules(b, a),
      rules(a),
      rules(a.replace('risk: 5', 'risk: 6'), b),
      rules(a.replace('risk: 5', 'effect: ask'), b),
      rules(a.replace('ttl > 60', 'ttl > 61'), b),
      rules(a.replace('Long', 'Very long'), b),
      rules(a.replace('id: a', 'id: c'), b),
      rules(a.replace('}', ', mode: observe }'), b),
      rules(a.replace('}', ', tools: [email.send] }'), b),
      rules(a.replace('}', ', grants: [refunds-api] }'), b),
      rules(a.replace('}', ', answers: [ASI01] }'), b),
      rules(a, b).replace('below: 30', 'below: 31'),
      rules(a, b).replace('max_ttl: 900', 'max_ttl: 901'),
      rules(a.replace('on: lease', 'on: action').replace('risk: 5', 'effect: ask'), b),
    ].map((text) => digest(text))
    expect(new Set([original, ...changed])).to.have.property('size', changed.length + 1)
  })
})

describe('texts of an attacker', () => {
  it('are matched in linear time', () => {
    // With a backtracking engine each of these takes longer than the universe has existed.
    const evil: readonly (readonly [pattern: string, text: string])[] = [
      ['^(a+)+$', `${'a'.repeat(8000)}!`],
      ['^(a|a)*$', `${'a'.repeat(8000)}!`],
      ['^(.*a){12}$', `${'a'.repeat(8000)}!`],
      ['^(([a-z])+.)+[A-Z]([a-z])+$', 'a'.repeat(8000)],
    ]
    for (const [pattern, goal] of evil) {
      const facts = { declared: { ...factsWith().declared, goal } }
      expect(judged(`re2(declared.goal, "${pattern}")`, facts), pattern).to.equal('allow')
    }
    expect(judged('re2(declared.goal, "a{3}")', { declared: { ...factsWith().declared, goal: 'xaaax' } })).to.equal(
      'ask',
    )
  }).timeout(5000)

  it('are only matched from end to end where the pattern says so, on both sides of a bar', () => {
    const matched = (pattern: string, goal: string): boolean =>
      judged(`re2(declared.goal, "${pattern}")`, { declared: { ...factsWith().declared, goal } }) === 'ask'
    expect([matched('^(a|b)$', 'ab'), matched('^(a|b)$', 'b')]).to.deep.equal([false, true])
    expect(matched('^a|b$', 'xb'), 'what the pattern says, not what it looks like').to.equal(true)
  })
})
