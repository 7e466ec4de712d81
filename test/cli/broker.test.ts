import { expect } from 'chai'

import { scriptedServer } from '../client/support/scripted-server.ts'
import { startTestBroker, type TestBroker } from '../support/broker.ts'
import { mayfly } from './support/mayfly.ts'

describe('mayfly whoami, health and agent', () => {
  let broker: TestBroker
  before(async () => {
    broker = await startTestBroker()
  })
  after(() => broker[Symbol.asyncDispose]())

  const env = (token: string) => ({ MAYFLY_URL: broker.url, MAYFLY_TOKEN: token })
  const asViewer = () => ({ env: env(broker.operator('viewer')) })

  it('tell every kind of caller who it is', async () => {
    const { body: lease } = await broker.request()
    const says = async (token: string) => (await mayfly(['whoami'], { env: env(token) })).stdout.replace(/ +/g, ' ')
    const first = `broker ${broker.url}\nyou are `
    expect(await says(broker.operator('viewer'))).to.equal(`${first}operator vic@example.com\nrole viewer\n`)
    expect(await says(broker.identity())).to.equal(`${first}agent support-bot\nproven by test\nsubject support-bot\n`)
    expect(await says(lease.token)).to.equal(`${first}lease ${lease.id}\nagent support-bot\n`)
    expect(await says(broker.pep)).to.equal(
      `${first}enforcement point refunds-server\naudiences https://refunds.test\ntools refunds.*\n`,
    )
  })

  it('say whether the broker can grant, without a token', async () => {
    const ready = await mayfly(['health'], { env: { MAYFLY_URL: broker.url } })
    expect([ready.code, ready.stdout, ready.stderr]).to.deep.equal([0, 'ready\n', ''])
    const body = { ready: false, reasons: ['The broker is starting'] }
    await using starting = await scriptedServer((_req, res) => void res.writeHead(503).end(JSON.stringify(body)))
    const not = await mayfly(['health', '--json'], { env: { MAYFLY_URL: starting.url } })
    expect(not.code).to.equal(75)
    expect(not.json).to.deep.equal(body)
    expect(not.stderr).to.match(/^The broker is not ready\.\n {2}The broker is starting\n/)
  })

  it('list the configured agents, and show what one may ask for', async () => {
    const list = await mayfly(['agent', 'list'], asViewer())
    expect(list.stdout.replace(/ +/g, ' ')).to.match(
      /^ID OWNER TRUST GRANTS TOOLS OPEN LEASES\nother-bot otto@example\.com low 2 3 0\nsupport-bot dana@example\.com low 2 3 \d\n$/,
    )
    const json = await mayfly(['agent', 'list', '--json', '--limit', '1'], asViewer())
    expect(json.json.items[0].id).to.equal('other-bot')
    expect(json.json.next_cursor).to.be.a('string')
    const show = await mayfly(['agent', 'show', 'other-bot'], asViewer())
    expect(show.stdout).to.contain('grants       refunds-api\n             orders-api\n')
    expect((await mayfly(['agent', 'show', 'nobody'], asViewer())).code).to.equal(3)
    expect((await mayfly(['agent', 'show', '..'], asViewer())).code).to.equal(3)
  })

  it('use colour only where it is welcome', async () => {
    expect((await mayfly(['agent', 'list'], asViewer())).stdout).not.to.contain('\u001b')
    expect((await mayfly(['agent', 'list'], { ...asViewer(), colour: true })).stdout).to.contain('\u001b[1mID')
  })
})
