import type { JsonObject } from '../../core/json.ts'
import type { SigningKey } from './signing-key.ts'

/** The JWK set (RFC 7517) of these keys, public members only. */
export const publicKeySet = (keys: readonly Pick<SigningKey, 'publicJwk'>[]): JsonObject => ({
  keys: keys.map(({ publicJwk }) => publicJwk),
})
