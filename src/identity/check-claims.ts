import type { JsonObject } from '../core/json.ts'
import { SECOND_MS, type Instant } from '../core/time.ts'
import type { TrustedIssuer } from './trusted-issuer.ts'

/** How far an issuer's clock may be off. */
const SKEW_MS = 60 * SECOND_MS

/** Why the token is not one of now, or undefined. `exp` must be there; all times must be numbers (RFC 7519 section 2). */
export function timesFault(claims: JsonObject, now: Instant): string | undefined {
  const [exp, nbf, iat] = ['exp', 'nbf', 'iat'].map((name) => claims[name])
  if (typeof exp !== 'number') return 'exp is missing or not a number'
  if (nbf !== undefined && typeof nbf !== 'number') return 'nbf is not a number'
  if (iat !== undefined && typeof iat !== 'number') return 'iat is not a number'
  if (now >= exp * SECOND_MS + SKEW_MS) return 'it has expired'
  if (nbf !== undefined && nbf * SECOND_MS > now + SKEW_MS) return 'nbf is still to come'
  if (iat !== undefined && iat * SECOND_MS > now + SKEW_MS) return 'iat is still to come'
  return undefined
}

/** RFC 7519 section 4.1.3. An issuer without an audience trusts nothing: a token for somebody else would do. */
export function audienceFault({ aud }: { readonly aud?: unknown }, audience: string): string | undefined {
  const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
  const named = audiences.some((each) => typeof each === 'string' && each !== '' && each === audience)
  return named ? undefined : 'aud does not name this broker'
}

/** Required claims are compared exactly: `"1"` is not `1`, and a list is not its only item. */
export function requiredFault(claims: JsonObject, required: TrustedIssuer['require']): string | undefined {
  const failing = Object.entries(required).find(
    ([name, value]) => !Object.hasOwn(claims, name) || claims[name] !== value,
  )
  return failing && `the required claim ${failing[0]} is missing or another`
}
