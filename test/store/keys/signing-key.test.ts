import { expect } from 'chai'
import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { calculateJwkThumbprint, importJWK, type JWK } from 'jose'
import { SIGNING_ALGORITHMS, type SigningAlgorithm } from '../../../src/core/catalogue.ts'
import { publicKeySet } from '../../../src/store/keys/public-key-set.ts'
import { fitsAlgorithm, generatePrivateKey, signingKeyOf } from '../../../src/store/keys/signing-key.ts'

const MEMBERS: Readonly<Record<SigningAlgorithm, readonly string[]>> = {
  EdDSA: ['kty', 'crv', 'x'],
  ES256: ['kty', 'crv', 'x', 'y'],
  RS256: ['kty', 'n', 'e'],
}

for (const algorithm of SIGNING_ALGORITHMS) {
  describe(`a signing key for ${algorithm}`, () => {
    const made = async () =>
      signingKeyOf(await generatePrivateKey(algorithm), { use: 'access', algorithm, createdAt: 0, signsFrom: 0 })

    it('is published with its public members only, and what it is for', async () => {
      const { publicJwk } = await made()
      expect(Object.keys(publicJwk)).to.have.members([...MEMBERS[algorithm], 'kid', 'use', 'alg'])
      expect([publicJwk['use'], publicJwk['alg']]).to.deep.equal(['sig', algorithm])
    })

    it('is named by its thumbprint (RFC 7638), so that it has one name everywhere', async () => {
      const { kid, publicJwk, privateKey } = await made()
      expect(kid).to.equal(await calculateJwkThumbprint(publicJwk))
      expect((await signingKeyOf(privateKey, { use: 'audit', algorithm, createdAt: 9, signsFrom: 9 })).kid).to.equal(
        kid,
      )
    })

    it('is what a library imports from the published set', async () => {
      const key = await made()
      const { keys } = publicKeySet([key]) as unknown as { readonly keys: readonly JWK[] }
      expect(keys).to.have.length(1)
      expect((await importJWK(keys[0]!, algorithm)) instanceof Uint8Array).to.equal(false)
      expect(createPublicKey({ format: 'jwk', key: { ...keys[0] } }).equals(key.publicKey)).to.equal(true)
    })

    it('fits its algorithm and no other', async () => {
      const { privateKey } = await made()
      const fitting = SIGNING_ALGORITHMS.filter((each) => fitsAlgorithm(privateKey, each))
      expect(fitting).to.deep.equal([algorithm])
    })
  })
}

describe('a key that is too weak or of another curve', () => {
  it('fits no algorithm', () => {
    const others = [
      generateKeyPairSync('rsa', { modulusLength: 1024 }),
      generateKeyPairSync('ec', { namedCurve: 'P-384' }),
      generateKeyPairSync('ec', { namedCurve: 'secp256k1' }),
      generateKeyPairSync('ed448'),
      generateKeyPairSync('x25519'),
    ]
    for (const { privateKey } of others)
      for (const algorithm of SIGNING_ALGORITHMS) expect(fitsAlgorithm(privateKey, algorithm)).to.equal(false)
  })
})
