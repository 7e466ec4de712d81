import { expect } from 'chai'

import { readYaml } from '../../src/config/read-yaml.ts'
import { checkRules } from '../../src/local/check-rules.ts'
import { explainRules } from '../../src/local/explain-rules.ts'
import { testRules } from '../../src/local/test-rules.ts'
import { fileOf, setOf } from '../rules/support/rule-files.ts'

const rules = setOf(
  fileOf(
    { id: 'long', when: 'ttl > 600', risk: 20 },
    { id: 'pii', when: '"pii" in intent.data_classes', risk: 15 },
    { id: 'prod', when: 'context.environment == "production"', effect: 'ask' },
    { id: 'trial', when: 'ttl > 1', effect: 'deny', mode: 'observe' },
  ),
)

describe('checking rules on their own', () => {
  const check = (files: Readonly<Record<string, string>>) => checkRules(Object.keys(files), (path) => files[path] ?? '')

  it('gives the rule set of all files', () => {
    const checked = check({ 'a.yaml': fileOf({ when: 'ttl > 1' }), 'b.yaml': 'version: 1' })
    expect(checked.ok && checked.value.rules.lease).to.have.length(1)
  })

  it('says what is wrong in every file, of YAML and of rules', () => {
    const checked = check({
      'a.yaml': 'version: 1\nversion: 1',
      'b.yaml': fileOf({ when: 'tll > 1' }),
      'c.yaml': 'version: 2',
    })
    expect(checked.ok ? [] : checked.error.map(({ file, message }) => `${file} ${message}`)).to.deep.equal([
      'a.yaml Map keys must be unique',
      'c.yaml version is none of the values that there are',
      'b.yaml Rule r0: Unknown variable: tll',
    ])
  })
})

describe('a case of a rule test', () => {
  const run = (text: string) => testRules(rules, 'case.yaml', text)
  const ordinary = 'context: { environment: test }'

  it('passes where everything that it expects comes of it', () => {
    const expectation = '{ effect: allow, tier: low, score: 20, rules: [long, trial] }'
    expect(run(`name: long leases\nfacts: { ttl: 900, ${ordinary} }\nexpect: ${expectation}`)).to.deep.equal({
      file: 'case.yaml',
      name: 'long leases',
      passed: true,
      differences: [],
    })
  })

  it('fails with a line for each thing that comes otherwise', () => {
    const { passed, differences } = run(
      `name: x\nfacts: { ttl: 900, ${ordinary} }\nexpect: { effect: deny, tier: high, score: 20, rules: [long] }`,
    )
    expect(passed).to.equal(false)
    expect(differences).to.deep.equal([
      'effect: expected "deny", got "allow"',
      'tier: expected "high", got "low"',
      'rules: expected ["long"], got ["long","trial"]',
    ])
  })

  const unreadable: readonly (readonly [name: string, text: string, line: string])[] = [
    ['is not YAML', 'name: [', 'case.yaml:1:8: '],
    ['is empty', '', 'case.yaml:1:1: The file is empty. Write a mapping of members.'],
    ['expects nothing', 'name: x\nexpect: {}', 'The case expects nothing, so it tests nothing'],
    ['has no expectation', 'name: x', 'case.yaml:1:1: expect is missing. Write a mapping of members.'],
    [
      'has no name',
      'expect: { effect: deny }',
      'case.yaml:1:1: name is missing. Write a text, in quotes if it looks like a number.',
    ],
    [
      'expects something of another kind',
      'name: x\nexpect: { efect: deny }',
      'case.yaml:2:11: expect.efect is not a member of the file. Did you mean effect?',
    ],
    [
      'misspells a fact',
      'name: x\nfacts: { intnet: {} }\nexpect: { effect: deny }',
      'case.yaml:2:10: facts.intnet is not a member of the file. Did you mean intent?',
    ],
    [
      'misspells a fact inside another',
      'name: x\nfacts: { access: [{ lables: [a] }] }\nexpect: { effect: deny }',
      'case.yaml:2:21: facts.access[0].lables is not a member of the file. Did you mean labels?',
    ],
    [
      'gives a fact another type',
      'name: x\nfacts: { ttl: long }\nexpect: { effect: deny }',
      'case.yaml:2:15: facts.ttl is a text. Write a number.',
    ],
    [
      'gives a fact a value that it cannot have',
      'name: x\nfacts: { intent: { origin: cron } }\nexpect: { effect: deny }',
      'case.yaml:2:28: facts.intent.origin is none of the values that there are. Write one of user, agent, schedule, event.',
    ],
    [
      'takes a fact out',
      'name: x\nfacts: { intent: null }\nexpect: { effect: deny }',
      'case.yaml:2:18: facts.intent is empty. Write a mapping of members.',
    ],
  ]
  for (const [name, text, line] of unreadable) {
    it(`fails if it ${name}: what cannot be read must not look passed`, () => {
      const { passed, differences } = run(text)
      expect(passed).to.equal(false)
      expect(differences).to.have.length(1)
      expect(differences[0]).to.satisfy((said: string) => said.startsWith(line), differences[0])
    })
  }
})

