import { expect } from 'chai'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { allowInsecureRequests, validateJwtAccessToken, type AuthorizationServer } from 'oauth4webapi'
import { SIGNING_ALGORITHMS } from '../../../src/core/catalogue.ts'
import { publicKeySet } from '../../../src/store/keys/public-key-set.ts'
import { disposedBy } from '../../support/disposed-by.ts'
import { json, startKeyServer } from '../../identity/support/key-server.ts'
import { keysOf, minted, newKey } from '../support/minting.ts'

const AUDIENCE = 'https://refunds.test'

/** A token of the broker that publishes its keys at a real address, and a resource server that knows only that address. */
async function world(algorithm: (typeof SIGNING_ALGORITHMS)[number]) {
  await using opened = new AsyncDisposableStack()
  const server = opened.use(await startKeyServer())
  const keys = await Promise.all(SIGNING_ALGORITHMS.map(newKey))
  server.answers.set('/jwks', json(publicKeySet(keys)))
  // These verifiers have clocks of their own.
  const { token, claims } = await minted(keysOf(...keys), { now: Date.now(), grant: { algorithm } }, server.url)
  return { server, token, claims, ...disposedBy(opened) }
}

function validate(issuer: string, token: string, audience = AUDIENCE) {
  const as: AuthorizationServer = { issuer, jwks_uri: `${issuer}/jwks` }
  const request = new Request(`${AUDIENCE}/refunds`, { headers: { authorization: `Bearer ${token}` } })
  return validateJwtAccessToken(as, request, audience, { [allowInsecureRequests]: true })
}

const refused = (validation: Promise<unknown>): Promise<boolean> =>
  validation.then(
    () => false,
    () => true,
  )

describe('a resource server that knows only the address of the keys', () => {
  for (const algorithm of SIGNING_ALGORITHMS) {
    it(`accepts an access token signed with ${algorithm} (RFC 9068, oauth4webapi)`, async () => {
      await using issuer = await world(algorithm)
      const { server, token, claims } = issuer
      expect(await validate(server.url, token)).to.deep.equal(claims)
    })

    it(`accepts an access token signed with ${algorithm} (jose)`, async () => {
      await using issuer = await world(algorithm)
      const { server, token, claims } = issuer
      const { payload, protectedHeader } = await jwtVerify(token, createRemoteJWKSet(new URL(`${server.url}/jwks`)), {
        issuer: server.url,
        audience: AUDIENCE,
        typ: 'at+jwt',
        algorithms: [algorithm],
        requiredClaims: ['exp', 'nbf', 'iat', 'jti', 'sub', 'client_id'],
      })
      expect(payload).to.deep.equal(claims)
      expect(protectedHeader.alg).to.equal(algorithm)
    })
  }

  it('refuses it for another audience, of another issuer, or changed', async () => {
    await using issuer = await world('EdDSA')
    const { server, token } = issuer
    expect(await refused(validate(server.url, token, 'https://orders.test'))).to.equal(true)
    await using other = await startKeyServer()
    other.answers.set('/jwks', server.answers.get('/jwks')!)
    expect(await refused(validate(other.url, token))).to.equal(true)
    const [head = '', body = '', signature = ''] = token.split('.')
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as object
    const wider = Buffer.from(JSON.stringify({ ...claims, scope: 'refund:delete' })).toString('base64url')
    expect(await refused(validate(server.url, `${head}.${wider}.${signature}`))).to.equal(true)
    expect(await refused(validate(server.url, token)), 'a control').to.equal(false)
  })
})
