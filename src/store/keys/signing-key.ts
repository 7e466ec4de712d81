import { createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { calculateJwkThumbprint } from 'jose'
import type { SigningAlgorithm } from '../../core/catalogue.ts'
import type { JsonObject } from '../../core/json.ts'
import type { Instant } from '../../core/time.ts'

/** What a key may sign. Access tokens and audit checkpoints never share one, so neither can pass for the other. */
export const KEY_USES = ['access', 'audit'] as const
export type KeyUse = (typeof KEY_USES)[number]

/** A signing key in memory. `kid` is the RFC 7638 thumbprint: the same key has the same name everywhere. */
export interface SigningKey {
  readonly kid: string
  readonly use: KeyUse
  readonly algorithm: SigningAlgorithm
  readonly createdAt: Instant
  readonly signsFrom: Instant
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  /** As it stands in a JWK set. */
  readonly publicJwk: JsonObject
}

const generate = promisify(generateKeyPair)

/** A new private key for the algorithm. */
export async function generatePrivateKey(algorithm: SigningAlgorithm): Promise<KeyObject> {
  switch (algorithm) {
    case 'EdDSA':
      return (await generate('ed25519')).privateKey
    case 'ES256':
      return (await generate('ec', { namedCurve: 'P-256' })).privateKey
    case 'RS256':
      return (await generate('rsa', { modulusLength: 2048 })).privateKey
  }
}

/** The signing key that a private key makes. */
export async function signingKeyOf(
  privateKey: KeyObject,
  about: Pick<SigningKey, 'use' | 'algorithm' | 'createdAt' | 'signsFrom'>,
): Promise<SigningKey> {
  const publicKey = createPublicKey(privateKey)
  const jwk = publicKey.export({ format: 'jwk' })
  const kid = await calculateJwkThumbprint({ ...jwk, kty: jwk.kty ?? '' })
  const publicJwk = { ...(jwk as JsonObject), kid, use: 'sig', alg: about.algorithm }
  return { ...about, kid, privateKey, publicKey, publicJwk }
}

/** Whether the private key is of the kind that the algorithm signs with. */
export function fitsAlgorithm(
  { asymmetricKeyType, asymmetricKeyDetails }: KeyObject,
  algorithm: SigningAlgorithm,
): boolean {
  switch (algorithm) {
    case 'EdDSA':
      return asymmetricKeyType === 'ed25519'
    case 'ES256':
      return asymmetricKeyType === 'ec' && asymmetricKeyDetails?.namedCurve === 'prime256v1'
    case 'RS256':
      return asymmetricKeyType === 'rsa' && (asymmetricKeyDetails?.modulusLength ?? 0) >= 2048
  }
}