describe('the facts of a case', () => {
  const explained = (facts: string) => {
    const document = readYaml('facts.yaml', facts)
    if (!document.ok) throw new Error('It is no YAML')
    const result = explainRules(
      setOf(
        fileOf(
          { when: 'ttl == 300 && now.hour == 12 && now.weekday == 3 && access.size() == 1 && tools.size() == 0' },
          {
            when: 'access.exists(a, "x" + a.grant == "xexample" && a.actions == ["read"] && !a.broad) && tools.exists(t, t.bounded == ["id"] && "write" in t.labels)',
          },
          { when: 'has(context.runtime) && !has(context.runtime.image) && has(context.runtime.debug)' },
        ),
      ),
      document.value,
    )
    if (!result.ok) throw new Error('They are no facts')
    return result.value.rules.map(({ matched }) => matched)
  }

  it('are those of an ordinary request where they say nothing', () => {
    expect(explained('')).to.deep.equal([true, false, false])
    expect(explained('{}')).to.deep.equal([true, false, false])
  })

  it('are merged into it, item by item, and a null takes free JSON out', () => {
    expect(explained('{ access: [{ labels: [write] }], tools: [{ labels: [write] }] }')).to.deep.equal([
      false,
      true,
      false,
    ])
    expect(explained('{ context: { runtime: { image: null, debug: true } } }')).to.deep.equal([true, false, true])
  })
})

describe('explaining a decision', () => {
  const explain = (facts: string) => {
    const document = readYaml('facts.yaml', facts)
    if (!document.ok) throw new Error('It is no YAML')
    return explainRules(rules, document.value)
  }

  it('says of each rule whether it fires and why, and what comes of all of them', () => {
    const result = explain('{ ttl: 900, context: { environment: production } }')
    if (!result.ok) throw new Error('It has faults')
    expect(result.value.rules).to.deep.equal([
      { id: 'long', matched: true, effect: 'risk 20', mode: 'enforce', why: 'Because' },
      { id: 'pii', matched: false, effect: 'risk 15', mode: 'enforce', why: 'Because' },
      { id: 'prod', matched: true, effect: 'ask', mode: 'enforce', why: 'Because' },
      { id: 'trial', matched: true, effect: 'deny', mode: 'observe', why: 'Because' },
    ])
    expect(result.value.verdict).to.deep.include({ effect: 'ask' })
    expect(result.value.verdict.risk).to.deep.include({ score: 20, tier: 'low' })
  })

  it('says why a rule cannot be evaluated, which a caller never learns', () => {
    const result = explain('{}')
    if (!result.ok) throw new Error('It has faults')
    expect(result.value.rules[2]).to.deep.include({ id: 'prod', matched: 'error', why: 'No such key: environment' })
    expect(result.value.verdict.effect).to.equal('deny')
    expect(JSON.stringify(result.value.verdict)).not.to.include('environment')
  })

  it('refuses facts that there are not, with their place', () => {
    const result = explain('ttl: 900\nintnet: {}')
    expect(result.ok ? [] : result.error).to.deep.equal([
      {
        file: 'facts.yaml',
        line: 2,
        column: 1,
        message: 'intnet is not a member of the file',
        mend: 'Did you mean intent?',
      },
    ])
  })
})
