import { expect } from 'chai'

import { approve } from '../support/approvals.ts'
import { startTestBroker, type TestBroker } from '../support/broker.ts'
import { later } from '../support/later.ts'
import { scriptedUpstream } from '../support/scripted-upstream.ts'
import { startUpstreamBroker, WAREHOUSE, type UpstreamBroker } from '../support/upstream-broker.ts'

/** The value of one series, by its whole name with labels; undefined where there is none. */
async function valueOf(broker: TestBroker, series: string): Promise<number | undefined> {
  const { body } = await broker.call('GET', '/metrics')
  const line = (body as string).split('\n').find((each) => each.startsWith(`${series} `))
  return line === undefined ? undefined : Number(line.slice(series.length))
}

const OLDEST = 'mayfly_revocation_oldest_seconds'
const LAG = 'mayfly_sweep_lag_seconds'
const active = (provider: string): string => `mayfly_leases_active{provider="${provider}"}`
const failed = (provider: string): string => `mayfly_revocations_failed_total{provider="${provider}"}`

const granted = async (broker: UpstreamBroker, over: object = {}) =>
  (await broker.request({ access: [WAREHOUSE], ...over })).body as { id: string; token: string }
const complete = (broker: TestBroker, { id, token }: { id: string; token: string }) =>
  broker.call('POST', `/v1/leases/${id}/complete`, { token, body: { outcome: 'success' } })

describe('mayfly_leases_active', () => {
  it('counts what is active, by provider, and not what is pending or being taken back', async () => {
    await using broker = await startUpstreamBroker()
    expect(await valueOf(broker, active('up'))).to.equal(undefined)
    const lease = await granted(broker, { access: [WAREHOUSE, { grant: 'refunds-api' }] })
    await granted(broker, { access: [{ grant: 'refunds-api' }] })
    const intent = { goal: 'x', purpose: 'ask', autonomy: 'supervised', origin: 'user' }
    const { body: pending } = await broker.request({ intent })
    expect([await valueOf(broker, active('up')), await valueOf(broker, active('tokens'))]).to.deep.equal([1, 2])
    broker.upstream.script({ revoke: 'unreachable' })
    await complete(broker, lease)
    expect([await valueOf(broker, active('up')), await valueOf(broker, active('tokens'))]).to.deep.equal([undefined, 1])
    await approve(broker, { approval: pending.approval.id, digest: pending.approval.digest })
    expect(await valueOf(broker, active('tokens')), 'nothing is minted yet').to.equal(1)
  })

  it('is right after a restart', async () => {
    await using first = await startTestBroker()
    await first.request()
    await first.app[Symbol.asyncDispose]()
    await using second = await startTestBroker({ folder: first.folder })
    expect(await valueOf(second, active('tokens'))).to.equal(1)
  })
})

describe('mayfly_revocation_oldest_seconds', () => {
  for (const revoke of ['unreachable', 'permanent', 'unknown', 'throttled'] as const) {
    it(`grows from the end of the lease while the upstream is ${revoke}, and falls when it is done`, async () => {
      await using broker = await startUpstreamBroker()
      expect(await valueOf(broker, OLDEST)).to.equal(0)
      broker.upstream.script({ revoke })
      await complete(broker, await granted(broker))
      await later(broker, 120)
      await complete(broker, await granted(broker, { task: 'run-2' }))
      await later(broker, 60)
      expect(await valueOf(broker, OLDEST)).to.be.within(178, 185)
      broker.upstream.script({ revoke: 'ok' })
      await later(broker, 4000)
      await later(broker, 60)
      expect(broker.upstream.live()).to.deep.equal([])
      expect(await valueOf(broker, OLDEST)).to.equal(0)
    })
  }

  it('does not count what the upstream has confirmed and only spreads, nor what only ends by itself', async () => {
    for (const revoke of ['propagating', 'at_expiry'] as const) {
      await using broker = await startUpstreamBroker({ upstreams: [scriptedUpstream({ propagationMs: 600_000 })] })
      broker.upstream.script({ revoke })
      await complete(broker, await granted(broker, { ttl: 900 }))
      await later(broker, 120)
      expect(broker.upstream.live(), 'it is still alive').to.have.length(1)
      expect(await valueOf(broker, OLDEST), revoke).to.equal(0)
    }
  })
})

describe('mayfly_revocations_failed_total', () => {
  it('counts, by provider, answers that were neither a confirmation nor an outage', async () => {
    await using broker = await startUpstreamBroker({
      upstreams: [scriptedUpstream(), scriptedUpstream({ name: 'other' })],
    })
    for (const [revoke, count] of [
      ['ok', undefined],
      ['gone', undefined],
      ['unreachable', undefined],
      ['permanent', 1],
      ['unknown', 2],
      ['throws', 3],
    ] as const) {
      broker.upstream.script({ revoke })
      await complete(broker, await granted(broker))
      await broker.app.sweep()
      expect(await valueOf(broker, failed('up')), revoke).to.equal(count)
      broker.upstream.script({ revoke: 'ok' })
      // Past the next probe of a target that was away; what is stuck is not due for an hour.
      await later(broker, 20)
    }
    expect(await valueOf(broker, failed('other'))).to.equal(undefined)
  })
})

describe('mayfly_sweep_lag_seconds', () => {
  it('grows from the last sweep that finished', async () => {
    await using broker = await startTestBroker()
    await broker.app.sweep()
    expect(await valueOf(broker, LAG)).to.be.within(0, 5)
    broker.clock.advance(600_000)
    expect(await valueOf(broker, LAG)).to.be.within(599, 606)
    await broker.app.sweep()
    expect(await valueOf(broker, LAG)).to.be.within(0, 5)
  })
})
