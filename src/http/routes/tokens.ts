import * as z from 'zod'

import { introspect } from '../../broker/introspect.ts'
import type { JsonObject } from '../../core/json.ts'
import { ok } from '../../core/result.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import { FreeJson } from '../schemas/atoms.ts'
import type { Services } from '../services.ts'

const Metadata = z.record(z.string(), FreeJson)
const CACHED = { 'Cache-Control': 'public, max-age=60' }

/** What verifiers of Mayfly's own access tokens need: keys, metadata (RFC 8414) and introspection (RFC 7662). */
export function tokenRoutes(services: Services): readonly Endpoint[] {
  const open = (path: string, summary: string, document: () => JsonObject): Endpoint =>
    endpoint({
      method: 'get',
      path,
      summary,
      tag: 'Tokens',
      callers: [],
      answers: { 200: { description: summary, schema: Metadata } },
      handle: () => ok({ status: 200, body: document(), headers: CACHED }),
    })
  return [
    open('/.well-known/jwks.json', 'Public keys of the access tokens', services.publicKeys.accessTokens),
    open('/.well-known/oauth-authorization-server', 'Authorization server metadata (RFC 8414)', () =>
      metadata(services),
    ),
    open('/.well-known/openid-configuration', 'The same metadata, where OpenID clients look', () => metadata(services)),
    endpoint({
      method: 'post',
      path: '/oauth/introspect',
      summary: 'Is this access token good now? (RFC 7662)',
      tag: 'Tokens',
      callers: ['pep', 'operator'],
      bodyType: 'form',
      body: z.object({ token: z.string().min(1).max(16_384), token_type_hint: z.string().max(64).optional() }),
      answers: {
        200: {
          description: 'Active, with its claims, or `{ "active": false }`',
          schema: z.looseObject({ active: z.boolean() }),
        },
      },
      handle: async ({ body, caller }) => {
        const found = await introspect({ ...services.broker, accessTokens: services.accessTokens }, caller, body.token)
        return ok({ status: 200, body: found.active ? { active: true, ...found.claims } : { active: false } })
      },
    }),
  ]
}

function metadata(services: Services): JsonObject {
  const issuer = services.publicUrl()
  return {
    issuer,
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    introspection_endpoint: `${issuer}/oauth/introspect`,
    introspection_endpoint_auth_methods_supported: ['bearer'],
    response_types_supported: [],
    grant_types_supported: [],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['EdDSA', 'ES256', 'RS256'],
  }
}
