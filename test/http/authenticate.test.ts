import { expect } from 'chai'

import { craft, makeSigner } from '../identity/support/signer.ts'
import { ISSUER, startTestBroker, type TestBroker } from '../support/broker.ts'
import { expectProblem } from '../support/expect-problem.ts'

describe('an identity', () => {
  let broker: TestBroker
  before(async () => (broker = await startTestBroker()))
  after(() => broker[Symbol.asyncDispose]())

  const seconds = (ahead: number): number => Math.floor(broker.clock.now() / 1000) + ahead
  const whoami = (token: string) => broker.call('GET', '/v1/whoami', { token })
  const claims = (over: object = {}) => ({
    iss: ISSUER,
    sub: 'support-bot',
    aud: 'mayfly',
    exp: seconds(600),
    ...over,
  })

  const REFUSED: Readonly<Record<string, () => string>> = {
    'without an end': () => broker.identity('support-bot', { exp: undefined }),
    'whose end is text': () => broker.identity('support-bot', { exp: String(seconds(600)) }),
    'that ended more than 60 s ago': () => broker.identity('support-bot', { exp: seconds(-61) }),
    'that begins in more than 60 s': () => broker.identity('support-bot', { nbf: seconds(70) }),
    'that begins at a text': () => broker.identity('support-bot', { nbf: '0' }),
    'that was issued in the future': () => broker.identity('support-bot', { iat: seconds(70) }),
    'that was issued at a text': () => broker.identity('support-bot', { iat: String(seconds(0)) }),
    'for somebody else': () => broker.identity('support-bot', { aud: 'vault' }),
    'for nobody': () => broker.identity('support-bot', { aud: undefined }),
    'of an issuer that nobody trusts': () => broker.identity('support-bot', { iss: 'https://evil.test' }),
    'of no issuer': () => broker.identity('support-bot', { iss: undefined }),
    'whose subject is no text': () => broker.identity('support-bot', { sub: ['support-bot'] }),
    'of another type': () => broker.signer.token(claims(), { typ: 'mayfly-audit+jwt' }),
    'signed with a key of the same name': () => makeSigner('EdDSA', broker.signer.kid).token(claims()),
    'signed with another algorithm': () => makeSigner('ES256', broker.signer.kid).token(claims()),
    'signed with nothing': () =>
      `${craft({ alg: 'none' }, claims(), { algorithm: 'HS256', key: '' }).split('.').slice(0, 2).join('.')}.`,
    'signed with the public key as a password': () =>
      craft({ alg: 'HS256', kid: broker.signer.kid }, claims(), {
        algorithm: 'HS256',
        key: broker.signer.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      }),
    'that was changed': () => {
      const [header, , signature] = broker.identity().split('.')
      const payload = Buffer.from(JSON.stringify(claims({ sub: 'other-bot' }))).toString('base64url')
      return [header, payload, signature].join('.')
    },
    'that is Mayfly’s own': () => broker.identity('support-bot', { iss: broker.url }),
  }
  for (const [what, token] of Object.entries(REFUSED)) {
    it(`${what} proves nothing, and the answer does not say why`, async () => {
      const answer = await whoami(token())
      expect(expectProblem(answer, 'unauthenticated').detail).to.equal('The identity token was not accepted.')
      expect(answer.headers.get('www-authenticate')).to.match(/^Bearer /)
    })
  }

  const PASSES: Readonly<Record<string, () => string>> = {
    'that ended less than 60 s ago': () => broker.identity('support-bot', { exp: seconds(-50) }),
    'that begins within 60 s': () => broker.identity('support-bot', { nbf: seconds(50), iat: seconds(50) }),
    'for several': () => broker.identity('support-bot', { aud: ['vault', 'mayfly'] }),
    'without a type': () => broker.signer.token(claims(), { typ: undefined }),
    'of the type at+jwt': () => broker.signer.token(claims(), { typ: 'at+jwt' }),
  }
  for (const [what, token] of Object.entries(PASSES)) {
    it(`${what} proves who it is`, async () => {
      expect((await whoami(token())).body).to.include({ type: 'agent', id: 'support-bot' })
    })
  }

  it('stops to prove anything 60 s after its end, though it was good a moment before', async () => {
    const token = broker.identity('support-bot', { exp: seconds(100) })
    expect((await whoami(token)).status).to.equal(200)
    broker.clock.advance(161_000)
    expectProblem(await whoami(token), 'unauthenticated')
    await broker.app.sweep()
  })

  it('that is a credential of Mayfly opens nothing', async () => {
    const { body: lease } = await broker.request()
    expectProblem(await whoami(lease.credentials[0].value.access_token as string), 'unauthenticated')
  })

  it('of two agents is one of none', async () => {
    await using twice = await startTestBroker({
      configure: ({ agents, ...settings }) => {
        const [one, other] = agents as Record<string, unknown>[]
        const byTeam = { ...other, identities: [{ issuer: 'test', claims: { team: 'care' } }] }
        return { ...settings, agents: [one, byTeam] }
      },
    })
    const as = (sub: string, more: object) => twice.call('GET', '/v1/whoami', { token: twice.identity(sub, more) })
    expect((await as('support-bot', {})).body.id).to.equal('support-bot')
    expect((await as('whoever', { team: 'care' })).body.id).to.equal('other-bot')
    expectProblem(await as('support-bot', { team: 'care' }), 'unknown-agent')
    expectProblem(await as('whoever', { team: 'Care' }), 'unknown-agent')
  })

  it('has the claims that its issuer is trusted for, exactly', async () => {
    await using strict = await startTestBroker({
      configure: ({ issuers, ...settings }) => ({
        ...settings,
        issuers: (issuers as object[]).map((issuer) => ({ ...issuer, require: { ref: 'main', build: 1 } })),
      }),
    })
    const as = (more: object) => strict.call('GET', '/v1/whoami', { token: strict.identity('support-bot', more) })
    expect((await as({ ref: 'main', build: 1 })).status).to.equal(200)
    for (const more of [
      {},
      { ref: 'main' },
      { ref: 'Main', build: 1 },
      { ref: ['main'], build: 1 },
      { ref: 'main', build: '1' },
    ])
      expectProblem(await as(more), 'unauthenticated')
  })
})
