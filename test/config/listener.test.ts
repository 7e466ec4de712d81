import { expect } from 'chai'

import { startTestBroker } from '../support/broker.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { LEAST, load, loaded } from './support/configuration-files.ts'

const world = { env: { SEAL: 'x' } }
const open = { listen: '0.0.0.0:8700', public_url: 'https://mayfly.example' }
const keys = { seal_key: '${env:SEAL}' }
const messages = (server: object, more: object = { keys }): readonly string[] =>
  load({ ...LEAST, server, ...more }, world).faults.map(({ message }) => message)

describe('a listener', () => {
  for (const host of ['127.0.0.1', '127.8.9.1', 'localhost', '[::1]']) {
    it(`on ${host} needs nothing more`, () => {
      expect(messages({ listen: `${host}:0` }, {})).to.deep.equal([])
    })
  }

  for (const host of ['0.0.0.0', '[::]', '10.0.0.1', 'mayfly.internal', '127.0.0.1.example.com']) {
    it(`on ${host} is refused without TLS`, () => {
      const bare = host.replace(/[[\]]/g, '')
      expect(messages({ ...open, listen: `${host}:8700` })).to.deep.equal([
        `${bare} is not loopback, and this listener has no TLS`,
      ])
    })
  }

  it('off loopback is accepted behind a trusted proxy, or where the danger is spelt out', () => {
    expect(messages({ ...open, trusted_proxies: ['10.0.0.0/8', 'loopback', '::1'] })).to.deep.equal([])
    expect(messages({ ...open, dangerously_listen_without_tls: true })).to.deep.equal([])
    expect(messages({ ...open, dangerously_listen_without_tls: false })).to.have.length(1)
  })

  it('off loopback must say its public address, and keep its seal key elsewhere', () => {
    const server = { listen: '0.0.0.0:8700', dangerously_listen_without_tls: true }
    expect(messages(server, {})).to.deep.equal([
      '0.0.0.0 is not loopback, and server.public_url is missing',
      '0.0.0.0 is not loopback, and the seal key would lie beside the data that it seals',
    ])
  })

  it('has a public address of https, or of loopback', () => {
    expect(messages({ public_url: 'http://mayfly.example' })).to.deep.equal(['server.public_url is http:'])
    expect(messages({ public_url: 'http://localhost:8700' })).to.deep.equal([])
  })

  it('has host and port apart, and its public address without a slash at the end', () => {
    const { server } = loaded({ ...LEAST, server: { listen: '[::1]:81', public_url: 'https://mayfly.example/x/' } })
    expect(server).to.include({ host: '::1', port: 81, publicUrl: 'https://mayfly.example/x' })
  })

  it('that the command line names meets the same conditions', async () => {
    await using folder = await temporaryFolder()
    const start = () => startTestBroker({ folder: folder.path, app: { listen: { host: '0.0.0.0', port: 0 } } })
    const refused: unknown = await start().then(
      () => undefined,
      (error: unknown) => error,
    )
    expect(refused).to.be.instanceOf(Error).with.property('name', 'StartRefused')
    expect(String(refused)).to.match(/has no TLS.*public_url is missing.*the seal key would lie beside/)
  })
})
