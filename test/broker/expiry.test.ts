import { expect } from 'chai'
import type { SqliteStore } from '../../src/store/sqlite/open-store.ts'
import { readLease } from '../support/approvals.ts'
import { startTestBroker } from '../support/broker.ts'
import { sampleCredential, sampleLease } from '../support/sample-rows.ts'

/** Once a year: a test that sweeps by hand sweeps alone. */
const seldom = (settings: object) => ({ ...settings, sweep: { every: '0 0 0 1 1 *' } })

describe('the end of a lease that nobody ends', () => {
  it('comes by itself: a lease of 5 s is closed as expired within 10 s of its end', async function () {
    this.timeout(20_000)
    await using broker = await startTestBroker()
    const { body: lease } = await broker.request({ ttl: 5 })
    const end = Date.parse(lease.expires_at)
    expect(end - Date.parse(lease.created_at)).to.equal(5000)
    // Its last moment; from here on nobody sweeps by hand, and the clock is the real one.
    broker.clock.advance(end - 100 - broker.clock.now())
    expect((await readLease(broker, { lease: lease.id })).body.state).to.equal('active')
    const path = `/v1/leases/${lease.id}?wait=12&state=active`
    const { body } = await broker.call('GET', path, { token: lease.token })
    expect(body).to.include({ state: 'closed', outcome: 'expired' })
    expect(Date.parse(body.closed_at)).to.be.within(end, end + 10_000)
    expect(body.credentials[0]).to.include({ state: 'closed', outcome: 'expired' })
  })

  it('is the same for a thousand at once, in batches, and leaves alone what is not due', async () => {
    let ledger: SqliteStore | undefined
    const store = (opened: SqliteStore): SqliteStore => (ledger = opened)
    await using broker = await startTestBroker({ configure: seldom, app: { decorate: { store } } })
    const due = Array.from({ length: 1100 }, () => sampleLease({ agent: 'other-bot', expiresAt: broker.clock.now() }))
    await ledger?.commit((tx) => {
      for (const lease of due) {
        tx.insertLease(lease)
        tx.insertCredential(sampleCredential(lease))
      }
    })
    const { body: later } = await broker.request()
    const live = async (): Promise<string> => (await broker.call('GET', '/metrics')).body
    expect(await live()).to.match(/^mayfly_leases_live 1101$/m)
    const before = broker.app.commits()
    await broker.app.sweep()
    expect(broker.app.commits() - before, 'many ends share a commit').to.be.at.most(due.length / 20)
    expect(await live()).to.match(/^mayfly_leases_live 1$/m)
    expect((await readLease(broker, { lease: later.id })).body.state).to.equal('active')
    for (const lease of [due[0], due.at(-1)]) {
      const { body } = await readLease(broker, { lease: lease?.id ?? '' })
      expect(body).to.include({ state: 'closed', outcome: 'expired' })
      expect(body.credentials[0]).to.include({ state: 'closed', outcome: 'expired' })
    }
  })

  it('of one that cannot be closed stops no other', async () => {
    let ledger: SqliteStore | undefined
    const poison = sampleLease({ expiresAt: 1 })
    const store = (opened: SqliteStore): SqliteStore => {
      ledger = {
        ...opened,
        commit: (step) =>
          opened.commit((tx) =>
            step({
              ...tx,
              moveLease: (from, change) => {
                if (from.id === poison.id) throw new Error('a row that throws')
                return tx.moveLease(from, change)
              },
            }),
          ),
      }
      return ledger
    }
    await using broker = await startTestBroker({ configure: seldom, app: { decorate: { store } } })
    const others = Array.from({ length: 20 }, (_, at) => sampleLease({ expiresAt: at < 10 ? 0 : 2 }))
    await ledger?.commit((tx) => {
      for (const lease of [poison, ...others]) tx.insertLease(lease)
    })
    await broker.app.sweep()
    for (const lease of others)
      expect((await readLease(broker, { lease: lease.id })).body.state, lease.id).to.equal('closed')
    expect((await readLease(broker, { lease: poison.id })).body.state).to.equal('active')
    expect((await broker.call('GET', '/readyz')).status, 'and the sweep goes on').to.equal(200)
  })
})
