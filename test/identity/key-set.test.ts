import { expect } from 'chai'
import { createPublicKey, generateKeyPairSync, hash } from 'node:crypto'
import { compactVerify } from 'jose'
import type { JsonObject } from '../../src/core/json.ts'
import { readKeySet } from '../../src/identity/key-set.ts'
import type { IdentityAlgorithm } from '../../src/identity/trusted-issuer.ts'
import { json, startKeyServer } from './support/key-server.ts'
import { encode, makeSigner, type Signer } from './support/signer.ts'
import { causeOf, claimsOf, jwks, testClock, trust } from './support/trust.ts'

const [ed, ec, rsa] = [makeSigner('EdDSA', 'ed'), makeSigner('ES256', 'ec'), makeSigner('RS256', 'rsa')]
/** The key itself, without what is said about its use. */
const bare = ({ jwk }: Signer): JsonObject =>
  Object.fromEntries(Object.entries(jwk as JsonObject).filter(([name]) => name !== 'use' && name !== 'alg'))
const privateOf = ({ privateKey, kid }: Signer): JsonObject => ({
  ...(privateKey.export({ format: 'jwk' }) as JsonObject),
  kid,
})
const rsaOf = (modulusLength: number): JsonObject => ({
  ...(generateKeyPairSync('rsa', { modulusLength }).publicKey.export({ format: 'jwk' }) as JsonObject),
  kid: 'rsa',
})

/** What becomes of that one key: what it may verify, or why it may not. */
function fateOf(jwk: JsonObject): readonly string[] | string {
  const read = readKeySet({ keys: [jwk] })
  if (!read.ok) return read.error
  const [key] = read.value.keys
  return key ? key.algorithms : (read.value.unusable[0]?.reason ?? 'gone without a reason')
}

