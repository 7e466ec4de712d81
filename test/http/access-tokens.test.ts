import { expect } from 'chai'
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { startTestBroker, type TestBroker } from '../support/broker.ts'

/** As a resource server would that has never heard of Mayfly but for its issuer. */
const verify = async (broker: TestBroker, token: string, audience: string) => {
  const { body } = await broker.call('GET', '/.well-known/oauth-authorization-server')
  const keys = createRemoteJWKSet(new URL(body.jwks_uri))
  const currentDate = new Date(broker.clock.now())
  return jwtVerify(token, keys, { issuer: broker.url, audience, typ: 'at+jwt', algorithms: ['EdDSA'], currentDate })
}

const HOUR_MS = 3600_000
const DAY_MS = 24 * HOUR_MS

describe('an access token', () => {
  it('holds the claims of the contract and no others, verifiable by its metadata alone', async () => {
    await using broker = await startTestBroker()
    const { body: lease } = await broker.request()
    const [{ id, issued_at, value, ...credential }] = lease.credentials
    const { payload, protectedHeader } = await verify(broker, value.access_token, 'https://refunds.test')
    const iat = Math.floor(Date.parse(issued_at) / 1000)
    const exp = Math.floor(Math.min((iat + 300) * 1000, Date.parse(lease.expires_at)) / 1000)
    expect(payload).to.deep.equal({
      iss: broker.url,
      sub: 'support-bot',
      aud: 'https://refunds.test',
      client_id: 'support-bot',
      iat,
      nbf: iat - 10,
      exp,
      jti: id,
      scope: 'refund:create',
      lease: lease.id,
      task: 'run-1',
      authorization_details: [
        { type: 'mayfly_access', grant: 'refunds-api', actions: ['refund:create'], resources: [] },
      ],
    })
    expect(protectedHeader).to.have.all.keys('alg', 'typ', 'kid')
    expect(value).to.deep.equal({ access_token: value.access_token, token_type: 'Bearer', expires_in: exp - iat })
    expect(Date.parse(credential.expires_at), 'expires_at is the token’s own end').to.equal(exp * 1000)
    expect(credential.offline_until, 'who never asks accepts it until then').to.equal(credential.expires_at)
    expect(credential.revocation).to.equal('immediate')
  })

  it('joins several actions in its scope, and says to what it was narrowed', async () => {
    await using broker = await startTestBroker()
    const { body: lease } = await broker.request({
      access: [{ grant: 'refunds-api' }, { grant: 'orders-api', resources: ['orders/1234'] }],
    })
    const byGrant = Object.fromEntries(lease.credentials.map((one: { grant: string }) => [one.grant, one]))
    const token = byGrant['refunds-api'].value.access_token
    const refunds = await verify(broker, token, 'https://refunds.test')
    expect(refunds.payload['scope']).to.equal('refund:create refund:read')
    const orders = await verify(broker, byGrant['orders-api'].value.access_token, 'https://orders.test')
    expect(orders.payload['authorization_details']).to.deep.equal([
      { type: 'mayfly_access', grant: 'orders-api', actions: ['order:read'], resources: ['orders/1234'] },
    ])
    expect(await verify(broker, token, 'https://orders.test').catch(() => 'refused')).to.equal('refused')
  })

  it('ends with its lease, and no later than the grant allows', async () => {
    await using broker = await startTestBroker()
    const short = await broker.request({ ttl: 7 })
    const token = await verify(broker, short.body.credentials[0].value.access_token, 'https://refunds.test')
    expect(token.payload.exp! * 1000).to.be.at.most(Date.parse(short.body.expires_at))
    const long = await broker.request({ ttl: 900 })
    const [{ expires_at, issued_at }] = long.body.credentials
    expect(Date.parse(expires_at) - Date.parse(issued_at)).to.be.at.most(300_000)
    expect(Date.parse(long.body.expires_at) - Date.parse(long.body.created_at)).to.equal(900_000)
  })

  it('is signed by the next key once that key’s time has come, and the old one stays published as long as it counts', async () => {
    await using broker = await startTestBroker()
    const kids = async (): Promise<readonly string[]> =>
      (await broker.call('GET', '/.well-known/jwks.json')).body.keys.map(({ kid }: { kid: string }) => kid)
    const signer = async (): Promise<string | undefined> => {
      const { body } = await broker.request()
      const { access_token } = body.credentials[0].value
      await verify(broker, access_token, 'https://refunds.test')
      return decodeProtectedHeader(access_token).kid
    }
    const [first, second, ...more] = await kids()
    expect(second, 'the next key is published ahead').to.be.a('string')
    expect(more).to.be.empty
    expect(await signer()).to.equal(first)

    broker.clock.advance(26 * DAY_MS)
    await broker.app.sweep()
    expect(await signer()).to.equal(second)
    expect(await kids(), 'tokens of the old key may still live').to.include(first)

    broker.clock.advance(26 * HOUR_MS)
    await broker.app.sweep()
    expect(await kids()).to.not.include(first)
  })
})

describe('what is published about access tokens', () => {
  it('is the same metadata for OAuth and OpenID clients, with the members of the contract', async () => {
    await using broker = await startTestBroker()
    const oauth = await broker.call('GET', '/.well-known/oauth-authorization-server')
    const openid = await broker.call('GET', '/.well-known/openid-configuration')
    expect(oauth.status).to.equal(200)
    expect(oauth.headers.get('content-type')).to.match(/^application\/json/)
    expect(openid.body).to.deep.equal(oauth.body)
    expect(oauth.body).to.deep.include({
      issuer: broker.url,
      jwks_uri: `${broker.url}/.well-known/jwks.json`,
      introspection_endpoint: `${broker.url}/oauth/introspect`,
      response_types_supported: [],
      subject_types_supported: ['public'],
    })
    expect(oauth.body.id_token_signing_alg_values_supported).to.include('EdDSA')
  })

  it('names the public URL as the issuer where there is one', async () => {
    await using broker = await startTestBroker({
      configure: (settings) => ({
        ...settings,
        server: { listen: '127.0.0.1:0', data_dir: './data', public_url: 'https://mayfly.test' },
      }),
    })
    const { body } = await broker.call('GET', '/.well-known/openid-configuration')
    expect(body.issuer).to.equal('https://mayfly.test')
    expect(body.jwks_uri).to.equal('https://mayfly.test/.well-known/jwks.json')
    const { body: lease } = await broker.request()
    const [, payload = ''] = lease.credentials[0].value.access_token.split('.')
    expect(JSON.parse(Buffer.from(payload, 'base64url').toString()).iss).to.equal('https://mayfly.test')
  })

  it('is a key set of public members only, apart from the keys of the audit', async () => {
    await using broker = await startTestBroker()
    const { headers, body } = await broker.call('GET', '/.well-known/jwks.json')
    expect(headers.get('cache-control'), 'verifiers may keep it for a while').to.match(/max-age=\d+/)
    expect(body).to.have.all.keys('keys')
    for (const key of body.keys) {
      expect(key).to.have.all.keys('kty', 'crv', 'x', 'kid', 'use', 'alg')
      expect(key).to.include({ kty: 'OKP', crv: 'Ed25519', use: 'sig', alg: 'EdDSA' })
    }
    const audit = await broker.call('GET', '/v1/audit/keys', { token: broker.operator('viewer') })
    expect(audit.body.keys).to.have.length(2)
    expect(body.keys.map(({ kid }: { kid: string }) => kid)).to.not.include(audit.body.keys[0].kid)
  })
})
