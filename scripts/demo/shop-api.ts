import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import * as oauth from 'oauth4webapi'

/**
 * A process of its own: the API of a shop, which the agent wants to call. Nothing of Mayfly is in it. It finds the
 * broker's keys by discovery, verifies each access token as RFC 9068 says, and asks the broker whether it still holds.
 *
 *     node scripts/demo/shop-api.ts BROKER_URL AUDIENCE PEP_TOKEN_FILE
 */
const [brokerUrl = '', audience = '', tokenFile = ''] = process.argv.slice(2)
const pepToken = readFileSync(tokenFile, 'utf8').trim()

/** What a token's scope must name for each call. */
const ROUTES: Readonly<Record<string, { readonly scope: string; readonly says: string }>> = {
  'GET /orders/1234': { scope: 'order:read', says: 'a teapot for 45' },
  'POST /orders/1234/refund': { scope: 'refund:create', says: '45 refunded' },
  'GET /customers/export': { scope: 'customer:export', says: '1208 customers' },
}

// eslint-disable-next-line @typescript-eslint/no-deprecated -- marked so to stand out; on loopback there is no TLS to use
const http = { [oauth.allowInsecureRequests]: true }
const issuer = new URL(brokerUrl)
const broker = await oauth
  .discoveryRequest(issuer, { algorithm: 'oauth2', ...http })
  .then((response) => oauth.processDiscoveryResponse(issuer, response))

interface Answer {
  readonly status: number
  readonly body: { readonly error?: string; readonly says: string }
}

async function answer(request: Request): Promise<Answer> {
  const route = ROUTES[`${request.method} ${new URL(request.url).pathname}`]
  if (!route) return { status: 404, body: { error: 'not_found', says: 'the shop has no such thing' } }
  let claims: oauth.JWTAccessTokenClaims
  try {
    claims = await oauth.validateJwtAccessToken(broker, request, audience, http)
  } catch (error) {
    return refused(401, 'invalid_token', error instanceof Error ? error.message : String(error))
  }
  if (!(await stillHolds(request))) return refused(401, 'invalid_token', 'the broker says it is not active')
  if (!claims.scope?.split(' ').includes(route.scope)) {
    return refused(
      403,
      'insufficient_scope',
      `this call needs ${route.scope}, the token is for ${claims.scope ?? 'nothing'}`,
    )
  }
  return { status: 200, body: { says: route.says } }
}

const refused = (status: number, error: string, says: string): Answer => ({ status, body: { error, says } })

/** RFC 7662, with the shop's own token. Nothing is remembered, so that the end of a lease counts at the next call. */
async function stillHolds(request: Request): Promise<boolean> {
  const token = (request.headers.get('authorization') ?? '').replace(/^bearer +/i, '')
  const client: oauth.Client = { client_id: 'shop-api' }
  const asPep: oauth.ClientAuth = (_as, _client, _body, headers) => {
    headers.set('authorization', `Bearer ${pepToken}`)
  }
  const response = await oauth.introspectionRequest(broker, client, asPep, token, http)
  return (await oauth.processIntrospectionResponse(broker, client, response)).active
}

const server = createServer((incoming, outgoing) => {
  const { authorization } = incoming.headers
  const request = new Request(new URL(incoming.url ?? '/', 'http://127.0.0.1'), {
    method: incoming.method ?? 'GET',
    headers: authorization === undefined ? {} : { authorization },
  })
  answer(request)
    .catch((error: unknown) => ({ status: 502, body: { error: 'broken', says: String(error) } }))
    .then(({ status, body }) => {
      outgoing.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    })
    .catch(() => outgoing.destroy())
})
server.listen(0, '127.0.0.1', () => {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  process.stdout.write(`${JSON.stringify({ event: 'listening', url })}\n`)
})
