import { expect } from 'chai'

import { readAudit, recordsOf } from '../support/audit.ts'
import { startClockedBroker } from '../support/clocked-broker.ts'
import { expectProblem } from '../support/expect-problem.ts'

const HOUR_MS = 3600_000

describe('accepting the clock', () => {
  for (const [way, jumpMs] of [
    ['ahead', HOUR_MS],
    ['back', -HOUR_MS],
  ] as const) {
    it(`that was set ${way} lets the broker grant again, and says which time is believed from now on`, async () => {
      await using broker = await startClockedBroker()
      expect((await broker.request()).status, 'the control').to.equal(201)
      broker.clocks.jump(jumpMs)
      await broker.pass(1000)
      const ready = await broker.call('GET', '/readyz')
      expect(ready.status).to.equal(503)
      expect(ready.body.reasons).to.have.length(1)
      expect(ready.body.reasons[0]).to.match(/^The clock is (ahead of|behind) the time that is believed/)
      expectProblem(await broker.request({ task: 'run-2' }), 'unavailable')

      const accepted = await broker.call('POST', '/v1/clock/accept', { token: broker.operator('admin') })
      expect(accepted.status).to.equal(200)
      expect(accepted.body).to.deep.equal({ time: new Date(broker.clocks.wall()).toISOString() })
      expect((await broker.call('GET', '/readyz')).body).to.deep.equal({ ready: true, reasons: [] })
      expect((await broker.request({ task: 'run-2' })).status).to.equal(201)
    })
  }

  it('closes what is due by the time that was accepted, and not before', async () => {
    await using broker = await startClockedBroker()
    const { body: lease } = await broker.request()
    const read = () => broker.call('GET', `/v1/leases/${lease.id}`, { token: broker.operator('viewer') })
    broker.clocks.jump(HOUR_MS)
    await broker.pass(1000)
    expect((await read()).body.state).to.equal('active')
    await broker.call('POST', '/v1/clock/accept', { token: broker.operator('admin') })
    await broker.app.sweep()
    expect((await read()).body).to.include({ state: 'closed', outcome: 'expired' })
  })

  it('that is good changes nothing, and is on record with who did it', async () => {
    await using broker = await startClockedBroker()
    const { body: lease } = await broker.request()
    const { status, headers } = await broker.call('POST', '/v1/clock/accept', { token: broker.operator('admin') })
    expect(status).to.equal(200)
    await broker.app.sweep()
    const read = await broker.call('GET', `/v1/leases/${lease.id}`, { token: lease.token })
    expect(read.body.state).to.equal('active')
    const [record] = recordsOf(await readAudit(broker, 'operations'), 'clock.accepted')
    expect(record).to.deep.include({
      ...{ actor: { type: 'operator', id: 'ada@example.com' }, request_id: headers.get('request-id') },
      ...{ agent: null, lease: null },
    })
    expect(record?.subject).to.have.all.keys('id', 'outcome', 'reason')
    expect(record?.subject).to.include({ id: 'clock', outcome: 'accepted' })
  })

  it('takes no body', async () => {
    await using broker = await startClockedBroker()
    const call = { token: broker.operator('admin'), body: { time: 'now' } }
    expectProblem(await broker.call('POST', '/v1/clock/accept', call), 'invalid-request')
  })
})
