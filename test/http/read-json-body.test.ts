import { gzipSync } from 'node:zlib'
import { expect } from 'chai'

import { ORDINARY, startTestBroker, type TestBroker } from '../support/broker.ts'
import { expectProblem } from '../support/expect-problem.ts'
import { sendRaw } from '../support/raw-http.ts'

const ordinary = JSON.stringify(ORDINARY)
/** The ordinary request with a context of this text. */
const withContext = (text: string): string => `${ordinary.slice(0, -1)},"context":${text}}`
const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)
/** Depth 5 stands around this text. */
const withEquals = (text: string): string =>
  `${ordinary.slice(0, -1)},"tools":[{"tool":"orders.get","arguments":{"id":{"equals":${text}}}}]}`
/** Exactly this many bytes, and nothing else wrong: blanks before the text are JSON too. */
const ofSize = (bytes: number): string => ' '.repeat(bytes - ordinary.length) + ordinary

describe('a request body', () => {
  let broker: TestBroker
  before(async () => (broker = await startTestBroker()))
  after(() => broker[Symbol.asyncDispose]())

  const send = (body: string | Uint8Array<ArrayBuffer> | ReadableStream, headers: Record<string, string> = {}) =>
    fetch(`${broker.url}/v1/leases`, {
      method: 'POST',
      headers: { authorization: `Bearer ${broker.identity()}`, 'content-type': 'application/json', ...headers },
      body,
      ...(body instanceof ReadableStream && { duplex: 'half' }),
    }).then(async (response) => ({
      status: response.status,
      headers: response.headers,
      body: JSON.parse(await response.text()) as unknown,
    }))

  /** What is wrong with the text, and how the refusal calls it. */
  const REFUSED: Readonly<Record<string, readonly [text: string, called: RegExp]>> = {
    'is cut off': [ordinary.slice(0, -1), /is not JSON/],
    'is two values': [`${ordinary}${ordinary}`, /is not JSON/],
    'has a comma too many': [`${ordinary.slice(0, -1)},}`, /is not JSON/],
    'has a comment': [`/* hello */${ordinary}`, /is not JSON/],
    'has single quotes': ["{'task':'run-1'}", /is not JSON/],
    'begins with a byte order mark': [`\ufeff${ordinary}`, /is not JSON/],
    'is a form': ['task=run-1', /is not JSON/],
    'is a list': [`[${ordinary}]`, /does not fit the schema/],
    'is null': ['null', /does not fit the schema/],
    'is a string': [JSON.stringify(ordinary), /does not fit the schema/],
    'has a name twice': [`${ordinary.slice(0, -1)},"task":"run-2"}`, /"task" twice/],
    'has a name twice in two spellings': [`${ordinary.slice(0, -1)},"t\\u0061sk":"run-2"}`, /"task" twice/],
    'has a name twice, deep inside': [withContext('{"a":[{"b":{"c":1,"c":1}}]}'), /"c" twice/],
    'has a member __proto__': [withContext('{"__proto__":{"admin":true}}'), /__proto__/],
    'has an escaped member __proto__': [withContext('{"__pr\\u006fto__":{"admin":true}}'), /__proto__/],
    'holds an escaped NUL': [withContext('{"a":"\\u0000"}'), /NUL/],
    'holds a bare NUL': [withContext('{"a":"\0"}'), /is not JSON/],
    'holds a NUL in a name': [withContext('{"\\u0000":1}'), /NUL/],
    'holds a lone high surrogate': [withContext('{"a":"\\ud800"}'), /lone surrogate/],
    'holds a lone low surrogate': [withContext('{"a":"x\\udc00y"}'), /lone surrogate/],
    'holds a lone surrogate in a name': [withContext('{"\\ud83d":1}'), /lone surrogate/],
    'holds a number that is not finite': [withContext('{"a":1e400}'), /not finite/],
    'holds NaN': [withContext('{"a":NaN}'), /is not JSON/],
    'holds an integer beyond 2^53-1': [withContext('{"a":9007199254740993}'), /beyond/],
    'holds an integer beyond -(2^53-1)': [withContext('{"a":-9007199254740992.0}'), /beyond/],
    'holds a number with a leading zero': [withContext('{"a":01}'), /is not JSON/],
    'is nested 33 deep': [withEquals(nested(28)), /deeper than 32/],
    'is nested 32,000 deep': [nested(32_000), /deeper than 32/],
    'is opened 12,000 times and never closed': ['{"a":'.repeat(12_000), /deeper than 32/],
  }
  for (const [how, [text, called]] of Object.entries(REFUSED)) {
    it(`that ${how} is refused`, async () => {
      expect(expectProblem(await send(text), 'invalid-request').detail).to.match(called)
    })
  }

  it('that is not UTF-8 is refused', async () => {
    const bytes = Buffer.from(withContext('{"a":"?"}'))
    bytes[bytes.indexOf('?')] = 0xff
    expect(expectProblem(await send(new Uint8Array(bytes)), 'invalid-request').detail).to.match(/not UTF-8/)
  })

  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/json; charset=utf-16', 'json']) {
    it(`sent as ${type} is refused`, async () => {
      const { detail } = expectProblem(await send(ordinary, { 'content-type': type }), 'invalid-request')
      expect(detail).to.match(/must be sent as application\/json/)
    })
  }

  it('sent without a type is refused', async () => {
    const { status, body } = await sendRaw(
      broker.url,
      `POST /v1/leases HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${broker.identity()}\r\nContent-Length: ${ordinary.length}\r\n\r\n${ordinary}`,
    )
    expect({ status, type: body.type }).to.deep.equal({ status: 400, type: 'urn:mayfly:problem:invalid-request' })
  })

  for (const encoding of ['gzip', 'br', 'deflate', 'gzip, identity']) {
    it(`compressed with ${encoding} is refused`, async () => {
      const bytes = new Uint8Array(gzipSync(ordinary))
      const { detail } = expectProblem(await send(bytes, { 'content-encoding': encoding }), 'invalid-request')
      expect(detail).to.match(/must not be compressed/)
    })
  }

  it('that is empty is refused where one is needed', async () => {
    expectProblem(await send(''), 'invalid-request')
  })

  it('is refused where none is taken, unless it is {}', async () => {
    const { status, body: lease } = await broker.request({ intent: { ...ORDINARY.intent, purpose: 'ask' } })
    expect(status).to.equal(202)
    const path = `/v1/approvals/${lease.approval.id}/cancel`
    for (const body of ['[]', '""', 'null', '{"reason":"none"}'])
      expectProblem(await broker.call('POST', path, { token: lease.token, body }), 'invalid-request')
    expect((await broker.call('POST', path, { token: lease.token, body: '{}' })).status).to.equal(200)
  })

  for (const [name, stream] of [
    ['a content length', (text: string) => text],
    ['chunks', (text: string) => new Blob([text]).stream()],
  ] as const) {
    it(`of 64 KiB with ${name} is read, and one byte more is too large`, async () => {
      expect((await send(stream(ofSize(65_536)))).status).to.equal(201)
      expectProblem(await send(stream(ofSize(65_537))), 'payload-too-large')
      expectProblem(await send(stream(ofSize(65 * 1024))), 'payload-too-large')
    })
  }

  it('that is announced as too large is refused before it is sent', async () => {
    const { status, body } = await sendRaw(
      broker.url,
      `POST /v1/leases HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${broker.identity()}\r\nContent-Length: 65537\r\n\r\n`,
    )
    expect({ status, type: body.type }).to.deep.equal({ status: 413, type: 'urn:mayfly:problem:payload-too-large' })
  })

  it('of megabytes is refused without an end of the connection in the middle of the answer', async () => {
    expectProblem(await send('x'.repeat(8_000_000)), 'payload-too-large')
    expectProblem(await send(new Blob(['x'.repeat(8_000_000)]).stream()), 'payload-too-large')
  })

  it('passes with the deepest nesting, the largest integers, pairs of surrogates and cut characters', async () => {
    expect((await send(withEquals(nested(27)))).status).to.equal(201)
    const context = '{"b":[9007199254740991,-9007199254740991,1e15],"c":"\\ud83d\\ude00","d":"😀"}'
    expect((await send(withContext(context))).status).to.equal(201)
    const bytes = Buffer.from(withContext('{"d":"😀"}'))
    const cut = bytes.indexOf('😀') + 2
    const pieces = new ReadableStream({
      start(controller) {
        controller.enqueue(bytes.subarray(0, cut))
        controller.enqueue(bytes.subarray(cut))
        controller.close()
      },
    })
    expect((await send(pieces)).status).to.equal(201)
  })

  it('passes as application/json in any case, with or without its charset', async () => {
    for (const type of ['application/json', 'Application/JSON', 'application/json; charset=utf-8'])
      expect((await send(ordinary, { 'content-type': type })).status, type).to.equal(201)
  })
})
