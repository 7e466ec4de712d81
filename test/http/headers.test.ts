import { expect } from 'chai'
import express from 'express'
import diagnostics from 'node:diagnostics_channel'
import { createServer, IncomingMessage, type Server } from 'node:http'
import { approve, askFor } from '../support/approvals.ts'
import { startTestBroker, type Answered, type TestBroker } from '../support/broker.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/** An answer of every kind: granted, read, refused in every way, and what is not there. */
async function answersOf(broker: TestBroker): Promise<readonly Answered[]> {
  const viewer = { token: broker.operator('viewer') }
  const granted = await broker.request()
  const { id, token } = granted.body
  const asked = await askFor(broker)
  return [
    granted,
    await broker.call('GET', `/v1/leases/${id}`, { token }),
    await broker.call('GET', '/v1/leases', viewer),
    await broker.call('GET', `/v1/approvals/${asked.approval}`, viewer),
    await approve(broker, asked),
    await broker.call('POST', `/v1/leases/${asked.lease}/credentials`, {
      token: asked.token,
      body: { grant: 'refunds-api' },
    }),
    await broker.call('POST', `/v1/leases/${id}/complete`, { token, body: { outcome: 'success' } }),
    await broker.call('GET', '/v1/audit/approved', viewer),
    await broker.call('GET', '/v1/audit/checkpoint', viewer),
    await broker.call('GET', '/v1/agents', viewer),
    await broker.call('GET', '/v1/whoami', viewer),
    await broker.call('POST', '/oauth/introspect', {
      ...viewer,
      body: 'token=x',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    }),
    await broker.call('GET', '/readyz'),
    await broker.call('GET', '/metrics'),
    await broker.request({ surprise: true }),
    await broker.call('GET', '/v1/whoami'),
    await broker.call('GET', '/v1/leases', { token }),
    await broker.call('GET', '/v1/leases/x', viewer),
    await broker.call('GET', '/nowhere'),
    await broker.call('DELETE', '/v1/leases'),
    await approve(broker, asked),
    await broker.request({ context: { much: 'x'.repeat(70_000) } }),
  ]
}

describe('every answer', () => {
  it('is kept by nobody, carries its name, and tells browsers to do nothing with it', async () => {
    await using broker = await startTestBroker()
    const answers = await answersOf(broker)
    const statuses = new Set(answers.map(({ status }) => status))
    expect([...statuses].toSorted()).to.deep.equal([200, 201, 400, 401, 403, 404, 405, 409, 413])
    const names = answers.map(({ headers }) => headers.get('request-id'))
    expect(new Set(names).size, 'no two have the same name').to.equal(answers.length)
    for (const { status, headers, body } of answers) {
      expect(headers.get('cache-control'), `${status}`).to.equal('no-store')
      expect(headers.get('request-id')).to.match(UUID)
      if (typeof body.type === 'string' && body.type.startsWith('urn:'))
        expect(body.instance).to.equal(headers.get('request-id'))
      expect(headers.get('content-security-policy')).to.match(/^default-src 'none'/)
      expect(headers.get('x-content-type-options')).to.equal('nosniff')
      expect(headers.get('x-frame-options')).to.be.oneOf(['DENY', 'SAMEORIGIN'])
      expect(headers.get('referrer-policy')).to.equal('no-referrer')
      expect(headers.get('strict-transport-security')).to.match(/^max-age=\d{7,}/)
      expect(headers.get('cross-origin-resource-policy')).to.equal('same-origin')
      for (const name of ['x-powered-by', 'server', 'etag', 'set-cookie', 'access-control-allow-origin'])
        expect(headers.has(name), name).to.equal(false)
    }
  })

  it('without secret or state may be kept for a while: keys and metadata', async () => {
    await using broker = await startTestBroker()
    for (const name of ['jwks.json', 'oauth-authorization-server', 'openid-configuration']) {
      const { headers } = await broker.call('GET', `/.well-known/${name}`)
      expect(headers.get('cache-control'), name).to.match(/^public, max-age=\d+$/)
      expect(headers.get('content-security-policy'), name).to.match(/^default-src 'none'/)
    }
  })

  it('to HEAD is that to GET without its body', async () => {
    await using broker = await startTestBroker()
    const viewer = { token: broker.operator('viewer') }
    for (const path of ['/livez', '/v1/leases', '/nowhere']) {
      const [get, head] = [await broker.call('GET', path, viewer), await fetchHead(broker, path)]
      expect(head.status, path).to.equal(get.status)
      expect(head.headers.get('content-type'), path).to.equal(get.headers.get('content-type'))
      expect(await head.text(), path).to.equal('')
    }
  })
})

const fetchHead = (broker: TestBroker, path: string): Promise<Response> =>
  fetch(broker.url + path, { method: 'HEAD', headers: { authorization: `Bearer ${broker.operator('viewer')}` } })

describe('a request on its way in', () => {
  interface Started {
    readonly request: IncomingMessage
    readonly server: Server
  }

  /** The prototype of the next request as it arrives and after it was answered, and that which Express wants. */
  async function prototypesOf(ask: () => Promise<unknown>) {
    let seen: { readonly before: unknown; readonly request: IncomingMessage; readonly wanted: unknown } | undefined
    const onStart = (message: unknown): void => {
      const { request, server } = message as Started
      const [app] = server.listeners('request') as unknown as readonly express.Express[]
      seen = { before: Object.getPrototypeOf(request), request, wanted: app?.request }
    }
    diagnostics.subscribe('http.server.request.start', onStart)
    await ask().finally(() => diagnostics.unsubscribe('http.server.request.start', onStart))
    return { before: seen?.before, after: Object.getPrototypeOf(seen?.request), wanted: seen?.wanted }
  }

  it('has the prototype that Express wants from the start, so that Express never sets it', async () => {
    await using broker = await startTestBroker()
    const { before, after, wanted } = await prototypesOf(() => broker.call('GET', '/livez'))
    expect(wanted).to.be.an('object')
    expect(before === wanted, 'before Express has seen it').to.equal(true)
    expect(after === wanted, 'and still').to.equal(true)
    expect(wanted instanceof IncomingMessage).to.equal(true)
  })

  it('would have it set by a stock Express', async () => {
    const app = express().get('/livez', (_req, res) => void res.send('alive'))
    const server = createServer(app).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as { readonly port: number }
    const { before, after, wanted } = await prototypesOf(() => fetch(`http://127.0.0.1:${port}/livez`))
    server.close()
    server.closeAllConnections()
    expect(before === wanted).to.equal(false)
    expect(after === wanted).to.equal(true)
  })
})
