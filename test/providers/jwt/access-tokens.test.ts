import { expect } from 'chai'
import fc from 'fast-check'
import { compactVerify, CompactSign } from 'jose'
import { SIGNING_ALGORITHMS, type SigningAlgorithm } from '../../../src/core/catalogue.ts'
import type { JsonObject } from '../../../src/core/json.ts'
import { createAccessTokens } from '../../../src/providers/jwt/create-access-tokens.ts'
import type { SigningKey } from '../../../src/store/keys/signing-key.ts'
import { changesOf, spellingsOf, twinOf } from '../../identity/support/spellings.ts'
import { makeSigner } from '../../identity/support/signer.ts'
import { CREDENTIAL, keysOf, minted, newKey, NOW, OWN } from '../support/minting.ts'

const keys = new Map<SigningAlgorithm, SigningKey>()
const keyOf = (algorithm: SigningAlgorithm): SigningKey => keys.get(algorithm)!
const all = () => keysOf(...keys.values())
const verify = (token: string, now = NOW) => createAccessTokens({ issuer: OWN, keys: all() }).verify(token, now)

/** A token that the broker's own key signs, as the provider would not. */
const signed = (claims: object, header: object = {}, algorithm: SigningAlgorithm = 'EdDSA'): Promise<string> =>
  new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
    .setProtectedHeader({ alg: algorithm, typ: 'at+jwt', kid: keyOf(algorithm).kid, ...header })
    .sign(keyOf(algorithm).privateKey)

async function makeKeys(): Promise<void> {
  for (const algorithm of SIGNING_ALGORITHMS) if (!keys.has(algorithm)) keys.set(algorithm, await newKey(algorithm))
}

for (const algorithm of SIGNING_ALGORITHMS) {
  describe(`an access token signed with ${algorithm}`, () => {
    let [token, claims]: [string, JsonObject] = ['', {}]
    before(async () => {
      await makeKeys()
      ;({ token, claims } = await minted(all(), { grant: { algorithm } }))
    })

    it('is read back as its credential, audience and claims', async () => {
      const expected = { credential: CREDENTIAL, audience: 'https://refunds.test', claims }
      expect(await verify(token)).to.deep.equal(expected)
    })

    it('holds from ten seconds before until its end, to the millisecond, without any skew', async () => {
      const [nbf, exp] = [Number(claims['nbf']) * 1000, Number(claims['exp']) * 1000]
      for (const now of [nbf, NOW, exp - 1]) expect(await verify(token, now)).not.to.equal(undefined)
      for (const now of [nbf - 1, exp, exp + 1, exp + 1e12]) expect(await verify(token, now)).to.equal(undefined)
    })

    it('does not survive revocation under another spelling: it has none', async () => {
      const key = keyOf(algorithm)
      const others = [...spellingsOf(token), ...(algorithm === 'ES256' ? [twinOf(token)] : [])]
      const lenient = await Promise.all(
        others.map((text) =>
          compactVerify(text, key.publicKey).then(
            () => true,
            () => false,
          ),
        ),
      )
      expect(lenient.filter(Boolean).length, 'a control: a library takes twins for it').to.be.greaterThan(3)
      for (const text of others) expect(await verify(text), text).to.equal(undefined)
    })

    it('does not survive any change', async () => {
      const property = fc.asyncProperty(
        changesOf(token),
        async (text) => text === token || (await verify(text)) === undefined,
      )
      await fc.assert(property, { numRuns: 1_000 })
    })
  })
}

describe('an access token signed with ES256', () => {
  before(makeKeys)

  it('always has the smaller of its two signatures, so that nobody can make another of it', async () => {
    for (let n = 0; n < 40; n += 1) {
      const { token } = await minted(all(), { grant: { algorithm: 'ES256' } })
      const twin = twinOf(token)
      expect(twinOf(twin)).to.equal(token)
      await compactVerify(twin, keyOf('ES256').publicKey)
      expect([await verify(token), await verify(twin)].map((each) => each !== undefined)).to.deep.equal([true, false])
    }
  })
})

describe('a text that is not an access token of this broker', () => {
  let claims: JsonObject = {}
  before(async () => {
    await makeKeys()
    ;({ claims } = await minted(all()))
  })

  it('is not what the broker signs (a control)', async () => {
    expect(await verify(await signed(claims))).not.to.equal(undefined)
  })

  for (const typ of ['JWT', 'AT+JWT', 'application/at+jwt', 'mayfly-audit+jwt', '', undefined]) {
    it(`has the type ${typ === undefined ? 'left out' : JSON.stringify(typ)}`, async () => {
      expect(await verify(await signed(claims, { typ }))).to.equal(undefined)
    })
  }

  const others: readonly (readonly [string, object])[] = [
    ['another issuer', { iss: 'https://other.test' }],
    ['its issuer with a slash more', { iss: `${OWN}/` }],
    ['no issuer', { iss: undefined }],
    ['no end', { exp: undefined }],
    ['an end that is text', { exp: '2000000000' }],
    ['no begin', { nbf: undefined }],
    ['two audiences', { aud: ['https://refunds.test', 'https://orders.test'] }],
    ['one audience in a list', { aud: ['https://refunds.test'] }],
    ['no audience', { aud: undefined }],
    ['no jti', { jti: undefined }],
    ['a jti that is the id of something else', { jti: 'lse_01hqzv0000000000000000000b' }],
    ['a jti of another form', { jti: 'crd_1' }],
  ]
  for (const [name, over] of others) {
    it(`has ${name}`, async () => {
      expect(await verify(await signed({ ...claims, ...over }))).to.equal(undefined)
    })
  }

  it('names a key that is not published, or none', async () => {
    for (const kid of ['unknown', undefined]) expect(await verify(await signed(claims, { kid }))).to.equal(undefined)
  })

  it('names a key of another algorithm', async () => {
    expect(await verify(await signed(claims, { kid: keyOf('ES256').kid }))).to.equal(undefined)
    expect(await verify(await signed(claims, { kid: keyOf('EdDSA').kid }, 'ES256'))).to.equal(undefined)
  })

  it('is signed by somebody else under the name of the key', async () => {
    const somebody = makeSigner('EdDSA', keyOf('EdDSA').kid)
    expect(await verify(somebody.token(claims, { typ: 'at+jwt' }))).to.equal(undefined)
  })

  it('is anything at all: it never throws', async () => {
    const property = fc.asyncProperty(fc.string(), async (text) => (await verify(text)) === undefined)
    await fc.assert(property)
    for (const text of ['', '.', '..', '...', 'e30.e30.e30', 'mfl_x', 'x'.repeat(100_000)])
      expect(await verify(text)).to.equal(undefined)
  })
})
