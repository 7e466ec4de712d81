import { createPublicKey, hash, type JsonWebKey, type KeyObject } from 'node:crypto'
import canonicalize from 'canonicalize'
import { isJsonObject, type Json, type JsonObject } from '../core/json.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { IdentityAlgorithm } from './trusted-issuer.ts'

/** One public key of an issuer, and the algorithms that it may verify. */
interface VerifyingKey {
  readonly kid: string | null
  readonly key: KeyObject
  readonly algorithms: readonly IdentityAlgorithm[]
}

/** An issuer's keys as of one reading. `digest` changes when the document does. */
export interface KeySet {
  readonly digest: string
  readonly keys: readonly VerifyingKey[]
  /** Keys that are published and not good enough, and why. */
  readonly unusable: readonly { readonly kid: string | null; readonly reason: string }[]
}

const MAX_KEYS = 256
const RSA_BITS = { least: 2048, most: 8192 }
const RSA_ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const
/** RFC 7518 sections 6.2.2, 6.3.2 and 6.4.1. Each member of a private RSA key gives the whole of it away. */
const PRIVATE_MEMBERS = ['d', 'k', 'p', 'q', 'dp', 'dq', 'qi', 'oth'] as const
const CURVES: Readonly<Record<string, readonly IdentityAlgorithm[]>> = {
  'EC P-256': ['ES256'],
  'EC P-384': ['ES384'],
  'EC P-521': ['ES512'],
  'OKP Ed25519': ['EdDSA', 'Ed25519'],
}

/**
 * A JWK set (RFC 7517 section 5). A key that is unfit is left out with its reason and harms no other. An empty set is a
 * set: it says that nothing of this issuer can be verified any more.
 */
export function readKeySet(document: Json): Result<KeySet, string> {
  const listed = isJsonObject(document) ? document['keys'] : undefined
  if (!isArray(listed)) return err('is not a JWK set')
  if (listed.length > MAX_KEYS) return err(`holds more than ${MAX_KEYS} keys`)
  const read = listed.filter(isJsonObject).map((jwk) => ({ kid: textOf(jwk, 'kid') ?? null, key: readKey(jwk) }))
  return ok({
    digest: hash('sha256', canonicalize(document) ?? ''),
    keys: read.flatMap(({ key }) => (key.ok ? [key.value] : [])),
    unusable: read.flatMap(({ kid, key }) => (key.ok ? [] : [{ kid, reason: key.error }])),
  })
}

function readKey(jwk: JsonObject): Result<VerifyingKey, string> {
  const [use, operations, only] = [jwk['use'], jwk['key_ops'], jwk['alg']]
  if (use !== undefined && use !== 'sig') return err('its use is not sig')
  if (operations !== undefined && !(isArray(operations) && operations.includes('verify')))
    return err('its key_ops do not include verify')
  // A set that gives the private half away proves nothing: everybody who read it can sign.
  if (PRIVATE_MEMBERS.some((member) => Object.hasOwn(jwk, member))) return err('it is private or symmetric')
  const kind = kindOf(jwk)
  if (!kind) return err('its type or curve is not supported')
  const algorithms = kind.algorithms.filter((algorithm) => only === undefined || sameAlgorithm(algorithm, only))
  if (algorithms.length === 0) return err('its alg does not fit its type')
  try {
    // Import refuses a point that is not on the curve.
    const key = createPublicKey({ format: 'jwk', key: kind.members })
    const weak = key.asymmetricKeyType === 'rsa' ? weaknessOf(key) : undefined
    return weak === undefined ? ok({ kid: textOf(jwk, 'kid') ?? null, key, algorithms }) : err(weak)
  } catch {
    return err('it is not a valid key')
  }
}

/** Only the public members: nothing else of a foreign document reaches the key parser. */
function kindOf(
  jwk: JsonObject,
): { readonly algorithms: readonly IdentityAlgorithm[]; readonly members: JsonWebKey } | undefined {
  const [kty, crv, x, y, n, e] = ['kty', 'crv', 'x', 'y', 'n', 'e'].map((name) => textOf(jwk, name))
  if (kty === 'RSA' && n !== undefined && e !== undefined) return { algorithms: RSA_ALGORITHMS, members: { kty, n, e } }
  const name = `${kty ?? ''} ${crv ?? ''}`
  const algorithms = Object.hasOwn(CURVES, name) ? CURVES[name] : undefined
  if (!algorithms || kty === undefined || crv === undefined || x === undefined) return undefined
  if (kty === 'OKP') return { algorithms, members: { kty, crv, x } }
  return y === undefined ? undefined : { algorithms, members: { kty, crv, x, y } }
}

/** With e = 1 every text signs itself; JWT libraries let it pass. The upper bound keeps one verification cheap. */
function weaknessOf(key: KeyObject): string | undefined {
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {}
  if (modulusLength < RSA_BITS.least || modulusLength > RSA_BITS.most) {
    return `its RSA modulus has ${modulusLength} bits, not ${RSA_BITS.least} to ${RSA_BITS.most}`
  }
  return publicExponent < 3n || publicExponent % 2n === 0n ? 'its RSA exponent is not an odd number from 3' : undefined
}

/** `Ed25519` is the later name of what `EdDSA` means for this curve (RFC 9864). */
function sameAlgorithm(algorithm: IdentityAlgorithm, named: Json): boolean {
  const fold = (name: Json): Json => (name === 'Ed25519' ? 'EdDSA' : name)
  return fold(algorithm) === fold(named)
}

const isArray = (value: Json | undefined): value is readonly Json[] => Array.isArray(value)

function textOf(jwk: JsonObject, name: string): string | undefined {
  const value = jwk[name]
  return typeof value === 'string' ? value : undefined
}
