import { expect } from 'chai'
import fc from 'fast-check'

import { coversGrant, coversLease, sameScope, type Scope } from '../../src/core/mark.ts'
import { sampleLease } from '../support/sample-rows.ts'

const lease = sampleLease({ task: 'run-1', agent: 'child-bot', rootAgent: 'root-bot', owner: 'Dana@Example.com' })
const task = (value: string, agent: string): Scope => ({ kind: 'task', value, agent })

describe('whether a mark covers a lease', () => {
  const cases: readonly (readonly [what: string, scope: Scope, covers: boolean])[] = [
    ['everything', { kind: 'all' }, true],
    ['its agent', { kind: 'agent', value: 'child-bot' }, true],
    ['the agent of its root, which it does not belong to', { kind: 'agent', value: 'root-bot' }, false],
    ['an agent that is spelled otherwise', { kind: 'agent', value: 'Child-Bot' }, false],
    ['its owner', { kind: 'owner', value: 'Dana@Example.com' }, true],
    ['its owner, spelled otherwise', { kind: 'owner', value: 'dana@example.com' }, true],
    ['another owner', { kind: 'owner', value: 'otto@example.com' }, false],
    ['its task', task('run-1', 'root-bot'), true],
    ['a task of that name of another agent', task('run-1', 'child-bot'), false],
    ['another task of its root agent', task('run-2', 'root-bot'), false],
    ['a task that is spelled otherwise', task('Run-1', 'root-bot'), false],
    ['the lease itself', { kind: 'lease', value: lease.id }, true],
    ['another lease', { kind: 'lease', value: sampleLease().id }, false],
    ['a provider: that covers credentials, never a lease', { kind: 'provider', value: 'tokens' }, false],
    ['a grant: that covers credentials, never a lease', { kind: 'grant', value: 'refunds-api' }, false],
  ]
  for (const [what, scope, covers] of cases) {
    it(`${covers ? 'yes' : 'no'}: ${what}`, () => {
      expect(coversLease(scope, lease)).to.equal(covers)
    })
  }

  it('a lease that does not exist yet is covered by all but its own id', () => {
    const wanted = { agent: 'child-bot', owner: 'dana@example.com', task: 'run-1', rootAgent: 'root-bot', id: null }
    expect(coversLease({ kind: 'agent', value: 'child-bot' }, wanted)).to.equal(true)
    expect(coversLease({ kind: 'lease', value: lease.id }, wanted)).to.equal(false)
  })
})

describe('whether a mark covers the credentials of a grant', () => {
  const grant = { grant: 'orders', provider: 'aws' }
  const cases: readonly (readonly [what: string, scope: Scope, covers: boolean])[] = [
    ['its grant', { kind: 'grant', value: 'orders' }, true],
    ['its provider', { kind: 'provider', value: 'aws' }, true],
    ['a grant with the name of its provider', { kind: 'grant', value: 'aws' }, false],
    ['a provider with the name of its grant', { kind: 'provider', value: 'orders' }, false],
    ['everything: that is looked at with the lease', { kind: 'all' }, false],
    ['an agent', { kind: 'agent', value: 'orders' }, false],
  ]
  for (const [what, scope, covers] of cases) {
    it(`${covers ? 'yes' : 'no'}: ${what}`, () => {
      expect(coversGrant(scope, grant)).to.equal(covers)
    })
  }
})

describe('two scopes', () => {
  const name = fc.constantFrom('run-1', 'Run-1', 'dana@example.com', 'DANA@EXAMPLE.COM', 'zoë', 'ZOË')
  const scope: fc.Arbitrary<Scope> = fc.oneof(
    fc.constant({ kind: 'all' } as const),
    fc.record({ kind: fc.constantFrom('agent', 'owner', 'lease', 'provider', 'grant'), value: name }),
    fc.record({ kind: fc.constant('task' as const), value: name, agent: name }),
  )

  it('are the same as themselves, and in both directions', () => {
    fc.assert(
      fc.property(scope, scope, (one, other) => {
        expect(sameScope(one, one)).to.equal(true)
        expect(sameScope(one, other)).to.equal(sameScope(other, one))
      }),
    )
  })

  it('that are the same cover the same leases and grants', () => {
    const leases = fc.record({ agent: name, owner: name, task: name, rootAgent: name, id: name })
    fc.assert(
      fc.property(scope, scope, leases, (one, other, covered) => {
        if (!sameScope(one, other)) return
        expect(coversLease(one, covered)).to.equal(coversLease(other, covered))
        const grant = { grant: covered.agent, provider: covered.task }
        expect(coversGrant(one, grant)).to.equal(coversGrant(other, grant))
      }),
      { numRuns: 1000 },
    )
  })
})