describe('a key of a set', () => {
  const verifies: readonly (readonly [string, JsonObject, readonly string[]])[] = [
    ['Ed25519', bare(ed), ['EdDSA', 'Ed25519']],
    ['Ed25519 by its older alg', { ...bare(ed), alg: 'EdDSA' }, ['EdDSA', 'Ed25519']],
    ['Ed25519 by its newer alg', { ...bare(ed), alg: 'Ed25519' }, ['EdDSA', 'Ed25519']],
    ['P-256', bare(ec), ['ES256']],
    ['RSA', bare(rsa), ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']],
    ['RSA with an alg', { ...bare(rsa), alg: 'RS256' }, ['RS256']],
    ['RSA of 2048 bits', rsaOf(2048), ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']],
    ['use sig and key_ops verify', { ...bare(ed), use: 'sig', key_ops: ['verify'] }, ['EdDSA', 'Ed25519']],
    ['members that nobody knows', { ...bare(ed), x5c: ['AAAA'], nickname: 'ed' }, ['EdDSA', 'Ed25519']],
  ]
  for (const [name, jwk, algorithms] of verifies) {
    it(`of ${name} verifies ${algorithms.join(', ')}`, () => {
      expect(fateOf(jwk)).to.deep.equal(algorithms)
    })
  }

  const refused: readonly (readonly [string, JsonObject, RegExp])[] = [
    ['RSA of 1024 bits', rsaOf(1024), /1024 bits, not 2048 to 8192/],
    ['RSA of 2040 bits', rsaOf(2040), /2040 bits/],
    ['RSA with e = 1', { ...bare(rsa), e: 'AQ' }, /exponent is not an odd number from 3|not a valid key/],
    ['RSA with e = 2', { ...bare(rsa), e: 'Ag' }, /exponent is not an odd number from 3|not a valid key/],
    ['RSA with e = 0', { ...bare(rsa), e: 'AA' }, /exponent is not an odd number from 3|not a valid key/],
    ['RSA without e', { kty: 'RSA', kid: 'rsa', n: bare(rsa)['n'] ?? '' }, /type or curve/],
    ['a private Ed25519 key', privateOf(ed), /private or symmetric/],
    ['a private P-256 key', privateOf(ec), /private or symmetric/],
    ['a private RSA key', privateOf(rsa), /private or symmetric/],
    ...['d', 'p', 'q', 'dp', 'dq', 'qi'].map(
      (name) => [`RSA with ${name} alone`, { ...bare(rsa), [name]: 'AQAB' }, /private or symmetric/] as const,
    ),
    ['a symmetric key', { kty: 'oct', kid: 'oct', k: 'c2VjcmV0', alg: 'HS256' }, /private or symmetric/],
    ['a public key that brings a secret', { ...bare(rsa), k: 'c2VjcmV0' }, /private or symmetric/],
    ['a use other than sig', { ...bare(ed), use: 'enc' }, /use is not sig/],
    ['a use that is null', { ...bare(ed), use: null }, /use is not sig/],
    ['key_ops without verify', { ...bare(ed), key_ops: ['sign'] }, /key_ops/],
    ['key_ops that are text', { ...bare(ed), key_ops: 'verify' }, /key_ops/],
    ['an alg of another type', { ...bare(ed), alg: 'ES256' }, /alg does not fit/],
    ['a symmetric alg', { ...bare(rsa), alg: 'HS256' }, /alg does not fit/],
    ['alg none', { ...bare(ed), alg: 'none' }, /alg does not fit/],
    ['an alg that is a list', { ...bare(ed), alg: ['EdDSA'] }, /alg does not fit/],
    ['an encryption alg', { ...bare(rsa), alg: 'RSA-OAEP' }, /alg does not fit/],
    ['X25519', { kty: 'OKP', crv: 'X25519', x: bare(ed)['x'] ?? '' }, /type or curve/],
    ['secp256k1', { ...bare(ec), crv: 'secp256k1' }, /type or curve/],
    ['a curve named like an object member', { ...bare(ec), kty: 'constructor', crv: '' }, /type or curve/],
    ['a point that is not on its curve', { ...bare(ec), y: bare(ec)['x'] ?? '' }, /not a valid key/],
    ['half a point', { kty: 'EC', crv: 'P-256', x: bare(ec)['x'] ?? '' }, /type or curve/],
    ['an Ed25519 key of 31 bytes', { ...bare(ed), x: Buffer.alloc(31, 9).toString('base64url') }, /not a valid key/],
    ['no type', { kid: 'k1' }, /type or curve/],
  ]
  for (const [name, jwk, reason] of refused) {
    it(`of ${name} verifies nothing`, () => {
      expect(fateOf(jwk)).to.match(reason)
    })
  }

  it('that is unfit harms no other, and has its reason', () => {
    const read = readKeySet({ keys: [{ kty: 'oct', kid: 'oct', k: 'AAAA' }, bare(ed), 'text', null] })
    expect(read.ok && read.value.keys.map(({ kid }) => kid)).to.deep.equal(['ed'])
    expect(read.ok && read.value.unusable).to.deep.equal([{ kid: 'oct', reason: 'it is private or symmetric' }])
  })
})

describe('a key set', () => {
  it('holds at most 256 keys', () => {
    expect(readKeySet({ keys: Array<JsonObject>(256).fill({}) }).ok).to.equal(true)
    expect(readKeySet({ keys: Array<JsonObject>(257).fill({}) })).to.deep.include({ error: 'holds more than 256 keys' })
  })

  it('has a digest that changes with any member of it and not with their order', () => {
    const digest = (...keys: JsonObject[]): string | false => {
      const read = readKeySet({ keys })
      return read.ok && read.value.digest
    }
    const turned = Object.fromEntries(Object.entries(bare(ed)).reverse())
    expect(digest(bare(ed))).to.equal(digest(turned))
    const others = [digest(), digest(bare(ec)), digest(bare(ed), bare(ec)), digest({ ...bare(ed), alg: 'EdDSA' })]
    expect(new Set([digest(bare(ed)), ...others]).size).to.equal(5)
  })
})

describe('choosing a key', () => {
  const clock = testClock()
  const both = makeSigner('EdDSA', 'ed')

  async function causeWith(
    keys: readonly object[],
    token: string,
    algorithms: readonly IdentityAlgorithm[] = ['EdDSA', 'ES256', 'RS256'],
  ): Promise<string> {
    await using server = await startKeyServer()
    server.answers.set('/keys', json({ keys }))
    const identities = trust({ issuers: [jwks({ url: `${server.url}/keys` }, { algorithms })] }, { clock })
    return causeOf(await identities.workload(token))
  }
  const claims = claimsOf('https://issuer.test', clock)

  it('without a kid goes by the algorithm where only one key fits', async () => {
    expect(await causeWith([ed.jwk, ec.jwk, rsa.jwk], ec.token(claims, { kid: undefined }))).to.equal('accepted as bot')
  })

  it('without a kid is refused where two keys fit', async () => {
    const other = makeSigner('EdDSA', 'other')
    for (const signer of [ed, other])
      expect(await causeWith([ed.jwk, other.jwk], signer.token(claims, { kid: undefined }))).to.equal(
        'Issuer ci: 2 keys fit EdDSA without kid',
      )
  })

  it('is refused where two keys share a kid', async () => {
    for (const signer of [ed, both])
      expect(await causeWith([ed.jwk, both.jwk], signer.token(claims))).to.equal('Issuer ci: 2 keys fit EdDSA "ed"')
  })

  it('tells keys of one kid apart by their type', async () => {
    const twin = makeSigner('ES256', 'ed')
    expect(await causeWith([ed.jwk, twin.jwk], ed.token(claims))).to.equal('accepted as bot')
    expect(await causeWith([ed.jwk, twin.jwk], twin.token(claims))).to.equal('accepted as bot')
  })

  it('takes no key without a kid for a token that names one', async () => {
    expect(await causeWith([{ ...ed.jwk, kid: undefined }], ed.token(claims))).to.match(/no key "ed" for EdDSA/)
  })

  it('says why the key that a token names is not good enough', async () => {
    expect(await causeWith([privateOf(ed)], ed.token(claims))).to.include(
      'key "ed" can\'t be used: it is private or symmetric',
    )
  })

  it('never takes an RSA key with e = 1, with which every text signs itself', async () => {
    const weak = { ...bare(rsa), e: 'AQ' }
    const input = `${encode({ alg: 'RS256', kid: 'rsa' })}.${encode(claims)}`
    // EMSA-PKCS1-v1_5 (RFC 8017 section 9.2): to the power of 1 it stays what it is.
    const info = Buffer.from('3031300d060960864801650304020105000420', 'hex')
    const filling = Buffer.alloc(256 - 3 - info.length - 32, 0xff)
    const parts = [Buffer.from([0, 1]), filling, Buffer.from([0]), info, hash('sha256', input, 'buffer')]
    const token = `${input}.${Buffer.concat(parts).toString('base64url')}`
    const key = createPublicKey({ format: 'jwk', key: weak })
    const fooled = await compactVerify(token, key, { algorithms: ['RS256'] }).then(
      () => true,
      () => false,
    )
    expect(fooled, 'a control: the signature holds for the library').to.equal(true)
    expect(await causeWith([weak], token)).to.include("can't be used: its RSA exponent is not an odd number from 3")
  })
})
