import { expect } from 'chai'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startTestBroker, type TestBroker } from '../support/broker.ts'
import { damageIndex } from '../support/damage-index.ts'

const READY = { ready: true, reasons: [] }

/** Resolves to the first answer of `/readyz` that no longer says that the database is being checked. */
async function readinessOf(broker: TestBroker) {
  for (;;) {
    const answer = await broker.call('GET', '/readyz')
    if (!answer.body.reasons.some((reason: string) => reason.includes('being checked'))) return answer
  }
}

/** As a broker leaves its folder that was killed, with a page of the database that is not what was written. */
async function leaveBehind(data: string, page: 'whole' | 'damaged'): Promise<void> {
  await writeFile(join(data, 'running'), '')
  if (page === 'damaged') damageIndex(join(data, 'mayfly.db'), 'lease_by_created')
}

describe('health', () => {
  it('is open to everyone, and never kept by anyone in between', async () => {
    await using broker = await startTestBroker()
    const live = await broker.call('GET', '/livez')
    const ready = await broker.call('GET', '/readyz')
    for (const { status, headers } of [live, ready]) {
      expect(status).to.equal(200)
      expect(headers.get('cache-control')).to.equal('no-store')
      expect(headers.get('content-type')).to.match(/^application\/json/)
    }
    expect(live.body).to.deep.equal({ alive: true })
    expect(ready.body).to.deep.equal(READY)
  })

  it('says that the broker is not ready, and why, while the sweep has missed three turns', async () => {
    await using broker = await startTestBroker()
    await broker.app.sweep()
    broker.clock.advance(60_000)
    const late = await broker.call('GET', '/readyz')
    expect(late.status).to.equal(503)
    expect(late.body).to.deep.equal({ ready: false, reasons: ['The sweep has missed three turns'] })
    const refused = await broker.request()
    expect(refused.status, 'nothing is granted meanwhile').to.equal(503)
    expect(refused.body.type).to.equal('urn:mayfly:problem:unavailable')
    expect((await broker.call('GET', '/livez')).status).to.equal(200)
    await broker.app.sweep()
    expect((await broker.call('GET', '/readyz')).body).to.deep.equal(READY)
    expect((await broker.request()).status).to.equal(201)
  })

  it('is good again after a kill that did no harm', async () => {
    await using first = await startTestBroker()
    await first.request()
    await first.app[Symbol.asyncDispose]()
    await leaveBehind(join(first.folder, 'data'), 'whole')
    await using second = await startTestBroker({ folder: first.folder })
    expect((await readinessOf(second)).body).to.deep.equal(READY)
    expect((await second.request()).status).to.equal(201)
  })

  it('shows a damaged database: alive, readable, and nothing is granted, over every restart', async () => {
    await using first = await startTestBroker()
    const { body: lease } = await first.request()
    await first.app[Symbol.asyncDispose]()
    await leaveBehind(join(first.folder, 'data'), 'damaged')
    for (const start of ['the first start', 'the next start']) {
      await using broker = await startTestBroker({ folder: first.folder })
      const { status, body } = await readinessOf(broker)
      expect(status, start).to.equal(503)
      expect(body.reasons, start).to.deep.equal(['The database is damaged: restore a backup'])
      expect((await broker.request()).status, start).to.equal(503)
      expect((await broker.call('GET', '/livez')).status, start).to.equal(200)
      const shown = await broker.call('GET', `/v1/leases/${lease.id}`, { token: lease.token })
      expect(shown.body.id, start).to.equal(lease.id)
    }
  })
})
