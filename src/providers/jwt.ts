import { hash } from 'node:crypto'
import { CompactSign } from 'jose'
import type { Minted, MintOrder, LocalProvider } from '../broker/ports.ts'
import { accessOnWire } from '../core/access.ts'
import { jsonEquals, type JsonObject } from '../core/json.ts'
import { Secret } from '../core/secret.ts'
import { SECOND_MS } from '../core/time.ts'
import { ACCESS_TOKEN_TYPE, type AccessTokenIssuer, type AccessTokenKey } from './jwt/access-token-keys.ts'
import { hasOneSignature } from './jwt/one-signature.ts'
import { readAccessToken } from './jwt/read-access-token.ts'

/** A resource server whose clock is a little behind must not refuse a token that was minted just now. */
const NOT_BEFORE_SECONDS = 10

/**
 * RFC 9068 access tokens. Narrowed to the task by audience, scope and `authorization_details`; ends by itself at the grant's
 * `max_ttl` and never after the lease; taken back at once for who asks the broker, and at its end (`offlineUntil`) for who
 * never asks. Its handle is its `jti`, the credential's id.
 */
export function createJwtProvider({ name, ...issuer }: AccessTokenIssuer & { readonly name: string }): LocalProvider {
  return { name, kind: 'local', mint: (order) => mint(issuer, order) }
}

async function mint(issuer: AccessTokenIssuer, order: MintOrder): Promise<Minted> {
  const claims = claimsOf(issuer.issuer, order)
  const key = issuer.keys.signer(order.grant.algorithm, order.now)
  if (!key) throw new Error(`There is no ${order.grant.algorithm} key for grant ${order.grant.name}`)
  const token = await sign(key, claims)
  // What leaves is what was ordered: a faulty key, library or clock is found here and not by who relies on the token.
  const signed = await readAccessToken(issuer, token, order.now)
  if (!signed || !jsonEquals(signed, claims))
    throw new Error(`The token minted for grant ${order.grant.name} does not verify`)
  const expiresAt = claims.exp * SECOND_MS
  return {
    value: new Secret({ access_token: token, token_type: 'Bearer', expires_in: claims.exp - claims.iat }),
    fingerprint: hash('sha256', token),
    expiresAt,
    hardExpiresAt: null,
    offlineUntil: expiresAt,
    revocation: 'immediate',
  }
}

/** ES256 draws a new signature each time; every second one, on average, is the one that counts. */
async function sign(key: AccessTokenKey, claims: JsonObject): Promise<string> {
  const payload = new TextEncoder().encode(JSON.stringify(claims))
  const header = { alg: key.algorithm, typ: ACCESS_TOKEN_TYPE, kid: key.kid }
  for (;;) {
    const token = await new CompactSign(payload).setProtectedHeader(header).sign(key.privateKey)
    if (hasOneSignature(key.algorithm, token)) return token
  }
}

/** Whole seconds, rounded so that the token never outlives the lease. Throws where no second is left. */
function claimsOf(
  issuer: string,
  { credential, lease, grant, access, now }: MintOrder,
): JsonObject & { readonly iat: number; readonly exp: number } {
  const iat = Math.floor(now / SECOND_MS)
  const exp = Math.floor(Math.min((iat + grant.maxTtlSeconds) * SECOND_MS, lease.expiresAt) / SECOND_MS)
  if (exp <= iat) throw new Error(`Lease ${lease.id} ends within the second`)
  return {
    iss: issuer,
    sub: lease.agent,
    aud: grant.audience,
    client_id: lease.agent,
    iat,
    nbf: iat - NOT_BEFORE_SECONDS,
    exp,
    jti: credential,
    // A scope is one word at least (RFC 6749 section 3.3), so a grant without actions has none.
    ...(access.actions.length > 0 && { scope: access.actions.join(' ') }),
    lease: lease.id,
    task: lease.task,
    authorization_details: [{ type: 'mayfly_access', ...accessOnWire(access) }],
  }
}
