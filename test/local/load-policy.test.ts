import { expect } from 'chai'

import { loadPolicy } from '../../src/local/load-policy.ts'
import { FILE, LEAST, sourcesOf, type World } from '../config/support/configuration-files.ts'
import { fileOf, TIERS } from '../rules/support/rule-files.ts'

const load = (settings: object, world: World = {}) =>
  loadPolicy(FILE, sourcesOf({ ...world, files: { [FILE]: JSON.stringify(settings), ...world.files } }))
const withRules = (rules: string, settings: object = LEAST) =>
  load(settings, { files: { '/etc/mayfly/rules.yaml': rules } })
const messages = (loaded: ReturnType<typeof load>): readonly string[] =>
  loaded.ok ? [] : loaded.error.map(({ message }) => message)

describe('loading a configuration with its rules', () => {
  it('gives both, compiled against each other', () => {
    const loaded = withRules(fileOf({ when: 'agent.id == "bot"', grants: ['api'] }))
    if (!loaded.ok) throw new Error(messages(loaded).join('\n'))
    expect(loaded.value.rules.lease.map(({ id }) => id)).to.deep.equal(['r0'])
    expect(loaded.value.configuration.catalogue.grants.has('api')).to.equal(true)
    expect(loaded.value.warnings).to.deep.equal([])
  })

  it('says the faults of both in one pass', () => {
    const settings = { ...LEAST, agents: [{ ...LEAST.agents[0], grants: ['apis'] }], limits: { max_tll: 5 } }
    const rules = fileOf(
      { when: 'agent.id == "bott"' },
      { when: 'intnet.origin == "user"' },
      { when: 'ttl > 1', grants: ['apj'] },
    )
    expect(messages(withRules(rules, settings))).to.deep.equal([
      'limits.max_tll is not a member of the file',
      'There is no grant apis',
      'Rule r0: it can never match',
      'Rule r1: Unknown variable: intnet',
      'Rule r2: apj names nothing that is configured, so it can never match',
    ])
  })

  it('does not blame rules for names whose list is broken itself', () => {
    const settings = {
      ...LEAST,
      agents: [...LEAST.agents, { owner: 'x', identities: [{ issuer: 'ci', subject: 'x' }] }],
      grants: {},
      tools: [{}],
    }
    const rules = fileOf({ when: 'agent.id == "somebody"' }, { when: 'ttl > 1', grants: ['any'], tools: ['thing.*'] })
    expect(messages(withRules(rules, settings))).to.deep.equal([
      'agents[1].id is missing',
      'grants is a mapping',
      'tools[0].name is missing',
    ])
  })

  it('does not miss tiers that may be in a rule file which cannot be read', () => {
    const settings = { ...LEAST, rules: ['./rules.yaml', './gone.yaml'] }
    expect(messages(load(settings))).to.deep.equal(['/etc/mayfly/gone.yaml cannot be read (ENOENT)'])
    expect(messages(load({ ...LEAST, rules: 5 }))).to.deep.equal(['rules is a number'])
    expect(messages(load(LEAST)), 'the control: all files are there').to.deep.equal(['No rule file holds tiers'])
  })

  it('keeps the warnings of both apart from faults', () => {
    const settings = { ...LEAST, limits: { max_depth: 2 } }
    const loaded = withRules(fileOf({ when: 'ttl > 5', escalate_to: 'security', escalate_after: 60 }), settings)
    expect(loaded.ok && loaded.value.warnings.map(({ message }) => message)).to.deep.equal([
      'limits.max_depth is read, and nothing enforces it yet',
      'Rule r0: nothing escalates yet',
    ])
  })

  it('reads rules that are JSON', () => {
    const text = JSON.stringify({ version: 1, rules: [], tiers: { low: { effect: 'allow' } } }, null, 2)
    expect(messages(withRules(text))).to.deep.equal([])
    expect(messages(withRules(`version: 1\n${TIERS}`))).to.deep.equal([])
  })
})
