import { expect } from 'chai'
import { once } from 'node:events'
import { gzipSync } from 'node:zlib'
import { fetchJson, MAX_DOCUMENT_BYTES } from '../../src/identity/fetch-json.ts'
import { hurriedTimeouts } from './support/hurried-timeouts.ts'
import { bytes, held, json, redirect, startKeyServer, type Answer } from './support/key-server.ts'

/** A JSON document of exactly so many bytes. */
const documentOf = (size: number): Buffer => Buffer.from(`"${'x'.repeat(size - 2)}"`)

async function errorOf(answer: Answer): Promise<string> {
  await using server = await startKeyServer()
  server.answers.set('/', answer)
  const read = await fetchJson(`${server.url}/`, fetch)
  return read.ok ? 'read' : read.error
}

describe('a document of an issuer', () => {
  it('is read up to 1 MiB and not a byte further', async () => {
    expect(MAX_DOCUMENT_BYTES).to.equal(2 ** 20)
    expect(await errorOf(bytes(documentOf(MAX_DOCUMENT_BYTES)))).to.equal('read')
    expect(await errorOf(bytes(documentOf(MAX_DOCUMENT_BYTES + 1)))).to.match(/answered more than 1048576 bytes/)
  })

  it('is measured after decompression, so that a small answer is not a large document', async () => {
    const gzip = { 'content-encoding': 'gzip' }
    expect(await errorOf(bytes(gzipSync(documentOf(1000)), gzip)), 'a control').to.equal('read')
    const bomb = gzipSync(documentOf(64 * MAX_DOCUMENT_BYTES))
    expect(bomb.byteLength).to.be.lessThan(MAX_DOCUMENT_BYTES)
    expect(await errorOf(bytes(bomb, gzip))).to.match(/answered more than 1048576 bytes/)
  })

  it('that never ends is cut off, and its connection closed', async () => {
    await using server = await startKeyServer()
    let closed: Promise<unknown> | undefined
    server.answers.set('/', (response) => {
      closed = once(response, 'close')
      const chunk = Buffer.alloc(64 * 1024, 32)
      const pour = (): void => {
        if (!response.destroyed) response.write(chunk, () => setImmediate(pour))
      }
      pour()
    })
    const read = await fetchJson(`${server.url}/`, fetch)
    expect(!read.ok && read.error).to.match(/answered more than 1048576 bytes/)
    await closed
  })

  const slow: readonly (readonly [string, () => Answer])[] = [
    ['whose answer never begins', () => held().answer],
    ['whose body never comes', () => (response) => response.writeHead(200).flushHeaders()],
    [
      'whose body drips',
      () => (response) => {
        const drip = setInterval(() => response.write(' '), 20)
        response.on('close', () => clearInterval(drip))
      },
    ],
  ]
  for (const [name, answer] of slow) {
    it(`${name} is given up after five seconds`, async () => {
      using timeouts = hurriedTimeouts()
      expect(await errorOf(answer())).to.match(/could not be read: .*timeout/)
      expect(timeouts.asked).to.deep.equal([5000])
    })
  }

  it('that breaks off is not taken for a shorter one', async () => {
    const error = await errorOf((response) => {
      response.writeHead(200, { 'content-length': '100' }).write('{}')
      setImmediate(() => response.destroy())
    })
    expect(error).to.match(/could not be read/)
  })

  it('that is not UTF-8 is refused', async () => {
    expect(await errorOf(bytes(Buffer.from([0x22, 0xff, 0x22])))).to.match(/could not be read/)
  })

  for (const status of [301, 302, 303, 307, 308]) {
    it(`is not looked for elsewhere on a ${status}`, async () => {
      await using elsewhere = await startKeyServer()
      elsewhere.answers.set('/', json({}))
      expect(await errorOf(redirect(`${elsewhere.url}/`, status))).to.include(`answered ${status}, not 200; redirects`)
      expect(elsewhere.hits()).to.equal(0)
    })
  }

  it('of a machine that is not there is an error with its cause', async () => {
    const server = await startKeyServer()
    await server[Symbol.asyncDispose]()
    const read = await fetchJson(`${server.url}/`, fetch)
    expect(!read.ok && read.error).to.match(/could not be read: fetch failed, .*ECONNREFUSED/)
  })
})
