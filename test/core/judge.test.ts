import { expect } from 'chai'
import fc from 'fast-check'

import type { LeaseFacts } from '../../src/core/facts.ts'
import { judgeLease, type LeaseRule, type RuleEffect, type RuleSet, type Tier } from '../../src/core/judge.ts'

const facts = {} as LeaseFacts
const tiers: readonly Tier[] = [
  { name: 'low', below: 30, effect: 'allow', approvals: 0, approvers: null, maxTtlSeconds: 900 },
  { name: 'high', below: 90, effect: 'ask', approvals: 2, approvers: 'security', maxTtlSeconds: 300 },
  { name: 'critical', below: null, effect: 'deny', approvals: 0, approvers: null, maxTtlSeconds: null },
]
const rule = (id: string, effect: RuleEffect, over: Partial<LeaseRule> = {}): LeaseRule => ({
  id,
  effect,
  mode: 'enforce',
  reason: `because ${id}`,
  answers: [],
  matches: () => true,
  ...over,
})
const set = (...lease: LeaseRule[]): RuleSet => ({ digest: 'sha256:x', lease, about: () => [], tiers })
const deny: RuleEffect = { kind: 'deny' }
const ask: RuleEffect = { kind: 'ask', approvals: 1, approvers: null }
const risk = (points: number): RuleEffect => ({ kind: 'risk', points })

describe('judging a lease', () => {
  const cases: readonly {
    readonly name: string
    readonly rules: RuleSet
    readonly effect: string
    readonly tier: string
  }[] = [
    { name: 'allows what no rule speaks about, by its tier', rules: set(), effect: 'allow', tier: 'low' },
    {
      name: 'adds risk points up to a tier',
      rules: set(rule('a', risk(20)), rule('b', risk(10))),
      effect: 'ask',
      tier: 'high',
    },
    {
      name: 'picks the next tier at its bound, not after it',
      rules: set(rule('a', risk(30))),
      effect: 'ask',
      tier: 'high',
    },
    { name: 'denies in the last tier', rules: set(rule('a', risk(90))), effect: 'deny', tier: 'critical' },
    { name: 'lets a deny outrank an ask', rules: set(rule('a', ask), rule('b', deny)), effect: 'deny', tier: 'low' },
    { name: 'asks when a rule asks', rules: set(rule('a', ask)), effect: 'ask', tier: 'low' },
    {
      name: 'does nothing for a rule that observes',
      rules: set(rule('a', deny, { mode: 'observe' }), rule('b', risk(90), { mode: 'observe' })),
      effect: 'allow',
      tier: 'low',
    },
    {
      name: 'skips a rule whose condition does not hold',
      rules: set(rule('a', deny, { matches: () => false })),
      effect: 'allow',
      tier: 'low',
    },
  ]
  for (const { name, rules, effect, tier } of cases) {
    it(name, () => {
      const verdict = judgeLease(rules, facts)
      expect([verdict.effect, verdict.risk.tier]).to.deep.equal([effect, tier])
    })
  }

  it('denies by name when a rule cannot be evaluated, whatever its effect was', () => {
    const broken = rule('broken', risk(1), {
      matches: () => {
        throw new Error('no such key: secret-value')
      },
    })
    const verdict = judgeLease(set(broken), facts)
    expect(verdict.effect).to.equal('deny')
    expect(verdict.rules).to.deep.equal([
      { id: 'broken', effect: 'deny', reason: 'Rule broken cannot be evaluated on this request', mode: 'enforce' },
    ])
  })

  it('names every rule that fired, in file order, and the digest of the set', () => {
    const verdict = judgeLease(set(rule('a', risk(5)), rule('b', ask), rule('c', deny, { mode: 'observe' })), facts)
    expect(verdict.rules.map(({ id, effect, mode }) => [id, effect, mode])).to.deep.equal([
      ['a', 'risk', 'enforce'],
      ['b', 'ask', 'enforce'],
      ['c', 'deny', 'observe'],
    ])
    expect(verdict.rulesDigest).to.equal('sha256:x')
    expect(verdict.risk.factors).to.deep.equal([{ rule: 'a', points: 5, reason: 'because a' }])
  })

  it('says who must approve, for rules and for the tier', () => {
    const verdict = judgeLease(set(rule('a', ask), rule('b', risk(30))), facts)
    expect(verdict.asks).to.deep.equal([
      { by: 'a', reason: 'because a', approvals: 1, approvers: null },
      { by: 'tier:high', reason: 'Risk tier high', approvals: 2, approvers: 'security' },
    ])
  })

  it('never becomes milder when one more rule is enforced', () => {
    const effects = fc.oneof(fc.constant(deny), fc.constant(ask), fc.integer({ min: 1, max: 100 }).map(risk))
    const severity = ['allow', 'ask', 'deny']
    fc.assert(
      fc.property(fc.array(effects, { maxLength: 5 }), effects, (some, more) => {
        const rules = some.map((effect, at) => rule(`r${at}`, effect))
        const [before, after] = [judgeLease(set(...rules), facts), judgeLease(set(...rules, rule('more', more)), facts)]
        expect(severity.indexOf(after.effect)).to.be.at.least(severity.indexOf(before.effect))
        expect(after.risk.score).to.be.at.least(before.risk.score)
      }),
    )
  })
})
