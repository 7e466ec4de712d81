import { expect } from 'chai'

import { NO_CONFIGURATION } from '../../src/core/configured-names.ts'
import { compile, faultsOf, fileOf, good, saidOf, TIERS } from './support/rule-files.ts'

const see = 'The facts and functions that a rule may use are listed in docs/rules.md.'
const file = (...lines: readonly string[]): string => ['version: 1', 'rules:', ...lines, TIERS].join('\n')
/** One rule, whose condition stands on line 3 after 37 characters. */
const rule = (when: string, more = 'effect: deny'): string =>
  file(`  - { id: a, on: lease, when: ${when}, ${more}, reason: x }`)

describe('loading rules', () => {
  it('says every fault at once, in all files, with file, line and column', () => {
    const first = file(
      '  - { id: a, on: lease, when: intnet.purpose == "x", effect: deny, reason: x }', // 3
      '  - { id: b, on: lease, when: "access.exists(a, a.broad)", efect: deny, reason: x }',
      '  - id: c', // 5
      '    on: lease',
      '    when: >-',
      '      now.hour < 6',
      '      && "privat_data" in history.labels', // 9
      '    risk: 5',
      '    reason: x',
      '  - { id: a, on: action, when: "true", risk: 5, reason: x, tools: [email.sent] }', // 12
    )
    const second = 'version: 2\nrules: [{ id: d, on: lease, when: ttl, effect: ask, reason: x }]\ntiers: {}'
    expect(faultsOf([first, second]).toSorted()).to.deep.equal(
      [
        `rules-1.yaml:3:31 Rule a: Unknown variable: intnet. ${see}`,
        'rules-1.yaml:4:60 rules[1].efect is not a member of the file. Did you mean effect?',
        'rules-1.yaml:4:5 rules[1]: must have exactly one of effect and risk. Change it; config/rules.schema.json says what is allowed.',
        'rules-1.yaml:9:10 Rule c: there is no label privat_data. Did you mean private_data? The labels are private_data, untrusted_input, external_send, egress, destructive, financial, access_change, credential, write, production, derives, regulated; declare more under labels in the configuration.',
        'rules-1.yaml:12:67 Rule a: email.sent names nothing that is configured, so it can never match. Did you mean email.send?',
        'rules-1.yaml:12:46 rules[3].risk: only rules on: lease add up to a score. Change it; config/rules.schema.json says what is allowed.',
        'rules-1.yaml:12:11 There are two rules a. Give one of them another id.',
        'rules-2.yaml:1:10 version is none of the values that there are. Write 1.',
        'rules-2.yaml:2:35 Rule d: the condition is of type int. Write one that is true or false.',
        'rules-2.yaml:3:1 Tiers are in two files. Keep those of rules-1.yaml, or these.',
      ].toSorted(),
    )
  })

  const refused: readonly (readonly [name: string, text: string, faults: readonly string[]])[] = [
    ['a misspelt fact', rule('intent.purpos == "x"'), [`3:38 Rule a: No such key: purpos. ${see}`]],
    ['a misspelt member of an item', rule("'access.exists(a, a.brod)'"), [`3:51 Rule a: No such key: brod. ${see}`]],
    ['a comparison of different types', rule('ttl == "300"'), [`3:31 Rule a: no such overload: int == string. ${see}`]],
    [
      'a function that is not there',
      rule('"intent.purpose.reverse() == agent.id"'),
      [`3:32 Rule a: found no matching overload for 'string.reverse()'. ${see}`],
    ],
    ['half a condition', rule('"ttl >"'), [`3:37 Rule a: Unexpected token: EOF. ${see}`]],
    [
      'matches',
      rule('\'agent.id.matches("^(a+)+$")\''),
      ['3:32 Rule a: matches() can take time without bound. Write re2(text, "pattern").'],
    ],
    [
      'a pattern that is no constant',
      rule("'re2(agent.id, intent.purpose)'", 'risk: 5'),
      ['3:46 Rule a: the pattern of re2() is not a constant. Write it out as a text.'],
    ],
    [
      'a pattern that is put together',
      rule('\'re2(agent.id, "a" + "b")\''),
      ['3:46 Rule a: the pattern of re2() is not a constant. Write it out as a text.'],
    ],
    [
      'a pattern that RE2 does not have',
      rule('\'re2(agent.id, "(?=x)")\''),
      [
        '3:46 Rule a: the pattern is not RE2: error parsing regexp: invalid or unsupported Perl syntax: `(?=`. Mend the pattern.',
      ],
    ],
    [
      'a deny that reads what the caller declared',
      rule('\'"pii" in declared.data_classes\''),
      [
        '3:73 Rule a: it reads declared, which is only what the caller says, so it may only ask or charge. Use effect: ask or risk, or read intent, which is the worse of what was said and what is configured.',
      ],
    ],
    [
      'a selector that names nothing',
      rule('"true"', 'effect: deny, tools: [email.sent], grants: ["refunds.*"]'),
      [
        '3:60 Rule a: email.sent names nothing that is configured, so it can never match. Did you mean email.send?',
        '3:82 Rule a: refunds.* names nothing that is configured, so it can never match. Mend the name, or add what it names.',
      ],
    ],
    [
      'approvers that nobody is',
      rule('"true"', 'effect: ask, approvers: securtiy'),
      [
        '3:63 Rule a: no operator is in the group securtiy, so nobody could answer. Put some there: operators[].groups.',
      ],
    ],
    [
      'a condition that always fails',
      rule('"1 / 0 == 1"'),
      ['3:31 Rule a: it can never be evaluated. Mend the condition: as it is, every request would be denied.'],
    ],
    [
      'two rules of one name',
      file(
        '  - { id: a, on: lease, when: "true", risk: 1, reason: x }',
        '  - { id: a, on: lease, when: "true", risk: 2, reason: x }',
      ),
      ['4:11 There are two rules a. Give one of them another id.'],
    ],
  ]
  for (const [name, text, faults] of refused) {
    it(`refuses ${name}`, () => {
      expect(faultsOf(text)).to.deep.equal(faults.map((fault) => `rules-1.yaml:${fault}`))
    })
  }

  const members: readonly (readonly [name: string, rule: object, message: string])[] = [
    ['no effect', { when: 'true', effect: undefined }, 'rules[0]: must have exactly one of effect and risk'],
    ['effect and risk', { when: 'true', effect: 'ask', risk: 5 }, 'rules[0]: must have exactly one of effect and risk'],
    [
      'an effect that allows',
      { when: 'true', effect: 'allow' },
      'rules[0].effect is none of the values that there are',
    ],
    [
      'risk on an action',
      { when: 'true', on: 'action', risk: 5 },
      'rules[0].risk: only rules on: lease add up to a score',
    ],
    ['no risk at all', { when: 'true', risk: 0 }, 'rules[0].risk: too small: expected number to be >=1'],
    [
      'approvals of a deny',
      { when: 'true', effect: 'deny', approvals: 1 },
      'rules[0]: approvals, approvers and escalate_to go with effect: ask',
    ],
    ['no approval', { when: 'true', approvals: 0 }, 'rules[0].approvals: too small: expected number to be >=1'],
    [
      'half an escalation',
      { when: 'true', escalate_to: 'security' },
      'rules[0]: escalate_to and escalate_after go together',
    ],
    [
      'a selector of everything',
      { when: 'true', tools: ['*'] },
      'rules[0].tools[0]: must be a name, or one that ends in ".*"',
    ],
    [
      'a selector with a star inside',
      { when: 'true', tools: ['email.*.bulk'] },
      'rules[0].tools[0]: must be a name, or one that ends in ".*"',
    ],
    [
      'a selector with a bar',
      { when: 'true', tools: ['orders.get|email.send'] },
      'rules[0].tools[0]: must be a name, or one that ends in ".*"',
    ],
    ['an empty selector', { when: 'true', grants: [] }, 'rules[0].grants: too small: expected array to have >=1 items'],
    ['a mode of its own', { when: 'true', mode: 'off' }, 'rules[0].mode is none of the values that there are'],
    ['a condition that is true by itself', { when: true }, 'rules[0].when is a boolean'],
  ]
  for (const [name, broken, message] of members) {
    it(`refuses ${name}`, () => {
      expect(saidOf(broken)).to.deep.equal([message])
    })
  }

  const nested: readonly string[] = [
    'arguments.a.all(x, arguments.b.exists(y, x == y))',
    'arguments.a.all(x, x.all(y, y == 1))',
    'access.exists(a, arguments.b.exists(y, y == a.grant))',
    '[arguments].all(x, x.l.exists(y, y == 1))',
    'tool.labels.exists(l, arguments.a.filter(x, x == l).size() > 3)',
    'context.a.map(x, context.b.map(y, y)).size() > 3',
    'access.exists(a, declared.goal.split(" ").exists(w, w == a.grant))',
  ]
  for (const when of nested) {
    it(`refuses a pass inside a pass over what a caller sends: ${when}`, () => {
      expect(saidOf({ on: 'action', when })).to.deep.equal([
        'a pass inside a pass over arguments has no bound on its cost',
      ])
    })
  }

  it('refuses a name for what a pass is over, which would hide that', () => {
    expect(
      saidOf({ on: 'action', when: 'cel.bind(l, arguments.a, access.exists(a, l.exists(x, x == a.grant)))' }),
    ).to.deep.equal(['cel.bind() hides what a pass is over'])
  })

  const bounded: readonly string[] = [
    'arguments.a.filter(x, x != 1).all(y, y == 2)',
    'arguments.a.all(x, x == 1) && arguments.b.all(x, x == 2)',
    'access.exists(a, a.actions.exists(x, covers("s3:*", x)))',
    'intent.data_classes.exists(c, parent.data_classes.exists(p, p == c))',
    'has(arguments.to) && arguments.to.all(t, re2(t, "@example\\\\.com$"))',
  ]
  for (const when of bounded) {
    it(`takes passes that cost no more than what they are over: ${when}`, () => {
      expect(saidOf({ on: 'action', when })).to.deep.equal([])
    })
  }

  it('takes a deny on what is configured, verified or the worse of both', () => {
    for (const when of ['intent.origin != "user"', 'has(agent.claims.fork)', 'access.exists(a, a.broad)', 'ttl > 600'])
      expect(saidOf({ when, effect: 'deny' }), when).to.deep.equal([])
    for (const when of ['has(context.runtime)', 'declared.goal == "x"', 'declared.on_behalf_of != ""'])
      expect(saidOf({ when, effect: 'deny' }), when).to.have.length(1)
    expect(saidOf({ when: 'declared.goal == "x"', effect: 'ask' })).to.deep.equal([])
    expect(saidOf({ when: 'declared.goal == "x"', risk: 5 })).to.deep.equal([])
  })

  it('takes rules on facts that nothing fills yet', () => {
    for (const when of [
      'history.labels.size() > 3',
      'parent.depth > 2',
      'agent.recent.hour.denials > 5',
      'agent.recent.day.asks > 9',
    ])
      expect(saidOf({ when }), when).to.deep.equal([])
  })

  it('refuses a file that is not of rules', () => {
    expect(faultsOf('- 1')).to.deep.equal(['rules-1.yaml:1:1 The file is a list. Write a mapping of members.'])
    expect(faultsOf('version: 1\nrule: []')).to.deep.equal([
      'rules-1.yaml:2:1 rule is not a member of the file. Did you mean rules?',
      'rules-1.yaml:1:1 No rule file holds tiers. Load config/rules/baseline.yaml, or write tiers into one of them.',
    ])
  })
})

