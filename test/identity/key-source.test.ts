import { expect } from 'chai'
import { disposedBy } from '../support/disposed-by.ts'
import { makeSigner, type Signer } from './support/signer.ts'
import { held, json, publish, startKeyServer, type Answer } from './support/key-server.ts'
import { causeOf, claimsOf, oidc, testClock, trust, type TestClock } from './support/trust.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const [first, second, third] = [makeSigner('EdDSA', 'k1'), makeSigner('EdDSA', 'k2'), makeSigner('EdDSA', 'k3')]

/** An issuer on a real server that published `first`, and a broker that has read it. */
async function world() {
  await using opened = new AsyncDisposableStack()
  const server = opened.use(await startKeyServer())
  publish(server, [first.jwk])
  const clock = testClock()
  const identities = trust({ issuers: [oidc(server.url)] }, { clock })
  /** What becomes of a fresh token of that signer. */
  const proof = async (signer: Signer = first): Promise<string> =>
    causeOf(await identities.workload(signer.token(claimsOf(server.url, clock))))
  expect(await proof()).to.equal('accepted as bot')
  return { server, clock, identities, proof, ...disposedBy(opened) }
}

/** Waits until the server was asked that often. */
async function asked(server: { hits: (path: string) => number }, path: string, times: number): Promise<void> {
  while (server.hits(path) < times) await new Promise((resolve) => setImmediate(resolve))
}

const forged = (kid: string, server: { url: string }, clock: TestClock): string =>
  first.token(claimsOf(server.url, clock), { kid })

describe("an issuer's keys", () => {
  it('are held for ten minutes and then read again', async () => {
    await using issuer = await world()
    const { server, clock, proof } = issuer
    clock.now += 10 * MINUTE - 1
    expect(await proof()).to.equal('accepted as bot')
    expect(server.hits('/jwks')).to.equal(1)
    clock.now += 1
    expect(await proof()).to.equal('accepted as bot')
    expect(server.hits('/jwks')).to.equal(2)
  })

  it('follow a rotation at once, and the old key serves as long as it is published', async () => {
    await using issuer = await world()
    const { server, proof } = issuer
    publish(server, [first.jwk, second.jwk])
    expect(await proof(second)).to.equal('accepted as bot')
    expect(await proof(first)).to.equal('accepted as bot')
    expect(server.hits('/jwks')).to.equal(2)
  })

  it('follow a rotation with one reading, however many new tokens come at once', async () => {
    await using issuer = await world()
    const { server, clock, identities } = issuer
    publish(server, [second.jwk])
    const tokens = Array.from({ length: 20 }, (_, n) => second.token(claimsOf(server.url, clock, { n })))
    const found = await Promise.all(tokens.map((token) => identities.workload(token)))
    expect(found.map(causeOf)).to.deep.equal(Array(20).fill('accepted as bot'))
    expect(server.hits('/jwks')).to.equal(2)
  })

  it('lose one that is no longer published after ten minutes, even where nobody came by for hours', async () => {
    for (const idle of [10 * MINUTE, 23 * HOUR]) {
      await using issuer = await world()
      const { server, clock, proof } = issuer
      publish(server, [second.jwk])
      clock.now += 10 * MINUTE - 1
      expect(await proof(first), 'the bound').to.equal('accepted as bot')
      clock.now += idle - 10 * MINUTE + 1
      expect(await proof(first)).to.match(/no key "k1"/)
      expect(await proof(second)).to.equal('accepted as bot')
    }
  })

  it('lose all where the issuer publishes an empty set', async () => {
    await using issuer = await world()
    const { server, clock, proof } = issuer
    publish(server, [])
    clock.now += 10 * MINUTE
    expect(await proof()).to.match(/no key "k1"/)
  })
})

