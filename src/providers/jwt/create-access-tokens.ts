import type { AccessTokens } from '../../broker/ports.ts'
import { parseId } from '../../core/id.ts'
import { SECOND_MS } from '../../core/time.ts'
import type { AccessTokenIssuer } from './access-token-keys.ts'
import { readAccessToken } from './read-access-token.ts'

/** Verifies Mayfly's own access tokens. No skew: it is the broker's own clock, and a token ends at its second. */
export function createAccessTokens(issuer: AccessTokenIssuer): AccessTokens {
  return {
    async verify(token, now) {
      const claims = await readAccessToken(issuer, token, now)
      if (!claims) return undefined
      const { exp, nbf, jti, aud } = claims
      if (typeof exp !== 'number' || typeof nbf !== 'number' || typeof jti !== 'string' || typeof aud !== 'string')
        return undefined
      if (now >= exp * SECOND_MS || now < nbf * SECOND_MS) return undefined
      const credential = parseId('crd', jti)
      return credential && { credential, audience: aud, claims }
    },
  }
}