describe('labels in a rule', () => {
  const known = [
    '"private_data" in access[0].labels',
    '"regulated" in history.labels',
    'tools.exists(t, t.labels.exists(l, l == "write"))',
  ]
  for (const when of known) {
    it(`are words that there are: ${when}`, () => {
      expect(saidOf(when)).to.deep.equal([])
    })
  }

  const unknown = [
    'access.exists(a, "privat" in a.labels)',
    '!("privat" in history.labels)',
    'tools.exists(t, t.labels.exists(l, l == "privat"))',
    'tools.all(t, t.labels.all(l, l != "privat"))',
    'tools.exists(t, t.labels.exists(l, "privat" == l))',
    'tools.exists(t, t.labels.exists(l, l in ["write", "privat"]))',
    'has(context.labels) && "privat" in context.labels',
  ]
  for (const when of unknown) {
    it(`are no other words: ${when}`, () => {
      expect(saidOf(when)).to.deep.equal(['there is no label privat'])
    })
  }
})

describe('tiers', () => {
  const tiers = (text: string): readonly string[] =>
    faultsOf(`version: 1\ntiers: ${text}`).map((fault) => fault.replace('rules-1.yaml:', ''))
  const low = 'low: { below: 30, effect: allow }'
  const refused: readonly (readonly [name: string, text: string, faults: readonly string[]])[] = [
    ['none', '{}', ['2:8 There is no tier. Write at least one of low, medium, high, critical.']],
    [
      'out of order',
      `{ critical: { effect: deny }, ${low} }`,
      ['2:8 The tiers are out of order. Write them in the order low, medium, high, critical.'],
    ],
    [
      'without a bound before the last',
      '{ low: { effect: allow }, critical: { effect: deny } }',
      ['2:15 Tier low: it has no bound. Write below: only the last tier is open.'],
    ],
    [
      'with a bound on the last',
      '{ low: { below: 30, effect: allow }, high: { below: 60, effect: ask } }',
      ['2:51 Tier high: it is the last and has a bound. Take out below: every higher score must land somewhere.'],
    ],
    [
      'with bounds that fall',
      '{ low: { below: 30, effect: allow }, high: { below: 30, effect: ask }, critical: { effect: deny } }',
      ['2:51 Tier high: below 30 is not above 30. Each bound must be above the one before.'],
    ],
    [
      'of another name',
      `{ ${low}, severe: { effect: deny } }`,
      ['2:45 tiers.severe is not a member of the file. Take it out; config/rules.schema.json says what there is.'],
    ],
    [
      'with approvals where nobody is asked',
      '{ low: { effect: allow, approvers: security } }',
      [
        '2:15 tiers.low: approvals and approvers go with effect: ask. Change it; config/rules.schema.json says what is allowed.',
      ],
    ],
    [
      'with approvers that nobody is',
      '{ low: { effect: ask, approvers: board } }',
      ['2:15 Tier low: no operator is in the group board, so nobody could answer. Put some there: operators[].groups.'],
    ],
  ]
  for (const [name, text, faults] of refused) {
    it(`are refused ${name}`, () => {
      const said = tiers(text)
      // Of a tier that the schema does not know it can also be said that the others are out of order; once is enough.
      expect(said).to.deep.equal(faults)
    })
  }

  it('are refused where there are none, and in two files', () => {
    expect(faultsOf('version: 1')).to.have.length(1)
    expect(faultsOf(['version: 1', `version: 1\n${TIERS}`])).to.deep.equal([])
    expect(faultsOf([`version: 1\n${TIERS}`, 'version: 1', `version: 1\n${TIERS}`])).to.deep.equal([
      'rules-3.yaml:2:1 Tiers are in two files. Keep those of rules-1.yaml, or these.',
    ])
  })

  it('may be a single one, with all that a tier can say', () => {
    const { rules } = good(
      compile('version: 1\ntiers: { high: { effect: ask, approvals: 2, approvers: security, max_ttl: 60 } }'),
    )
    expect(rules.tiers).to.deep.equal([
      { name: 'high', below: null, effect: 'ask', approvals: 2, approvers: 'security', maxTtlSeconds: 60 },
    ])
  })
})

