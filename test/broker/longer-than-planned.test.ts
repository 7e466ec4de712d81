import { expect } from 'chai'
import type { UpstreamProvider } from '../../src/broker/provider-port.ts'
import { HOUR_MS, MINUTE_MS } from '../../src/core/time.ts'
import { expectProblem } from '../support/expect-problem.ts'
import { readLedger } from '../support/ledger-file.ts'
import { scriptedUpstream } from '../support/scripted-upstream.ts'
import { orphans, startUpstreamBroker, WAREHOUSE } from '../support/upstream-broker.ts'

/** Makes what lives an hour longer than it has planned, and says so of what it made. */
const tooLong = (provider: UpstreamProvider): UpstreamProvider => ({
  ...provider,
  mint: (order, plan, record, signal) =>
    provider.mint(order, { ...plan, notAfter: plan.notAfter + HOUR_MS }, record, signal),
})

describe('a credential that lives longer than was planned', () => {
  it('is not given out, and is not taken for ended at the time that was planned', async () => {
    const upstream = scriptedUpstream()
    await using broker = await startUpstreamBroker({
      upstreams: [{ ...upstream, provider: tooLong(upstream.provider) }],
    })
    upstream.script({ revoke: 'unreachable' })
    expectProblem(await broker.request({ access: [WAREHOUSE], ttl: 60 }), 'provider-unavailable')
    expect(upstream.live()).to.have.length(1)

    broker.clock.advance(10 * MINUTE_MS)
    await broker.app.sweep()
    expect(upstream.live(), 'it goes on').to.have.length(1)
    expect(orphans(broker.folder, upstream)).to.deep.equal([])

    upstream.script({ revoke: 'ok' })
    broker.clock.advance(MINUTE_MS)
    await broker.app.sweep()
    expect(upstream.live()).to.deep.equal([])
    expect([...readLedger(broker.folder).credentials.values()].map(({ state }) => state)).to.deep.equal(['closed'])
  })
})

describe('a credential whose end is no time', () => {
  for (const end of ['expiresAt', 'hardExpiresAt'] as const) {
    it(`is a failed mint, and is taken back: ${end}`, async () => {
      const upstream = scriptedUpstream()
      const mint: UpstreamProvider['mint'] = async (...order) => ({
        ...(await upstream.provider.mint(...order)),
        [end]: NaN,
      })
      const provider = { ...upstream.provider, mint }
      await using broker = await startUpstreamBroker({ upstreams: [{ ...upstream, provider }] })
      expectProblem(await broker.request({ access: [WAREHOUSE] }), 'provider-unavailable')
      await broker.app.sweep()
      expect(upstream.mints.size).to.equal(1)
      expect(upstream.live()).to.deep.equal([])
    })
  }
})
