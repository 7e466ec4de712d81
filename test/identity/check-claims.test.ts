import { expect } from 'chai'
import type { Json, JsonObject } from '../../src/core/json.ts'
import { audienceFault, requiredFault, timesFault } from '../../src/identity/check-claims.ts'
import { json, startKeyServer } from './support/key-server.ts'
import { makeSigner } from './support/signer.ts'
import { causeOf, claimsOf, jwks, testClock, trust } from './support/trust.ts'

const NOW = 1_800_000_000
const now = NOW * 1000
const good = { exp: NOW + 300 }

describe('the times of an identity token', () => {
  const hold: readonly (readonly [string, JsonObject])[] = [
    ['only exp is there', good],
    ['it expired 59.999 s ago', { exp: NOW - 59.999 }],
    ['nbf is 60 s ahead', { ...good, nbf: NOW + 60 }],
    ['iat is 60 s ahead', { ...good, iat: NOW + 60 }],
    ['iat is years ago', { ...good, iat: 0 }],
    ['times have fractions', { exp: NOW + 0.5, nbf: NOW - 0.5, iat: NOW - 0.25 }],
  ]
  for (const [name, claims] of hold) {
    it(`hold where ${name}`, () => expect(timesFault(claims, now)).to.equal(undefined))
  }

  const refused: readonly (readonly [string, JsonObject, string])[] = [
    ['exp is missing', { iat: NOW }, 'exp is missing or not a number'],
    ['it expired 60 s ago', { exp: NOW - 60 }, 'it has expired'],
    ['exp is zero', { exp: 0 }, 'it has expired'],
    ['exp is negative', { exp: -1 }, 'it has expired'],
    ['exp is in milliseconds of long ago', { exp: 1000 }, 'it has expired'],
    ['nbf is 60.001 s ahead', { ...good, nbf: NOW + 60.001 }, 'nbf is still to come'],
    ['iat is 60.001 s ahead', { ...good, iat: NOW + 60.001 }, 'iat is still to come'],
  ]
  for (const [name, claims, fault] of refused) {
    it(`do not hold where ${name}`, () => expect(timesFault(claims, now)).to.equal(fault))
  }

  const odd: readonly Json[] = [String(NOW + 300), null, true, [NOW + 300], { at: NOW + 300 }, '']
  for (const value of odd) {
    it(`must be numbers, not ${JSON.stringify(value)}`, () => {
      expect(timesFault({ exp: value }, now)).to.equal('exp is missing or not a number')
      expect(timesFault({ ...good, nbf: value }, now)).to.equal('nbf is not a number')
      expect(timesFault({ ...good, iat: value }, now)).to.equal('iat is not a number')
    })
  }
})

describe('the audience of an identity token', () => {
  const named: readonly Json[] = ['mayfly', ['mayfly'], ['other', 'mayfly'], ['mayfly', 'mayfly'], ['mayfly', 7]]
  for (const aud of named) {
    it(`is this broker with ${JSON.stringify(aud)}`, () => expect(audienceFault({ aud }, 'mayfly')).to.equal(undefined))
  }

  const others: readonly (Json | undefined)[] = [
    undefined,
    null,
    '',
    [],
    [''],
    'other',
    'MAYFLY',
    'mayfly ',
    'mayfly,other',
    ['other'],
    [['mayfly']],
    { mayfly: true },
    true,
    7,
  ]
  for (const aud of others) {
    it(`is somebody else with ${aud === undefined ? 'none' : JSON.stringify(aud)}`, () => {
      expect(audienceFault({ aud }, 'mayfly')).to.equal('aud does not name this broker')
    })
  }

  it('is checked even where the configuration has none: then no token is for this broker', async () => {
    const signer = makeSigner('EdDSA', 'k1')
    const clock = testClock()
    await using server = await startKeyServer()
    server.answers.set('/keys', json({ keys: [signer.jwk] }))
    // What a configuration that lost the member would hand over, in spite of its type.
    const lost = undefined as unknown as string
    for (const audience of ['', lost]) {
      const identities = trust({ issuers: [jwks({ url: `${server.url}/keys` }, { audience })] }, { clock })
      for (const aud of [undefined, null, '', [], [''], [null], 'mayfly', 'undefined']) {
        const token = signer.token(claimsOf('https://issuer.test', clock, { aud }))
        expect(causeOf(await identities.workload(token))).to.equal('Issuer ci: aud does not name this broker')
      }
    }
    expect(server.hits()).to.equal(0)
  })
})

describe('a required claim', () => {
  const claims: JsonObject = { ref: 'refs/heads/main', id: '123', n: 1, on: true, none: null, list: ['a'], text: '' }

  const hold: readonly Readonly<Record<string, string | number | boolean>>[] = [
    {},
    { ref: 'refs/heads/main' },
    { id: '123', n: 1, on: true },
    { text: '' },
  ]
  for (const required of hold) {
    it(`holds as ${JSON.stringify(required)}`, () => expect(requiredFault(claims, required)).to.equal(undefined))
  }

  const fail: readonly (readonly [string, string | number | boolean])[] = [
    ['ref', 'refs/heads/main2'],
    ['ref', 'refs/heads/'],
    ['ref', 'refs/heads/*'],
    ['ref', 'REFS/HEADS/MAIN'],
    ['ref', '^refs/heads/main$'],
    ['id', 123],
    ['n', '1'],
    ['on', 'true'],
    ['on', 1],
    ['none', 'null'],
    ['none', false],
    ['list', 'a'],
    ['missing', ''],
    ['missing', false],
    ['toString', 'x'],
    ['__proto__', 'x'],
  ]
  for (const [name, value] of fail) {
    it(`is compared exactly: ${name} is not ${JSON.stringify(value)}`, () => {
      const required = Object.fromEntries([['id', '123'] as const, [name, value] as const])
      expect(requiredFault(claims, required)).to.equal(`the required claim ${name} is missing or another`)
    })
  }
})

describe('the claims of a token with a good signature', () => {
  const clock = testClock()
  const signer = makeSigner('EdDSA', 'k1')
  const cases: readonly (readonly [string, object, string])[] = [
    ['that has expired', { exp: clock.now / 1000 - 60 }, 'it has expired'],
    ['without exp', { exp: undefined }, 'exp is missing or not a number'],
    ['of the future', { iat: clock.now / 1000 + 61 }, 'iat is still to come'],
    ['for somebody else', { aud: 'other' }, 'aud does not name this broker'],
    [
      'without a required claim',
      { repository_id: undefined },
      'the required claim repository_id is missing or another',
    ],
    ['with another required claim', { repository_id: 123 }, 'the required claim repository_id is missing or another'],
  ]
  for (const [name, over, fault] of cases) {
    it(`${name} are refused`, async () => {
      await using server = await startKeyServer()
      server.answers.set('/keys', json({ keys: [signer.jwk] }))
      const issuer = jwks({ url: `${server.url}/keys` }, { require: { repository_id: '123' } })
      const identities = trust({ issuers: [issuer] }, { clock })
      const claims = claimsOf('https://issuer.test', clock, { repository_id: '123' })
      expect(causeOf(await identities.workload(signer.token(claims))), 'a control').to.equal('accepted as bot')
      expect(causeOf(await identities.workload(signer.token({ ...claims, ...over })))).to.equal(`Issuer ci: ${fault}`)
    })
  }
})
