import { createHmac, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'

/** A party that signs tokens: an issuer's key, or an attacker's. */
export interface Signer {
  readonly algorithm: 'EdDSA' | 'ES256' | 'RS256'
  readonly kid: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  readonly jwk: Readonly<Record<string, unknown>>
  /** A token of these claims; header members are added to `alg`, `kid` and `typ`, or take their place. */
  token(claims: object, header?: object): string
}

export function makeSigner(algorithm: Signer['algorithm'], kid: string): Signer {
  const { privateKey, publicKey } = pairOf(algorithm)
  return {
    algorithm,
    kid,
    privateKey,
    publicKey,
    jwk: { ...publicKey.export({ format: 'jwk' }), kid, use: 'sig', alg: algorithm },
    token: (claims, header = {}) =>
      craft({ alg: algorithm, kid, typ: 'JWT', ...header }, claims, { algorithm, key: privateKey }),
  }
}

/** A compact JWS of any header and payload, well-formed or not; text is taken as it is. */
export function craft(
  header: object | string,
  payload: object | string,
  by: { algorithm: Signer['algorithm'] | 'HS256'; key: KeyObject | string },
): string {
  const input = `${encode(header)}.${encode(payload)}`
  return `${input}.${signature(input, by).toString('base64url')}`
}

export const encode = (part: object | string): string =>
  Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url')

function signature(input: string, { algorithm, key }: { algorithm: string; key: KeyObject | string }): Buffer {
  if (typeof key === 'string') return createHmac('sha256', key).update(input).digest()
  if (algorithm === 'EdDSA') return sign(null, Buffer.from(input), key)
  return sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' })
}

function pairOf(algorithm: Signer['algorithm']) {
  if (algorithm === 'EdDSA') return generateKeyPairSync('ed25519')
  if (algorithm === 'ES256') return generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return generateKeyPairSync('rsa', { modulusLength: 2048 })
}
