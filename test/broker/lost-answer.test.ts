import { expect } from 'chai'
import type { Provider } from '../../src/broker/ports.ts'
import { expectProblem } from '../support/expect-problem.ts'
import { readLedger } from '../support/ledger-file.ts'
import { scriptedUpstream, type MintScript, type ScriptedUpstream } from '../support/scripted-upstream.ts'
import { grantOf, orphans, startUpstreamBroker, WAREHOUSE, type UpstreamBroker } from '../support/upstream-broker.ts'
import { remoteUpstream, serveUpstream } from '../support/upstream-server.ts'

/** An upstream over real HTTP, where an answer is lost as answers are: the connection breaks. */
async function overHttp(
  life: AsyncDisposableStack,
  options: Parameters<typeof scriptedUpstream>[0] = {},
): Promise<ScriptedUpstream> {
  // It does not end its credentials with their leases: what nobody takes back lives on.
  const upstream = scriptedUpstream({ leastLifeMs: 3_600_000, ...options })
  return { ...upstream, provider: remoteUpstream(life.use(await serveUpstream(upstream))) }
}

const rows = ({ folder }: UpstreamBroker) => {
  const { leases, credentials } = readLedger(folder)
  return {
    leases: [...leases.values()].map(({ state, outcome }) => `${state} ${outcome}`),
    credentials: [...credentials.values()].map(({ state, outcome }) => `${state} ${outcome}`),
  }
}

describe('a mint whose answer is lost', function () {
  this.timeout(20_000)

  for (const mint of ['lost', 'silent', 'unknown'] satisfies readonly MintScript[]) {
    it(`counts as minted, and is taken back by the handle that was chosen before: ${mint}`, async () => {
      await using life = new AsyncDisposableStack()
      const upstream = await overHttp(life, { timeoutMs: 300 })
      await using broker = await startUpstreamBroker({ upstreams: [upstream] })
      upstream.script({ mint, revoke: 'held' })
      const answer = await broker.request({ access: [WAREHOUSE] })
      expectProblem(answer, 'provider-unavailable')
      await upstream.reached('revoke')
      expect(upstream.live(), 'it was made').to.have.length(1)
      expect(orphans(broker.folder, upstream), 'and the ledger knows of it').to.deep.equal([])
      upstream.open()
      await broker.app.sweep()
      expect(upstream.live()).to.deep.equal([])
      expect(rows(broker)).to.deep.equal({ leases: ['closed not_minted'], credentials: ['closed revoked'] })
    })
  }

  it('takes back what others have minted for the same lease', async () => {
    await using life = new AsyncDisposableStack()
    const [one, two] = [await overHttp(life, { name: 'one' }), await overHttp(life, { name: 'two' })]
    await using broker = await startUpstreamBroker({ upstreams: [one, two] })
    two.script({ mint: 'lost' })
    const access = [one, two].map((upstream) => ({ grant: grantOf(upstream).name, actions: ['read'] }))
    expectProblem(await broker.request({ access }), 'provider-unavailable')
    expect([one.mints.size, two.mints.size]).to.deep.equal([1, 1])
    await broker.app.sweep()
    expect([...one.live(), ...two.live()]).to.deep.equal([])
    expect(rows(broker).leases).to.deep.equal(['closed not_minted'])
  })

  it('of a second credential leaves the lease its first', async () => {
    await using life = new AsyncDisposableStack()
    const upstream = await overHttp(life)
    await using broker = await startUpstreamBroker({ upstreams: [upstream] })
    const { body: lease } = await broker.request({ access: [WAREHOUSE] })
    broker.clock.advance(250_000)
    await broker.app.sweep()
    const first = upstream.live()
    upstream.script({ mint: 'lost' })
    const call = { token: lease.token, body: { grant: WAREHOUSE.grant } }
    expectProblem(await broker.call('POST', `/v1/leases/${lease.id}/credentials`, call), 'provider-unavailable')
    await broker.app.sweep()
    expect(upstream.live()).to.deep.equal(first).and.to.have.length(1)
    expect(rows(broker).leases).to.deep.equal(['active null'])
  })

  it('would live on if only what was recorded of it could be taken back (a control)', async () => {
    await using life = new AsyncDisposableStack()
    const upstream = await overHttp(life)
    const forgetsHandles = (provider: Provider): Provider => {
      if (provider.kind !== 'upstream') return provider
      const revoke: typeof provider.revoke = (what, signal) =>
        what.recorded === null ? Promise.resolve({ class: 'gone' }) : provider.revoke(what, signal)
      return { ...provider, revoke }
    }
    await using broker = await startUpstreamBroker({
      upstreams: [upstream],
      app: { decorate: { provider: forgetsHandles } },
    })
    upstream.script({ mint: 'lost' })
    expectProblem(await broker.request({ access: [WAREHOUSE] }), 'provider-unavailable')
    await broker.app.sweep()
    expect(orphans(broker.folder, upstream)).to.deep.equal(upstream.live()).and.to.have.length(1)
  })
})
