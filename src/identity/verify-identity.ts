import { compactVerify } from 'jose'
import type { CompactToken } from '../core/compact-token.ts'
import type { JsonObject } from '../core/json.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { Instant } from '../core/time.ts'
import { audienceFault, requiredFault, timesFault } from './check-claims.ts'
import type { KeySource } from './key-source.ts'
import type { TrustedIssuer } from './trusted-issuer.ts'

/** A token's types that say "identity". Each other use of a key has a type of its own (RFC 8725 section 3.11). */
const TYPES: readonly (string | null)[] = [null, 'jwt', 'at+jwt']

export interface IdentityProof {
  readonly text: string
  readonly token: CompactToken
  readonly issuer: TrustedIssuer
  readonly keys: KeySource
  readonly now: Instant
}

/** Claims that an issuer vouches for, now. */
export interface VerifiedIdentity {
  readonly issuer: TrustedIssuer
  readonly claims: JsonObject
  /** Digest of the key set that verified it. */
  readonly keys: string
}

/**
 * Checks one token against one issuer. What is cheap comes before the key: a token that could not pass anyway must not
 * make the broker fetch. The error is for the operator alone.
 */
export async function verifyIdentity({
  text,
  token,
  issuer,
  keys,
  now,
}: IdentityProof): Promise<Result<VerifiedIdentity, string>> {
  const { algorithm, kid, type, payload } = token
  if (!TYPES.includes(type)) return err('its typ is not that of an identity')
  if (payload['sub'] !== undefined && typeof payload['sub'] !== 'string') return err('its sub is not text')
  // The operator's list decides, never the token: it ends `none` and HMAC with a public key as the secret.
  if (!issuer.algorithms.some((each) => each === algorithm)) return err('its alg is not one of the issuer')
  const fault = timesFault(payload, now) ?? audienceFault(payload, issuer.audience)
  if (fault !== undefined) return err(fault)
  const found = await keys.find({ algorithm, kid })
  if (!found.ok) return found
  if (!(await signatureHolds(text, found.value.key, algorithm))) return err('its signature does not hold')
  const missing = requiredFault(payload, issuer.require)
  if (missing !== undefined) return err(missing)
  return ok({ issuer, claims: payload, keys: found.value.from })
}

async function signatureHolds(
  text: string,
  key: Parameters<typeof compactVerify>[1],
  algorithm: string,
): Promise<boolean> {
  try {
    await compactVerify(text, key, { algorithms: [algorithm] })
    return true
  } catch {
    return false
  }
}
