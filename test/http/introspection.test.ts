import { expect } from 'chai'
import { startTestBroker, type Answered, type Call, type TestBroker } from '../support/broker.ts'

const INACTIVE = { active: false }

const introspect = (broker: TestBroker, token: string, as: string = broker.pep, over: Call = {}): Promise<Answered> =>
  broker.call('POST', '/oauth/introspect', {
    token: as,
    body: new URLSearchParams({ token }).toString(),
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    ...over,
  })

describe('introspection', () => {
  it('tells of an active token exactly what the token says, and that it is a bearer token', async () => {
    await using broker = await startTestBroker()
    const { body: lease } = await broker.request()
    const [credential] = lease.credentials
    const { status, headers, body } = await introspect(broker, credential.value.access_token)
    expect(status).to.equal(200)
    expect(headers.get('cache-control')).to.equal('no-store')
    const { iat }: { readonly iat: number } = body
    expect(body).to.deep.equal({
      active: true,
      iss: broker.url,
      sub: 'support-bot',
      client_id: 'support-bot',
      aud: 'https://refunds.test',
      scope: 'refund:create',
      iat,
      nbf: iat - 10,
      exp: iat + 300,
      jti: credential.id,
      token_type: 'Bearer',
      lease: lease.id,
      task: 'run-1',
      authorization_details: [
        { type: 'mayfly_access', grant: 'refunds-api', actions: ['refund:create'], resources: [] },
      ],
    })
  })

  it('tells a PEP nothing of a token for somebody else, and an operator everything', async () => {
    await using broker = await startTestBroker()
    const { body: lease } = await broker.request({ access: [{ grant: 'orders-api', actions: ['order:read'] }] })
    const token = lease.credentials[0].value.access_token
    expect((await introspect(broker, token)).body).to.deep.equal(INACTIVE)
    const { body } = await introspect(broker, token, broker.operator('viewer'))
    expect(body).to.include({ active: true, aud: 'https://orders.test' })
  })

  it('says inactive, and no more, of everything that is not a token of this broker', async () => {
    await using broker = await startTestBroker()
    const { body: lease } = await broker.request()
    const token: string = lease.credentials[0].value.access_token
    const [header = '', payload = '', signature = ''] = token.split('.')
    const last = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const twin = last[last.indexOf(signature.at(-1) ?? '') + 1] ?? ''
    const others = {
      'a lease token': lease.token,
      'an operator token': broker.operator('admin'),
      'its own PEP token': broker.pep,
      'an identity token': broker.identity(),
      'another spelling of its signature': `${header}.${payload}.${signature.slice(0, -1)}${twin}`,
      'its spelling with padding': `${header}.${payload}.${signature}==`,
      'its spelling with a blank': `${token} `,
      'its spelling with a line break': `${token}\n`,
      'a token without its signature': `${header}.${payload}.`,
      'a token of another payload': `${header}.${payload.slice(0, -4)}AAAA.${signature}`,
      'a token that another key signed': broker.signer.token(
        { iss: broker.url, aud: 'https://refunds.test', jti: lease.credentials[0].id },
        { typ: 'at+jwt' },
      ),
      'no token at all': 'x',
    }
    for (const [what, other] of Object.entries(others)) {
      for (const as of [broker.pep, broker.operator('viewer')]) {
        const { status, body } = await introspect(broker, other, as)
        expect(status, what).to.equal(200)
        expect(body, what).to.deep.equal(INACTIVE)
      }
    }
    expect((await introspect(broker, token)).body.active, 'the one spelling that counts').to.equal(true)
  })

  for (const [verb, end] of Object.entries({
    completion: (broker: TestBroker, id: string, token: string) =>
      broker.call('POST', `/v1/leases/${id}/complete`, { token, body: { outcome: 'success' } }),
    revocation: (broker: TestBroker, id: string) =>
      broker.call('POST', `/v1/leases/${id}/revoke`, {
        token: broker.operator('operator'),
        body: { reason: 'Enough' },
      }),
  })) {
    it(`says inactive from the moment that a ${verb} has answered`, async () => {
      await using broker = await startTestBroker()
      const { body: lease } = await broker.request()
      const token = lease.credentials[0].value.access_token
      expect((await introspect(broker, token)).body.active).to.equal(true)
      expect((await end(broker, lease.id, lease.token)).status).to.equal(200)
      expect((await introspect(broker, token)).body).to.deep.equal(INACTIVE)
    })
  }

  it('says inactive from the second of its end, without a sweep', async () => {
    await using broker = await startTestBroker()
    const { body: lease } = await broker.request({ ttl: 60 })
    const token = lease.credentials[0].value.access_token
    const { exp } = (await introspect(broker, token)).body
    broker.clock.advance(exp * 1000 - 900 - broker.clock.now())
    expect((await introspect(broker, token)).body.active, 'just before its end').to.equal(true)
    broker.clock.advance(exp * 1000 - broker.clock.now())
    expect((await introspect(broker, token)).body, 'at its end').to.deep.equal(INACTIVE)
    const shown = await broker.call('GET', `/v1/leases/${lease.id}`, { token: broker.operator('viewer') })
    expect(shown.body.state, 'nobody has swept').to.equal('active')
  })

  it('says inactive of a credential that another one has replaced, and active of the new one', async () => {
    await using broker = await startTestBroker()
    const { body: lease } = await broker.request({ ttl: 300 })
    const old = lease.credentials[0].value.access_token
    broker.clock.advance(201_000)
    await broker.app.sweep()
    const path = `/v1/leases/${lease.id}/credentials`
    const next = await broker.call('POST', path, { token: lease.token, body: { grant: 'refunds-api' } })
    expect(next.status).to.equal(201)
    expect((await introspect(broker, old)).body).to.deep.equal(INACTIVE)
    expect((await introspect(broker, next.body.value.access_token)).body.active).to.equal(true)
  })

  it('is for PEPs and operators; all others are told in the form of OAuth', async () => {
    await using broker = await startTestBroker()
    const { body: lease } = await broker.request()
    const token = lease.credentials[0].value.access_token
    for (const as of [lease.token, broker.identity()]) {
      const { status, headers, body } = await introspect(broker, token, as)
      expect(status).to.equal(403)
      expect(headers.get('content-type')).to.match(/^application\/json/)
      expect(body).to.have.all.keys('error', 'error_description')
      expect(body.error).to.equal('insufficient_scope')
    }
  })

  it('answers a faulty request in the form of OAuth, as its standard asks', async () => {
    await using broker = await startTestBroker()
    const form = 'application/x-www-form-urlencoded'
    const faults: readonly (readonly [string, number, string, Call])[] = [
      ['no proof', 401, 'invalid_token', { token: 'mfp_nonsense' }],
      ['no token', 400, 'invalid_request', { body: 'token_type_hint=access_token' }],
      ['a token twice', 400, 'invalid_request', { body: 'token=a&token=b' }],
      ['JSON', 400, 'invalid_request', { body: { token: 'a' }, headers: { 'content-type': 'application/json' } }],
      ['a query', 400, 'invalid_request', {}],
      ['too much', 413, 'invalid_request', { body: `token=${'a'.repeat(65 * 1024)}` }],
    ]
    for (const [what, status, error, over] of faults) {
      const call = { token: broker.pep, body: 'token=a', headers: { 'content-type': form }, ...over }
      const answer = await broker.call('POST', `/oauth/introspect${what === 'a query' ? '?token=a' : ''}`, call)
      expect(answer.status, what).to.equal(status)
      expect(answer.body.error, what).to.equal(error)
      // RFC 6749 section 5.2: these characters and no others.
      expect(answer.body.error_description, what).to.match(/^[\x20\x21\x23-\x5b\x5d-\x7e]+$/)
      expect(answer.headers.has('www-authenticate'), what).to.equal(status === 401)
    }
    const wrongMethod = await broker.call('GET', '/oauth/introspect', { token: broker.pep })
    expect(wrongMethod.status).to.equal(405)
    expect(wrongMethod.headers.get('allow')).to.equal('POST')
    expect(wrongMethod.body.error).to.equal('invalid_request')
  })
})