describe('an unknown key', () => {
  it('makes the broker ask again at most once in 30 seconds, while known keys go on', async () => {
    await using issuer = await world()
    const { server, clock, identities, proof } = issuer
    for (const round of [1, 2, 3]) {
      const tokens = Array.from({ length: 50 }, (_, n) => forged(`invented-${round}-${n}`, server, clock))
      const found = await Promise.all(tokens.map((token) => identities.workload(token)))
      for (const each of found) expect(causeOf(each)).to.match(/no key "invented-/)
      for (let n = 0; n < 10; n += 1) await identities.workload(forged(`later-${n}`, server, clock))
      expect(await proof()).to.equal('accepted as bot')
      expect(server.hits('/jwks')).to.equal(1 + round)
      clock.now += 30 * SECOND - 1
      await identities.workload(forged('just-before', server, clock))
      expect(server.hits('/jwks')).to.equal(1 + round)
      clock.now += 1
    }
  })

  it('that is published within those 30 seconds is found after them', async () => {
    await using issuer = await world()
    const { server, clock, identities, proof } = issuer
    await identities.workload(forged('invented', server, clock))
    publish(server, [first.jwk, second.jwk])
    expect(await proof(second)).to.match(/no key "k2"/)
    clock.now += 30 * SECOND
    expect(await proof(second)).to.equal('accepted as bot')
  })

  it('of one issuer costs another nothing, and issuers with one origin share the limit', async () => {
    await using server = await startKeyServer()
    await using other = await startKeyServer()
    publish(server, [first.jwk])
    publish(other, [second.jwk])
    const clock = testClock()
    const issuers = [
      oidc(server.url),
      oidc(server.url, { name: 'ci-2', audience: 'two' }),
      oidc(other.url, { name: 'x' }),
    ]
    const identities = trust({ issuers }, { clock })
    const ask = (signer: Signer, at: string, aud: string, kid: string) =>
      identities.workload(signer.token(claimsOf(at, clock, { aud }), { kid }))
    for (const aud of ['mayfly', 'two', 'mayfly', 'two']) await ask(first, server.url, aud, 'invented')
    expect(server.hits('/jwks')).to.equal(2)
    expect(other.hits()).to.equal(0)
    for (const kid of ['invented', 'k2']) await ask(second, other.url, 'mayfly', kid)
    expect(other.hits('/jwks')).to.equal(1)
  })

  it('is not asked about by a token that could not pass anyway', async () => {
    await using issuer = await world()
    const { server, clock, identities } = issuer
    const hopeless = [
      { aud: 'somebody-else' },
      { exp: clock.now / 1000 - 3600 },
      { exp: undefined },
      { iss: 'https://stranger.test' },
    ]
    for (const over of hopeless) {
      const found = await identities.workload(first.token(claimsOf(server.url, clock, over), { kid: 'invented' }))
      expect(found.ok).to.equal(false)
    }
    expect(server.hits('/jwks')).to.equal(1)
  })
})

describe('an issuer that is down', () => {
  const outages: readonly (readonly [string, Answer])[] = [
    ['answers 500', json({}, 500)],
    ['answers garbage', json('<html>maintenance</html>')],
    ['answers something else', json({ maintenance: true })],
    ['breaks the connection', (response) => response.destroy()],
  ]
  for (const [name, answer] of outages) {
    it(`and ${name} does not take away the keys that are known, for a day`, async () => {
      await using issuer = await world()
      const { server, clock, proof } = issuer
      server.answers.set('/jwks', answer)
      for (const pause of [10 * MINUTE, HOUR, 12 * HOUR, 24 * HOUR - 1 - 13 * HOUR - 10 * MINUTE]) {
        clock.now += pause
        expect(await proof()).to.equal('accepted as bot')
        expect(await proof(second)).to.match(/no key "k2" for EdDSA, and the last reading failed: .*jwks/)
      }
      clock.now += 1
      expect(await proof(), 'after 24 hours').to.match(/there are no keys of this issuer, and the last reading failed/)
      publish(server, [second.jwk])
      clock.now += 2 * SECOND
      expect(await proof(second)).to.equal('accepted as bot')
      expect(await proof(first)).to.match(/no key "k1"/)
    })
  }

  it('from the start proves nothing, and is found within two seconds of its return', async () => {
    await using server = await startKeyServer()
    const clock = testClock()
    const identities = trust({ issuers: [oidc(server.url)] }, { clock })
    const proof = async () => causeOf(await identities.workload(first.token(claimsOf(server.url, clock))))
    for (let n = 0; n < 10; n += 1) expect(await proof()).to.match(/no keys of this issuer.*answered 501/)
    expect(server.hits()).to.equal(1)
    publish(server, [first.jwk])
    clock.now += 2 * SECOND
    expect(await proof()).to.equal('accepted as bot')
  })

  it('makes only the first who comes wait; the others are served from what is known meanwhile', async () => {
    await using issuer = await world()
    const { server, clock, proof } = issuer
    const hanging = held()
    server.answers.set('/jwks', hanging.answer)
    clock.now += 10 * MINUTE
    const waiting = proof()
    await asked(server, '/jwks', 2)
    hanging.waiting[0]?.writeHead(500).end()
    expect(await waiting).to.equal('accepted as bot')
    clock.now += 30 * SECOND
    expect(await proof()).to.equal('accepted as bot')
    await asked(server, '/jwks', 3)
    expect(await proof(), 'while the issuer hangs').to.equal('accepted as bot')
    expect(hanging.waiting).to.have.length(2)
    hanging.waiting[1]?.end(JSON.stringify({ keys: [third.jwk] }))
    while ((await proof(third)) !== 'accepted as bot') await new Promise((resolve) => setImmediate(resolve))
    publish(server, [third.jwk])
    expect(await proof(first)).to.match(/no key "k1"/)
  })

  it('is asked again by a clock that was set back, instead of waiting for it to catch up', async () => {
    await using issuer = await world()
    const { server, clock, proof } = issuer
    expect(await proof(third)).to.match(/no key "k3"/)
    publish(server, [first.jwk, second.jwk])
    expect(await proof(second), 'within 30 seconds').to.match(/no key "k2"/)
    clock.now -= 5 * HOUR
    expect(await proof(second)).to.equal('accepted as bot')
    publish(server, [second.jwk])
    clock.now -= 5 * HOUR
    expect(await proof(first)).to.match(/no key "k1"/)
  })
})
