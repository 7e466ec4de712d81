import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'

import { onClientError } from '../../src/http/client-error.ts'
import { startTestBroker, type TestBroker } from '../support/broker.ts'
import { sendRaw, type RawAnswer } from '../support/raw-http.ts'

/** The form of every other refusal, on a connection that is then closed. */
function expectFault(answer: RawAnswer, status: number): void {
  expect(answer.status, answer.text).to.equal(status)
  expect(answer.header('content-type')).to.match(/^application\/problem\+json/)
  expect(answer.header('cache-control')).to.equal('no-store')
  expect(answer.body).to.have.all.keys('type', 'title', 'status', 'detail', 'instance')
  expect(answer.body).to.include({ type: 'urn:mayfly:problem:invalid-request', status })
}

describe('a request that is not HTTP', () => {
  let broker: TestBroker
  before(async () => (broker = await startTestBroker()))
  after(() => broker[Symbol.asyncDispose]())

  const post = (headers: string, body = '') =>
    `POST /v1/leases HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${broker.identity()}\r\n${headers}\r\n${body}`

  const FAULTS: Readonly<Record<string, readonly [status: number, bytes: () => string | Buffer]>> = {
    'is no request at all': [400, () => 'hello\r\n\r\n'],
    'is the start of TLS': [400, () => Buffer.from('16030100a5010000a10303', 'hex')],
    'is HTTP/2': [400, () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    'has no host': [400, () => 'GET /livez HTTP/1.1\r\n\r\n'],
    'has a NUL in a header': [400, () => 'GET /livez HTTP/1.1\r\nHost: x\r\nA: \0\r\n\r\n'],
    'has two lengths': [400, () => post('Content-Length: 3\r\nContent-Length: 4\r\n', 'abc')],
    'has a length and chunks': [400, () => post('Content-Length: 3\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n')],
    'has a negative length': [400, () => post('Content-Length: -3\r\n')],
    'has a length beyond every number': [400, () => post('Content-Length: 99999999999999999999\r\n')],
    'has a chunk without a size': [400, () => post('Transfer-Encoding: chunked\r\n', 'zz\r\nabc')],
    'has a header of 20 kB': [431, () => `GET /livez HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(20_000)}\r\n\r\n`],
    'has 3,000 headers': [
      431,
      () =>
        `GET /livez HTTP/1.1\r\nHost: x\r\n${Array.from({ length: 3000 }, (_, at) => `a${at}: 1\r\n`).join('')}\r\n`,
    ],
    'has an address of 20 kB': [431, () => `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`],
  }
  for (const [how, [status, bytes]] of Object.entries(FAULTS)) {
    it(`because it ${how} is answered with ${status}`, async () => {
      expectFault(await sendRaw(broker.url, bytes()), status)
    })
  }

  for (const [what, bytes] of [
    ['headers', 'GET /livez HTTP/1.1\r\nHost: x\r\n'],
    ['a body', 'POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf'],
  ] as const) {
    it(`that takes too long over ${what} is answered with 408`, async () => {
      const hasty = createServer({ headersTimeout: 20, requestTimeout: 20, connectionsCheckingInterval: 10 }, () => {
        // Nothing is answered: it waits for a request that never becomes whole.
      })
      hasty.on('clientError', onClientError).listen(0, '127.0.0.1')
      try {
        await once(hasty, 'listening')
        expectFault(await sendRaw(`http://127.0.0.1:${(hasty.address() as AddressInfo).port}`, bytes), 408)
      } finally {
        hasty.close()
      }
    })
  }

  it('harms nobody: the broker goes on serving', async () => {
    expect((await broker.call('GET', '/livez')).status).to.equal(200)
  })

  it('is told from an odd one, which is served', async () => {
    const odd = [
      'GET /livez HTTP/1.0\r\n\r\n',
      'GET /livez HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n\r\n',
      'GET http://elsewhere.test/livez HTTP/1.1\r\nHost: x\r\n\r\n',
      'GET /livez HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    ]
    for (const bytes of odd) expect((await sendRaw(broker.url, bytes)).status, bytes).to.equal(200)
  })
})
