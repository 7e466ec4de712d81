import { expect } from 'chai'
import { hash, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import type { OperatorCaller, PepCaller } from '../../src/broker/caller.ts'
import { formatBearerToken, type BearerKind } from '../../src/core/bearer-token.ts'
import { newToken } from '../../src/local/new-token.ts'
import { testClock, trust } from './support/trust.ts'

const operator: OperatorCaller = { type: 'operator', id: 'ops@example.com', role: 'operator', groups: ['sre'] }
const pep: PepCaller = {
  type: 'pep',
  name: 'refunds',
  tools: ['refunds.*'],
  vouchesForLease: false,
  audiences: ['https://refunds.test'],
}
const sha256 = (text: string): string => hash('sha256', text)
const knownAs = <T>(token: string, caller: T, expiresAt: number | null = null) => ({
  tokenSha256: sha256(token),
  expiresAt,
  caller,
})

describe('an operator token and a PEP token', () => {
  const clock = testClock()
  const [ops, gate] = [newToken('operator', randomBytes), newToken('pep', randomBytes)]
  const identities = trust({ operators: [knownAs(ops.token, operator)], peps: [knownAs(gate.token, pep)] }, { clock })

  it('make their holder, by the hash that mayfly token new prints', () => {
    expect(ops.token).to.match(/^mfo_[0-9A-Za-z]{49}$/)
    expect(gate.token).to.match(/^mfp_[0-9A-Za-z]{49}$/)
    expect([ops.token_sha256, gate.token_sha256]).to.deep.equal([sha256(ops.token), sha256(gate.token)])
    expect(identities.operator(ops.token)).to.deep.equal(operator)
    expect(identities.pep(gate.token)).to.deep.equal(pep)
  })

  it('are not interchangeable', () => {
    expect(identities.operator(gate.token)).to.equal(undefined)
    expect(identities.pep(ops.token)).to.equal(undefined)
  })

  it('are not interchangeable by configuration either: the kind is in the token', () => {
    const lease = formatBearerToken('l', randomBytes(32))
    const mixed = trust(
      {
        operators: [gate.token, lease].map((token) => knownAs(token, operator)),
        peps: [ops.token, lease].map((token) => knownAs(token, pep)),
      },
      { clock },
    )
    for (const token of [ops.token, gate.token, lease]) {
      expect(mixed.operator(token)).to.equal(undefined)
      expect(mixed.pep(token)).to.equal(undefined)
    }
  })

  it('are nobody where none is configured', () => {
    const nobody = trust({}, { clock })
    expect([nobody.operator(ops.token), nobody.pep(gate.token)]).to.deep.equal([undefined, undefined])
  })

  it('are nobody where they are well-formed and not configured', () => {
    expect(identities.operator(newToken('operator', randomBytes).token)).to.equal(undefined)
  })

  it('are not their own hash', () => {
    expect(identities.operator(ops.token_sha256)).to.equal(undefined)
  })

  it('have no other spelling', () => {
    const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-= \n'
    const change = fc.record({
      at: fc.nat(ops.token.length),
      take: fc.nat(2),
      put: fc.constantFrom(...Array.from(alphabet), ''),
    })
    fc.assert(
      fc.property(change, ({ at, take, put }) => {
        const other = ops.token.slice(0, at) + put + ops.token.slice(at + take)
        return other === ops.token || identities.operator(other) === undefined
      }),
      { numRuns: 2_000 },
    )
  })

  it('are refused by their checksum before any look-up, even where the configuration holds the hash', () => {
    const last = ops.token.endsWith('0') ? '1' : '0'
    const mistyped = ops.token.slice(0, -1) + last
    const lenient = trust({ operators: [knownAs(mistyped, operator), knownAs(ops.token, operator)] }, { clock })
    expect(lenient.operator(mistyped)).to.equal(undefined)
    expect(lenient.operator(ops.token), 'a control').to.deep.equal(operator)
  })

  it('end at their second', () => {
    const moving = testClock()
    const until = moving.now + 60_000
    const ending = trust({ operators: [knownAs(ops.token, operator, until)] }, { clock: moving })
    moving.now = until - 1
    expect(ending.operator(ops.token)).to.deep.equal(operator)
    for (const now of [until, until + 1, until + 1e12]) {
      moving.now = now
      expect(ending.operator(ops.token)).to.equal(undefined)
    }
  })

  it('have one holder each', () => {
    const shared = [knownAs(ops.token, operator), knownAs(ops.token, { ...operator, id: 'other@example.com' })]
    expect(() => trust({ operators: shared }, { clock })).to.throw('Two holders share one mfo_ token')
  })

  for (const kind of ['l', 'o', 'p'] as const satisfies readonly BearerKind[]) {
    it(`of the kind ${kind} are no identity of a workload`, async () => {
      const found = await identities.workload(formatBearerToken(kind, randomBytes(32)))
      expect(!found.ok && found.error.reason).to.equal('unauthenticated')
    })
  }
})
