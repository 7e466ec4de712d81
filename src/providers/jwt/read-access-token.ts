import { compactVerify } from 'jose'
import { parseCompactToken } from '../../core/compact-token.ts'
import type { JsonObject } from '../../core/json.ts'
import type { Instant } from '../../core/time.ts'
import { ACCESS_TOKEN_TYPE, type AccessTokenIssuer } from './access-token-keys.ts'
import { hasOneSignature } from './one-signature.ts'

/**
 * The claims of a token that one of these keys signed as an access token of this issuer, in its one spelling and with
 * its one signature. Its times are not looked at. Undefined for everything else; bad input never throws.
 */
export async function readAccessToken(
  { issuer, keys }: AccessTokenIssuer,
  text: string,
  now: Instant,
): Promise<JsonObject | undefined> {
  const parsed = parseCompactToken(text)
  if (!parsed.ok) return undefined
  const { algorithm, kid, header, payload } = parsed.value
  // Exact, unlike for foreign tokens: Mayfly writes its own header in one way only.
  if (header['typ'] !== ACCESS_TOKEN_TYPE || payload['iss'] !== issuer) return undefined
  const key = keys.published(now).find((each) => each.kid === kid && each.algorithm === algorithm)
  if (!key || !hasOneSignature(key.algorithm, text)) return undefined
  try {
    await compactVerify(text, key.publicKey, { algorithms: [key.algorithm] })
    return payload
  } catch {
    return undefined
  }
}
