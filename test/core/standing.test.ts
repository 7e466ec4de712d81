import { expect } from 'chai'
import fc from 'fast-check'

import type { Lease } from '../../src/core/lease.ts'
import type { Mark, Scope } from '../../src/core/mark.ts'
import { standingOf, type Situation, type Standing } from '../../src/core/standing.ts'
import { createNewIds } from '../../src/identity/new-ids.ts'
import { sampleLease } from '../support/sample-rows.ts'

const NOW = Date.UTC(2026, 10, 25)
const ids = createNewIds(() => NOW)

const root = sampleLease({ agent: 'root-bot', rootAgent: 'root-bot', owner: 'rita@example.com' })
const middle = sampleLease({ agent: 'middle-bot', rootAgent: 'root-bot', parent: root.id, root: root.id, depth: 1 })
const leaf = sampleLease({ agent: 'leaf-bot', rootAgent: 'root-bot', parent: middle.id, root: root.id, depth: 2 })

const mark = (kind: Mark['kind'], scope: Scope): Mark => ({
  id: ids.freeze(),
  kind,
  scope,
  since: NOW,
  by: 'ops@example.com',
  reason: 'Because',
})
const freeze = (value: string) => mark('freeze', { kind: 'agent', value })
const revoked = (value: string) => mark('revoked', { kind: 'agent', value })

const standing = (over: Partial<Situation> = {}): Standing =>
  standingOf({ lease: leaf, ancestors: [middle, root], marks: [], now: NOW, ...over })
const ofTree = (lease: Partial<Lease>, parent: Partial<Lease>, top: Partial<Lease>, marks: readonly Mark[] = []) =>
  standing({
    lease: { ...leaf, ...lease },
    ancestors: [
      { ...middle, ...parent },
      { ...root, ...top },
    ],
    marks,
  })

describe('the standing of a lease', () => {
  it('is usable while it and everything above it are active, in time, and under no mark', () => {
    expect(standing()).to.equal('usable')
    expect(standing({ lease: root, ancestors: [] })).to.equal('usable')
    expect(
      standing({ marks: [freeze('other-bot'), mark('revoked', { kind: 'owner', value: 'otto@example.com' })] }),
    ).to.equal('usable')
  })

  it('is not active in any other state, nor before its credentials have left', () => {
    for (const state of ['pending', 'closing', 'closed'] as const)
      expect(ofTree({ state }, {}, {}), state).to.equal('lease_not_active')
    expect(ofTree({ activatedAt: null }, {}, {})).to.equal('lease_not_active')
  })

  it('is not active under a revocation of its own', () => {
    expect(standing({ marks: [revoked('leaf-bot')] })).to.equal('lease_not_active')
  })

  it('ends with its last millisecond', () => {
    expect(standing({ now: leaf.expiresAt - 1 })).to.equal('usable')
    expect(standing({ now: leaf.expiresAt })).to.equal('lease_expired')
  })

  const ends: readonly (readonly [what: string, ended: Partial<Lease>])[] = [
    ['closing', { state: 'closing' }],
    ['closed', { state: 'closed' }],
    ['past its end', { expiresAt: NOW }],
  ]
  for (const [what, ended] of ends) {
    it(`ends with an ancestor that is ${what}, near or far`, () => {
      expect(ofTree({}, ended, {})).to.equal('ancestor_closed')
      expect(ofTree({}, {}, ended)).to.equal('ancestor_closed')
    })
  }

  it('ends with an ancestor whose agent was revoked', () => {
    expect(standing({ marks: [revoked('root-bot')] })).to.equal('ancestor_closed')
    expect(standing({ marks: [revoked('middle-bot')] })).to.equal('ancestor_closed')
  })

  it('waits while an ancestor is asked for, still being minted, or frozen', () => {
    expect(ofTree({}, { state: 'pending', activatedAt: null }, {})).to.equal('ancestor_waiting')
    expect(ofTree({}, {}, { activatedAt: null })).to.equal('ancestor_waiting')
    expect(standing({ marks: [freeze('root-bot')] })).to.equal('ancestor_waiting')
  })

  it('is frozen by a freeze of its own, of everything, and of its task, which is that of the whole tree', () => {
    const scopes: readonly Scope[] = [
      { kind: 'all' },
      { kind: 'lease', value: leaf.id },
      { kind: 'task', value: leaf.task, agent: 'root-bot' },
    ]
    for (const scope of scopes) expect(standing({ marks: [mark('freeze', scope)] }), scope.kind).to.equal('frozen')
  })

  it('is said in the order of the API: the first reason that holds', () => {
    /** From the last reason to the first: each makes the ones before it unimportant. */
    const reasons: readonly (readonly [Standing, (at: Situation) => Situation])[] = [
      ['ancestor_waiting', (at) => ({ ...at, marks: [...at.marks, freeze('root-bot')] })],
      ['frozen', (at) => ({ ...at, marks: [...at.marks, freeze('leaf-bot')] })],
      ['ancestor_closed', (at) => ({ ...at, ancestors: [{ ...middle, state: 'closing' }, root] })],
      ['lease_expired', (at) => ({ ...at, lease: { ...at.lease, expiresAt: NOW } })],
      ['lease_not_active', (at) => ({ ...at, lease: { ...at.lease, state: 'closing' } })],
    ]
    let at: Situation = { lease: leaf, ancestors: [middle, root], marks: [], now: NOW }
    for (const [reason, add] of reasons) {
      at = add(at)
      expect(standingOf(at)).to.equal(reason)
    }
  })
})

describe('the end of a lease', () => {
  const instant = fc.integer({ min: NOW - 10, max: NOW + 10 })
  const change = fc.record({
    state: fc.constantFrom('pending' as const, 'active' as const, 'closing' as const, 'closed' as const),
    activatedAt: fc.option(fc.constant(NOW)),
    expiresAt: instant,
  })
  const agent = fc.constantFrom('root-bot', 'middle-bot', 'leaf-bot', 'other-bot')
  const marks = fc.array(fc.record({ kind: fc.constantFrom('freeze' as const, 'revoked' as const), agent }), {
    maxLength: 3,
  })

  it('is one for its whole subtree: a lease is usable only if each of its ancestors is, by itself', () => {
    fc.assert(
      fc.property(change, change, change, marks, instant, (lease, parent, top, stops, now) => {
        const chain = [
          { ...leaf, ...lease },
          { ...middle, ...parent },
          { ...root, ...top },
        ] as const
        const held = stops.map(({ kind, agent: value }) => mark(kind, { kind: 'agent', value }))
        const each = chain.map((one, at) =>
          standingOf({ lease: one, ancestors: chain.slice(at + 1), marks: held, now }),
        )
        const alone = chain.map((one) => standingOf({ lease: one, ancestors: [], marks: held, now }))
        expect(each[0] === 'usable').to.equal(alone.every((one) => one === 'usable'))
        if (each[0] === 'usable') expect(each).to.deep.equal(['usable', 'usable', 'usable'])
      }),
      { numRuns: 2000 },
    )
  })

  it('is not taken back by time: what has expired at one instant has expired at every later one', () => {
    fc.assert(
      fc.property(change, change, change, instant, fc.nat(20), (lease, parent, top, now, later) => {
        const at = (when: number): Standing =>
          standingOf({
            lease: { ...leaf, ...lease },
            ancestors: [
              { ...middle, ...parent },
              { ...root, ...top },
            ],
            marks: [],
            now: when,
          })
        if (at(now) !== 'usable') expect(at(now + later)).to.not.equal('usable')
      }),
      { numRuns: 1000 },
    )
  })
})
