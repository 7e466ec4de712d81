import { expect } from 'chai'
import { hash } from 'node:crypto'
import fc from 'fast-check'
import type { SigningKey } from '../../src/store/keys/signing-key.ts'
import { CREDENTIAL, keysOf, LEASE, minted, newKey, NOW, OWN } from './support/minting.ts'

const SECOND = Math.floor(NOW / 1000)

async function errorOf(minting: Promise<unknown>): Promise<string> {
  return minting.then(
    () => 'minted',
    (error: unknown) => (error instanceof Error ? error.message : 'no error'),
  )
}

describe('the access token of a lease', () => {
  let ed: SigningKey
  before(async () => {
    ed = await newKey('EdDSA')
  })

  it('says what it is for, to the letter', async () => {
    const { header, claims } = await minted(keysOf(ed))
    expect(header).to.deep.equal({ alg: 'EdDSA', typ: 'at+jwt', kid: ed.kid })
    expect(claims).to.deep.equal({
      iss: OWN,
      sub: 'support-bot',
      aud: 'https://refunds.test',
      client_id: 'support-bot',
      iat: SECOND,
      nbf: SECOND - 10,
      exp: SECOND + 300,
      jti: CREDENTIAL,
      scope: 'refund:create refund:read',
      lease: LEASE,
      task: 'run-8812',
      authorization_details: [
        {
          type: 'mayfly_access',
          grant: 'refunds-api',
          actions: ['refund:create', 'refund:read'],
          resources: ['orders/1234'],
        },
      ],
    })
  })

  it('comes as a bearer token, with its ends and its fingerprint beside it', async () => {
    const { result, value, token } = await minted(keysOf(ed))
    expect(value).to.deep.equal({ access_token: token, token_type: 'Bearer', expires_in: 300 })
    expect({ ...result, value: undefined }).to.deep.equal({
      value: undefined,
      fingerprint: hash('sha256', token),
      expiresAt: (SECOND + 300) * 1000,
      hardExpiresAt: null,
      offlineUntil: (SECOND + 300) * 1000,
      revocation: 'immediate',
    })
    expect(JSON.stringify(result)).not.to.include(token)
  })

  it('has no scope where the grant has no actions, since a scope is one word at least', async () => {
    const { claims } = await minted(keysOf(ed), { access: { actions: [], resources: [] } })
    expect(claims).not.to.have.property('scope')
    expect(claims['authorization_details']).to.deep.equal([
      { type: 'mayfly_access', grant: 'refunds-api', actions: [], resources: [] },
    ])
  })

  it('ends at the max_ttl of its grant or with its lease, whichever is sooner, in whole seconds', async () => {
    const cases = [
      { maxTtlSeconds: 60, leaseMs: 300_000, exp: SECOND + 60 },
      { maxTtlSeconds: 300, leaseMs: 60_000, exp: SECOND + 60 },
      // The lease ends at .749 of a second: not a moment of it is granted beyond.
      { maxTtlSeconds: 300, leaseMs: 59_999, exp: SECOND + 60 },
      { maxTtlSeconds: 300, leaseMs: 59_249, exp: SECOND + 59 },
      { maxTtlSeconds: 300, leaseMs: 250, exp: SECOND + 1 },
      { maxTtlSeconds: 1, leaseMs: 60_000, exp: SECOND + 1 },
    ]
    for (const { maxTtlSeconds, leaseMs, exp } of cases) {
      const { claims, value } = await minted(keysOf(ed), { leaseEnds: NOW + leaseMs, grant: { maxTtlSeconds } })
      expect([claims['exp'], value['expires_in']], JSON.stringify({ maxTtlSeconds, leaseMs })).to.deep.equal([
        exp,
        exp - SECOND,
      ])
    }
  })

  it('never outlives the lease nor the grant, whatever the numbers', async () => {
    const numbers = fc.record({
      now: fc.integer({ min: 1_600_000_000_000, max: 2_500_000_000_000 }),
      leaseMs: fc.integer({ min: 1_000, max: 86_400_000 }),
      maxTtlSeconds: fc.integer({ min: 1, max: 86_400 }),
    })
    const property = fc.asyncProperty(numbers, async ({ now, leaseMs, maxTtlSeconds }) => {
      const { claims, result } = await minted(keysOf(ed), { now, leaseEnds: now + leaseMs, grant: { maxTtlSeconds } })
      const [iat, exp] = [Number(claims['iat']), Number(claims['exp'])]
      expect(exp).to.equal(Math.floor(Math.min((iat + maxTtlSeconds) * 1000, now + leaseMs) / 1000))
      expect(result.expiresAt)
        .to.equal(exp * 1000)
        .and.to.be.at.most(now + leaseMs)
      expect([iat, exp, claims['nbf']].every(Number.isInteger)).to.equal(true)
    })
    await fc.assert(property, { numRuns: 100 })
  })

  it('is not minted where not a second is left', async () => {
    for (const leaseMs of [249, 0, -1, -60_000])
      expect(await errorOf(minted(keysOf(ed), { leaseEnds: NOW + leaseMs }))).to.equal(
        `Lease ${LEASE} ends within the second`,
      )
  })

  it('is not minted without a key of the algorithm of its grant', async () => {
    expect(await errorOf(minted(keysOf(ed), { grant: { algorithm: 'ES256' } }))).to.equal(
      'There is no ES256 key for grant refunds-api',
    )
  })

  it('is verified before it leaves: with a faulty or unpublished key nothing leaves', async () => {
    const other = await newKey('EdDSA')
    const torn: SigningKey = { ...ed, publicKey: other.publicKey }
    const unpublished = { ...keysOf(ed), published: () => [other] }
    for (const keys of [keysOf(torn), unpublished])
      expect(await errorOf(minted(keys))).to.equal('The token minted for grant refunds-api does not verify')
  })

  it('that nobody would read for its length does not leave either', async () => {
    const resources = Array.from({ length: 200 }, (_, n) => `orders/${n}/${'x'.repeat(60)}`)
    expect(await errorOf(minted(keysOf(ed), { access: { resources } }))).to.match(/does not verify/)
    expect(await errorOf(minted(keysOf(ed), { access: { resources: resources.slice(0, 50) } }))).to.equal('minted')
  })
})
