import { expect } from 'chai'

import { approve } from '../support/approvals.ts'
import { brokenAt, readAudit, STREAMS } from '../support/audit.ts'
import { later } from '../support/later.ts'
import { startUpstreamBroker, WAREHOUSE } from '../support/upstream-broker.ts'

const LEASE = ['access', 'intent', 'task', 'tools', 'ttl']
const ENDED = ['id', 'outcome', 'reason']
const MARK = ['reason', 'scope']

/** What a record of each kind says, by the members of its subject, and the stream that it stands in. */
const KINDS: Readonly<Record<string, readonly [stream: (typeof STREAMS)[number], members: readonly string[]]>> = {
  'lease.granted': ['approved', LEASE],
  'credential.minted': ['approved', ENDED],
  'approval.approved': ['approved', ENDED],
  'lease.denied': ['denied', LEASE],
  'lease.asked': ['denied', LEASE],
  'operator.refused': ['denied', ENDED],
  'credential.intended': ['operations', ENDED],
  'lease.renewed': ['operations', LEASE],
  'lease.closed': ['operations', ENDED],
  'credential.closed': ['operations', ENDED],
  'freeze.set': ['operations', MARK],
  'freeze.lifted': ['operations', MARK],
  'mark.revoked': ['operations', MARK],
  'mark.restored': ['operations', MARK],
  'clock.accepted': ['operations', ENDED],
}

describe('the records of the ledger', () => {
  it('are each in their stream, with the members that the contract names, in whole chains', async () => {
    await using broker = await startUpstreamBroker()
    const ops = { token: broker.operator('operator') }
    const post = (path: string, call: object) => broker.call('POST', path, call)
    const { body: lease } = await broker.request({ access: [WAREHOUSE, { grant: 'refunds-api' }] })
    await post(`/v1/leases/${lease.id}/renew`, { token: lease.token, body: { ttl: 600 } })
    const { body: frozen } = await post('/v1/freeze', { ...ops, body: { scope: { all: true }, reason: 'Odd' } })
    await broker.request({ task: 'run-2' })
    await post('/v1/unfreeze', { ...ops, body: { id: frozen.id, reason: 'Fine' } })
    await post('/v1/tasks/run-1/revoke', { ...ops, body: { reason: 'Enough' } })
    await post('/v1/tasks/run-1/restore', { ...ops, body: { reason: 'Fine' } })
    const { body: asked } = await broker.request()
    await approve(broker, { approval: asked.approval.id, digest: asked.approval.digest })
    await post('/v1/clock/accept', ops)
    await post('/v1/clock/accept', { token: broker.operator('admin') })
    await later(broker, 700)

    const seen = new Set<string>()
    for (const stream of STREAMS) {
      const records = await readAudit(broker, stream)
      expect(brokenAt(records), stream).to.equal(undefined)
      for (const { kind, subject, stream: named } of records) {
        const [expected, members] = KINDS[kind] ?? []
        if (expected === undefined) continue
        seen.add(kind)
        expect([stream, named], kind).to.deep.equal([expected, expected])
        expect(Object.keys(subject).toSorted(), kind).to.deep.equal(members)
      }
    }
    expect([...seen].toSorted()).to.deep.equal(Object.keys(KINDS).toSorted())
    const everything = JSON.stringify(await Promise.all(STREAMS.map((stream) => readAudit(broker, stream))))
    for (const canary of broker.upstream.canaries()) expect(everything).to.not.include(canary)
  })
})
