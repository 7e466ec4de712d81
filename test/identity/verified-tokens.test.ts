import { expect } from 'chai'
import { createVerifiedTokens } from '../../src/identity/verified-tokens.ts'
import { disposedBy } from '../support/disposed-by.ts'
import { json, publish, startKeyServer } from './support/key-server.ts'
import { makeSigner } from './support/signer.ts'
import { agent, causeOf, claimsOf, oidc, testClock, trust } from './support/trust.ts'

const MINUTE = 60_000
const [first, second] = [makeSigner('EdDSA', 'k1'), makeSigner('EdDSA', 'k2')]

async function world(claims: object = {}) {
  await using opened = new AsyncDisposableStack()
  const server = opened.use(await startKeyServer())
  publish(server, [first.jwk])
  const clock = testClock()
  const issuers = [oidc(server.url)]
  const identities = trust({ issuers }, { clock })
  const token = first.token(claimsOf(server.url, clock, claims))
  return { server, clock, issuers, identities, token, ...disposedBy(opened) }
}

describe('a token that was verified', () => {
  it('is remembered: the second time it is the same answer, not an equal one', async () => {
    await using issuer = await world()
    const { identities, token, server, clock } = issuer
    const [one, two] = [await identities.workload(token), await identities.workload(token)]
    expect(one.ok && two.ok && one.value === two.value).to.equal(true)
    const other = await identities.workload(first.token(claimsOf(server.url, clock, { n: 1 })))
    expect(other.ok && one.ok && other.value === one.value, 'a control').to.equal(false)
  })

  it('is looked at again for its expiry, each time', async () => {
    await using issuer = await world()
    const { identities, token, clock } = issuer
    expect(causeOf(await identities.workload(token))).to.equal('accepted as bot')
    clock.now += 5 * MINUTE + MINUTE - 1
    expect(causeOf(await identities.workload(token))).to.equal('accepted as bot')
    clock.now += 1
    for (let n = 0; n < 3; n += 1)
      expect(causeOf(await identities.workload(token))).to.equal('Issuer ci: it has expired')
  })

  it('is not good again before its time where the clock was set back', async () => {
    await using issuer = await world()
    const { identities, token, clock } = issuer
    expect(causeOf(await identities.workload(token))).to.equal('accepted as bot')
    clock.now -= MINUTE + 1
    expect(causeOf(await identities.workload(token))).to.equal('Issuer ci: iat is still to come')
  })

  it('is forgotten with its key', async () => {
    await using issuer = await world({ exp: 2_000_000_000 })
    const { identities, token, clock, server } = issuer
    expect(causeOf(await identities.workload(token))).to.equal('accepted as bot')
    publish(server, [second.jwk])
    clock.now += 10 * MINUTE
    expect(causeOf(await identities.workload(token))).to.match(/no key "k1"/)
  })

  it('is verified anew where its key was replaced by another of the same name', async () => {
    await using issuer = await world({ exp: 2_000_000_000 })
    const { identities, token, clock, server } = issuer
    expect(causeOf(await identities.workload(token))).to.equal('accepted as bot')
    publish(server, [makeSigner('EdDSA', 'k1').jwk])
    clock.now += 10 * MINUTE
    expect(causeOf(await identities.workload(token))).to.equal('Issuer ci: its signature does not hold')
  })

  it('is forgotten once the issuer was silent for a day', async () => {
    await using issuer = await world({ exp: 2_000_000_000 })
    const { identities, token, clock, server } = issuer
    expect(causeOf(await identities.workload(token))).to.equal('accepted as bot')
    server.answers.set('/jwks', json({}, 500))
    clock.now += 24 * 60 * MINUTE - 1
    expect(causeOf(await identities.workload(token))).to.equal('accepted as bot')
    clock.now += 1
    expect(causeOf(await identities.workload(token))).to.match(/no keys of this issuer/)
  })

  it('is not remembered where it was refused', async () => {
    await using issuer = await world({ sub: 'nobody' })
    const { identities, token, server } = issuer
    for (let n = 0; n < 3; n += 1) {
      const found = await identities.workload(token)
      expect(!found.ok && found.error.reason).to.equal('unknown-agent')
    }
    expect(server.hits('/jwks')).to.equal(1)
  })
})

describe('a configuration that is loaded again', () => {
  it('remembers no token of the one before', async () => {
    await using issuer = await world()
    const { identities, token, issuers, clock } = issuer
    expect(causeOf(await identities.workload(token))).to.equal('accepted as bot')
    const parties = { issuers, agents: [agent('other')] }
    const reloaded = trust(parties, { clock, before: identities })
    const found = await reloaded.workload(token)
    expect(!found.ok && found.error.reason).to.equal('unknown-agent')
  })

  it('reads the keys anew, so that one that was taken back counts no more', async () => {
    await using issuer = await world()
    const { identities, token, issuers, clock, server } = issuer
    expect(causeOf(await identities.workload(token))).to.equal('accepted as bot')
    publish(server, [second.jwk])
    expect(causeOf(await identities.workload(token)), 'a control').to.equal('accepted as bot')
    const reloaded = trust({ issuers }, { clock, before: identities })
    expect(causeOf(await reloaded.workload(token))).to.match(/no key "k1"/)
    expect(server.hits('/jwks')).to.equal(2)
  })

  it('keeps the keys that it has while the issuer is down', async () => {
    await using issuer = await world()
    const { identities, token, issuers, clock, server } = issuer
    expect(causeOf(await identities.workload(token))).to.equal('accepted as bot')
    server.answers.clear()
    const reloaded = trust({ issuers }, { clock, before: identities })
    expect(causeOf(await reloaded.workload(token))).to.equal('accepted as bot')
    const fresh = trust({ issuers }, { clock })
    expect(causeOf(await fresh.workload(token)), 'a control').to.match(/no keys of this issuer/)
  })
})

describe('the memory of verified tokens', () => {
  it('holds 5,000 and lets go of the one that was not used for longest', () => {
    const tokens = createVerifiedTokens<{ readonly n: number }>()
    for (let n = 0; n < 5_000; n += 1) tokens.set(`token-${n}`, { n })
    expect(tokens.get('token-0')).to.deep.equal({ n: 0 })
    tokens.set('token-5000', { n: 5_000 })
    expect(tokens.get('token-0'), 'used just now').to.deep.equal({ n: 0 })
    expect(tokens.get('token-1')).to.equal(undefined)
    expect(tokens.get('token-2')).to.deep.equal({ n: 2 })
    expect(tokens.get('token-5000')).to.deep.equal({ n: 5_000 })
  })

  it('makes room for nobody where a token that it holds is set again', () => {
    const tokens = createVerifiedTokens<{ readonly n: number }>()
    for (let n = 0; n < 5_000; n += 1) tokens.set(`token-${n}`, { n })
    tokens.set('token-4999', { n: -1 })
    expect(tokens.get('token-0')).to.deep.equal({ n: 0 })
    expect(tokens.get('token-4999')).to.deep.equal({ n: -1 })
  })

  it('is bounded in bytes: long texts are not remembered', () => {
    const tokens = createVerifiedTokens<object>()
    for (const length of [4096, 4097]) tokens.set('x'.repeat(length), { length })
    expect(tokens.get('x'.repeat(4096))).to.deep.equal({ length: 4096 })
    expect(tokens.get('x'.repeat(4097))).to.equal(undefined)
  })

  it('lets go of what it is told to', () => {
    const tokens = createVerifiedTokens<object>()
    tokens.set('token', {})
    tokens.delete('token')
    expect(tokens.get('token')).to.equal(undefined)
  })
})