describe('a rule set that loads', () => {
  const warned = (...rules: readonly object[]): readonly string[] =>
    good(compile(fileOf(...rules))).warnings.map(({ message }) => message)

  it('warns of what nothing does yet', () => {
    expect(warned({ on: 'action', when: 'tool.name == "x"' })).to.deep.equal([])
    expect(warned({ when: 'ttl > 1', escalate_to: 'security', escalate_after: 60 })).to.deep.equal([
      'Rule r0: nothing escalates yet',
    ])
  })

  it('leaves rules on actions out of what judges leases', () => {
    const { rules } = good(compile(fileOf({ on: 'action', when: 'lease.risk > 50' }, { when: 'ttl > 1' })))
    expect(rules.lease.map(({ id }) => id)).to.deep.equal(['r1'])
  })

  it('warns once a file of labels that nothing carries', () => {
    const rule = (label: string) => ({ when: `access.exists(a, "${label}" in a.labels)` })
    expect(warned(rule('financial'), rule('private_data'), rule('write'))).to.deep.equal([
      'No grant or tool carries financial, write: what rules of this file say of that never holds',
    ])
    expect(warned({ when: '"financial" in history.labels' }), 'results can bring any label').to.deep.equal([])
  })

  it('warns of a rule that another one shadows', () => {
    const when = 'ttl > 600 && intent.origin != "user"'
    expect(warned({ when, effect: 'deny' }, { when: 'ttl > 600   && intent.origin != "user"', risk: 5 })).to.deep.equal(
      ['Rule r1: rule r0 denies on the same condition'],
    )
    expect(warned({ when, risk: 5 }, { when, effect: 'deny' })).to.deep.equal([
      'Rule r0: rule r1 denies on the same condition',
    ])
    expect(warned({ when, effect: 'deny' }, { when, effect: 'deny' })).to.deep.equal([
      'Rule r1: rule r0 denies on the same condition',
    ])
    expect(warned({ when, effect: 'deny', mode: 'observe' }, { when, risk: 5 })).to.deep.equal([])
    expect(warned({ when, effect: 'deny', tools: ['orders.get'] }, { when, risk: 5 })).to.deep.equal([])
  })

  it('says of selectors that they were not checked where there is no configuration', () => {
    const text = fileOf({ when: 'ttl > 1', tools: ['any.thing'], grants: ['some.*'] }, { when: 'agent.id == "nobody"' })
    expect(good(compile(text, NO_CONFIGURATION)).warnings.map(({ message }) => message)).to.deep.equal([
      'Rule r0: the selector was not checked',
      'Rule r0: the selector was not checked',
    ])
  })
})
