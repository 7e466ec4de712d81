import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Provider } from 'oidc-provider'

/**
 * A process of its own: a real OpenID Connect issuer, as a company's identity provider is one. It knows one client and
 * gives it, for its secret, access tokens of ten minutes that name the audience which the client asked for.
 *
 *     node scripts/demo/issuer.ts CLIENT SECRET_FILE
 */
const [client = '', secretFile = ''] = process.argv.slice(2)
const ALGORITHM = 'ES256'
const TOKEN_SECONDS = 600

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const signingKey = { ...privateKey.export({ format: 'jwk' }), kid: 'issuer-1', use: 'sig', alg: ALGORITHM }

// The issuer's name is its address, which is known once it listens.
const server = createServer()
server.listen(0, '127.0.0.1', () => {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const provider = new Provider(url, {
    clients: [
      {
        client_id: client,
        client_secret: readFileSync(secretFile, 'utf8').trim(),
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
        // Without it a client stands for RS256, and the issuer has no such key.
        id_token_signed_response_alg: ALGORITHM,
      },
    ],
    jwks: { keys: [signingKey] },
    cookies: { keys: [randomBytes(16).toString('hex')] },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context, resource) => ({
          scope: '',
          audience: resource,
          accessTokenFormat: 'jwt',
          accessTokenTTL: TOKEN_SECONDS,
          jwt: { sign: { alg: ALGORITHM } },
        }),
      },
    },
  })
  server.on('request', provider.callback())
  process.stdout.write(`${JSON.stringify({ event: 'listening', url })}\n`)
})
