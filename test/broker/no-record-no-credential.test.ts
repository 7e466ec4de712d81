import { expect } from 'chai'
import type { AuditEntry, AuditKind } from '../../src/core/audit.ts'
import type { SqliteStore } from '../../src/store/sqlite/open-store.ts'
import { StoreUnavailable } from '../../src/store/sqlite/group-commit.ts'
import { approve, askFor, readLease } from '../support/approvals.ts'
import { readAudit, STREAMS } from '../support/audit.ts'
import { startTestBroker, type TestBroker } from '../support/broker.ts'

/** A real ledger whose audit cannot take records of one kind, once a test says so. */
function brokenAudit(fail: () => never) {
  let refused: AuditKind | null = null
  const check = ({ kind }: AuditEntry): void => {
    if (kind === refused) fail()
  }
  return {
    refuse: (kind: AuditKind | null) => void (refused = kind),
    store: (store: SqliteStore): SqliteStore => ({
      ...store,
      commit: (step) =>
        store.commit((tx) =>
          step({
            ...tx,
            append: (entry) => {
              check(entry)
              tx.append(entry)
            },
          }),
        ),
    }),
  }
}

const counts = async (broker: TestBroker): Promise<readonly number[]> =>
  Promise.all(STREAMS.map(async (stream) => (await readAudit(broker, stream)).length))
const leases = async (broker: TestBroker): Promise<readonly unknown[]> =>
  (await broker.call('GET', '/v1/leases', { token: broker.operator('viewer') })).body.items

const failures = {
  'a record that cannot be written': { status: 500, fail: () => expect.fail('the record does not fit') },
  'a store that cannot be written': {
    status: 503,
    fail: () => {
      throw new StoreUnavailable('The disk is full')
    },
  },
} as const

describe('no record, no credential', () => {
  for (const [what, { status, fail }] of Object.entries(failures)) {
    for (const kind of ['lease.granted', 'credential.minted'] as const) {
      it(`${what} (${kind}) grants nothing and stores nothing`, async () => {
        const audit = brokenAudit(fail)
        await using broker = await startTestBroker({ app: { decorate: { store: audit.store } } })
        audit.refuse(kind)
        const before = await counts(broker)
        const answer = await broker.request({}, { headers: { 'idempotency-key': 'once' } })
        expect(answer.status).to.equal(status)
        expect(answer.headers.get('content-type')).to.match(/^application\/problem\+json/)
        expect(JSON.stringify(answer.body)).to.not.match(/mfl_|eyJ|disk|fit/)
        expect(await leases(broker)).to.deep.equal([])
        expect(await counts(broker)).to.deep.equal(before)
        audit.refuse(null)
        const again = await broker.request({}, { headers: { 'idempotency-key': 'once' } })
        expect(again.status, 'nothing of the failed one was kept').to.equal(201)
      })
    }

    it(`${what} gives no further credential, and the one before it stays good`, async () => {
      const audit = brokenAudit(fail)
      await using broker = await startTestBroker({ app: { decorate: { store: audit.store } } })
      const { body: lease } = await broker.request()
      broker.clock.advance(250_000)
      await broker.app.sweep()
      const path = `/v1/leases/${lease.id}/credentials`
      const call = { token: lease.token, body: { grant: 'refunds-api' } }
      audit.refuse('credential.minted')
      const answer = await broker.call('POST', path, call)
      expect(answer.status).to.equal(status)
      expect(JSON.stringify(answer.body)).to.not.include('eyJ')
      const { body: shown } = await readLease(broker, { lease: lease.id })
      const states = shown.credentials.map(({ id, state }: { id: string; state: string }) => [id, state])
      expect(states).to.deep.equal([[lease.credentials[0].id, 'active']])
      audit.refuse(null)
      expect((await broker.call('POST', path, call)).status).to.equal(201)
    })

    it(`${what} lets no approval through`, async () => {
      const audit = brokenAudit(fail)
      await using broker = await startTestBroker({ app: { decorate: { store: audit.store } } })
      const asked = await askFor(broker)
      for (const kind of ['approval.approved', 'lease.granted'] as const) {
        audit.refuse(kind)
        expect((await approve(broker, asked)).status, kind).to.equal(status)
        expect((await readLease(broker, asked)).body.state, kind).to.equal('pending')
      }
      audit.refuse(null)
      expect((await approve(broker, asked)).status, 'it can still be answered').to.equal(200)
    })

    it(`${what} never makes an end look done that is not`, async () => {
      const audit = brokenAudit(fail)
      await using broker = await startTestBroker({ app: { decorate: { store: audit.store } } })
      const { body: lease } = await broker.request()
      audit.refuse('lease.closed')
      const path = `/v1/leases/${lease.id}/revoke`
      const call = { token: broker.operator('operator'), body: { reason: 'Enough' } }
      expect((await broker.call('POST', path, call)).status).to.equal(status)
      // It holds in this process from the moment it was asked for, and whoever asked knows to ask again.
      expect((await readLease(broker, { lease: lease.id })).body.state).to.equal('closing')
      audit.refuse(null)
      expect((await broker.call('POST', path, call)).body).to.include({ state: 'closed', outcome: 'revoked' })
    })
  }

  it('a refusal that cannot be recorded is not given as one', async () => {
    const audit = brokenAudit(failures['a store that cannot be written'].fail)
    await using broker = await startTestBroker({ app: { decorate: { store: audit.store } } })
    const intent = { goal: 'x', purpose: 'deny', autonomy: 'supervised', origin: 'user' }
    audit.refuse('lease.denied')
    expect((await broker.request({ intent })).status).to.equal(503)
    audit.refuse(null)
    expect((await broker.request({ intent })).status).to.equal(403)
  })
})
