import { expect } from 'chai'
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { startTestBroker, type TestBroker } from '../support/broker.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const scrape = async (broker: TestBroker): Promise<string> => (await broker.call('GET', '/metrics')).body

/** The value of one series, by its whole name with labels. */
const valueOf = (text: string, series: string): number =>
  Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`${series} `))
      ?.slice(series.length),
  )

describe('metrics', () => {
  it('are Prometheus text that says how the broker is doing', async () => {
    await using broker = await startTestBroker()
    const { body: lease } = await broker.request()
    await broker.request({ task: 'run-2' })
    const { status, headers, body: text } = await broker.call('GET', '/metrics')
    expect(status).to.equal(200)
    expect(headers.get('content-type')).to.match(/^text\/plain.*version=/)
    expect(headers.get('cache-control')).to.equal('no-store')
    expect(valueOf(text, 'mayfly_leases_live')).to.equal(2)
    expect(valueOf(text, 'mayfly_ready')).to.equal(1)
    expect(valueOf(text, 'mayfly_store_commits_total')).to.equal(broker.app.commits())
    expect(valueOf(text, 'mayfly_sweep_lag_seconds')).to.be.within(0, 60)
    const granted = 'mayfly_http_request_seconds_count{method="POST",route="/v1/leases",status="201"}'
    expect(valueOf(text, granted)).to.equal(2)

    const end = { token: lease.token, body: { outcome: 'success' } }
    await broker.call('POST', `/v1/leases/${lease.id}/complete`, end)
    broker.clock.advance(60_000)
    const later = await scrape(broker)
    expect(valueOf(later, 'mayfly_leases_live')).to.equal(1)
    expect(valueOf(later, 'mayfly_ready'), 'the sweep is late').to.equal(0)
  })

  it('never name an agent, a task, a lease or anything else that a caller chooses', async () => {
    await using broker = await startTestBroker()
    const { body: lease } = await broker.request({ task: 'my-very-own-task' })
    await broker.call('GET', `/v1/leases/${lease.id}`, { token: lease.token })
    for (let path = 0; path < 50; path += 1) await broker.call('GET', `/made-up-${path}`)
    await broker.call('GET', '/v1/agents/made-up', { token: broker.operator('viewer') })
    await broker.call('PROPFIND', '/v1/leases')
    const text = await scrape(broker)
    for (const name of ['support-bot', 'dana', 'my-very-own-task', 'lse_', 'mfl_', 'made-up', 'refunds'])
      expect(text).to.not.include(name)
    const routes = new Set([...text.matchAll(/route="([^"]*)"/g)].map(([, route]) => route))
    expect([...routes]).to.have.members(['/v1/leases', '/v1/leases/:lease', '/v1/agents/:agent', 'none'])
    const labels = new Set([...text.matchAll(/[{,](\w+)="/g)].map(([, label]) => label))
    const known = [
      'method',
      'route',
      'status',
      'le',
      'type',
      'space',
      'kind',
      'version',
      'major',
      'minor',
      'patch',
      'provider',
    ]
    expect([...labels].filter((label) => !known.includes(label ?? ''))).to.deep.equal([])
  })

  it('are for viewers where the broker listens beyond loopback', async () => {
    await using folder = await temporaryFolder()
    await writeFile(folder.at('seal.key'), randomBytes(32).toString('base64'), { mode: 0o600 })
    const server = {
      listen: '0.0.0.0:0',
      data_dir: './data',
      public_url: 'https://mayfly.test',
      dangerously_listen_without_tls: true,
    }
    await using broker = await startTestBroker({
      folder: folder.path,
      configure: (settings) => ({ ...settings, server, keys: { seal_key_file: './seal.key' } }),
    })
    expect((await broker.call('GET', '/metrics')).status).to.equal(401)
    expect((await broker.call('GET', '/metrics', { token: broker.pep })).status).to.equal(403)
    const { status, body } = await broker.call('GET', '/metrics', { token: broker.operator('viewer') })
    expect(status).to.equal(200)
    expect(valueOf(body, 'mayfly_ready')).to.equal(1)
  })
})
