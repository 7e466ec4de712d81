import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import type { AuditRecord } from '../../src/core/audit.ts'
import { approve, askFor, deny } from '../support/approvals.ts'
import { brokenAt, readAudit, recordsOf, STREAMS } from '../support/audit.ts'
import { startTestBroker, type TestBroker } from '../support/broker.ts'

const MEMBERS = [
  ...['seq', 'time', 'stream', 'kind', 'actor', 'agent', 'owner', 'task', 'lease', 'subject', 'decision'],
  ...['fingerprint', 'request_id', 'prev', 'hash'],
]
const KINDS = {
  approved: ['lease.granted', 'credential.minted', 'approval.approved'],
  denied: ['lease.denied', 'lease.asked', 'auth.refused', 'approval.denied', 'operator.refused'],
  operations: [
    ...['lease.closed', 'credential.closed', 'approval.expired', 'config.loaded', 'config.refused'],
    ...['key.created', 'key.retired'],
  ],
} as const
const ABOUT = { agent: 'support-bot', owner: 'dana@example.com', task: 'run-1' }
const AGENT = { type: 'agent', id: 'support-bot' }
const BROKER = { type: 'broker', id: 'mayfly' }
const HOUR_MS = 3600_000

const only = async (broker: TestBroker, stream: AuditRecord['stream'], kind: AuditRecord['kind']) =>
  recordsOf(await readAudit(broker, stream), kind)

describe('the audit', () => {
  it('keeps every kind in its stream, whole and chained, over restarts', async () => {
    await using first = await startTestBroker()
    const { body: lease } = await first.request()
    await first.call('POST', `/v1/leases/${lease.id}/complete`, { token: lease.token, body: { outcome: 'success' } })
    await approve(first, await askFor(first))
    await deny(first, await askFor(first))
    await askFor(first)
    const intent = { goal: 'x', purpose: 'deny', autonomy: 'supervised', origin: 'user' }
    expect((await first.request({ intent })).status).to.equal(403)
    await first.call('GET', '/v1/whoami', { token: 'nonsense' })
    await first.call('GET', '/v1/leases', { token: lease.token })
    await first.rewrite((settings) => ({ ...settings, nonsense: true }))
    expect((await first.app.reload()).ok).to.equal(false)
    // Far enough for the approval to lapse and for a key to have been replaced and forgotten.
    for (const days of [16, 10, 2]) {
      first.clock.advance(days * 24 * HOUR_MS)
      await first.app.sweep()
    }
    const before = Object.fromEntries(
      await Promise.all(STREAMS.map(async (stream) => [stream, await readAudit(first, stream)] as const)),
    )
    await first.app[Symbol.asyncDispose]()

    await using second = await startTestBroker({ folder: first.folder, ahead: first.clock.now() - Date.now() })
    await second.request()
    for (const stream of STREAMS) {
      const records = await readAudit(second, stream)
      expect(records.slice(0, before[stream]?.length), 'nothing changes in a restart').to.deep.equal(before[stream])
      expect(brokenAt(records), stream).to.equal(undefined)
      for (const record of records) {
        expect(record).to.have.all.keys(MEMBERS)
        expect(record.stream).to.equal(stream)
        expect(record.time).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
      }
      expect([...new Set(records.map(({ kind }) => kind))].toSorted()).to.deep.equal(KINDS[stream].toSorted())
    }
    expect((await readAudit(second, 'approved')).length).to.be.greaterThan(before['approved']?.length ?? 0)
  })

  it('says of a grant what was granted and why, and of its credential which one it is, never the credential', async () => {
    await using broker = await startTestBroker()
    const { headers, body: lease } = await broker.request()
    const [credential] = lease.credentials
    const [granted, minted] = await readAudit(broker, 'approved')
    const same = { ...ABOUT, actor: AGENT, lease: lease.id, request_id: headers.get('request-id') }
    expect(granted).to.deep.include({ ...same, kind: 'lease.granted', decision: lease.decision, fingerprint: null })
    const subject = { task: 'run-1', intent: lease.intent, access: lease.access, tools: [], ttl: 300 }
    expect(granted?.subject).to.deep.equal(subject)
    const fingerprint = createHash('sha256').update(credential.value.access_token).digest('hex')
    expect(minted).to.deep.include({ ...same, kind: 'credential.minted', decision: null, fingerprint })
    expect(minted?.subject).to.deep.equal({ id: credential.id, outcome: null, reason: null })
    const text = JSON.stringify(await Promise.all(STREAMS.map((stream) => readAudit(broker, stream))))
    const secrets = [lease.token, credential.value.access_token, broker.operator('viewer'), broker.pep]
    for (const secret of secrets) expect(text).to.not.include(secret)
  })

  it('says of a refusal what was asked: by the rules, by the ceiling, by a limit', async () => {
    await using broker = await startTestBroker({
      configure: (settings) => ({ ...settings, limits: { leases_per_agent: 1 } }),
    })
    const intent = { goal: 'x', purpose: 'deny', autonomy: 'supervised', origin: 'user' }
    const byRules = await broker.request({ intent })
    const byCeiling = await broker.request({ access: [{ grant: 'other-api' }] })
    await broker.request()
    const byLimit = await broker.request({ ttl: 60 })
    expect([byRules, byCeiling, byLimit].map(({ status }) => status)).to.deep.equal([403, 403, 429])
    const records = await only(broker, 'denied', 'lease.denied')
    expect(records).to.have.length(3)
    for (const [at, { body }] of [byRules, byCeiling, byLimit].entries()) {
      expect(records[at]).to.deep.include({ ...ABOUT, actor: AGENT, lease: null, request_id: body.instance })
      expect(records[at]?.subject).to.have.all.keys('task', 'intent', 'access', 'tools', 'ttl')
      expect(records[at]?.decision ?? undefined).to.deep.equal(body.decision)
    }
    expect(records[1]?.subject['access']).to.deep.equal([{ grant: 'other-api', actions: null, resources: null }])
    expect(records[2]?.subject['ttl']).to.equal(60)
  })

  it('says of an ask what is asked, and of its answer who gave it and why', async () => {
    await using broker = await startTestBroker()
    const yes = await askFor(broker)
    const no = await askFor(broker)
    await approve(broker, yes, 'approver', { reason: 'Looks right' })
    await deny(broker, no, 'admin')
    const [asked] = await only(broker, 'denied', 'lease.asked')
    expect(asked).to.deep.include({ ...ABOUT, actor: AGENT, lease: yes.lease })
    expect(asked?.subject).to.include({ ttl: 300 })
    expect(asked?.decision).to.include({ effect: 'ask' })
    const [approved] = await only(broker, 'approved', 'approval.approved')
    const amy = { type: 'operator', id: 'amy@example.com' }
    expect(approved).to.deep.include({ ...ABOUT, actor: amy, lease: yes.lease })
    expect(approved?.subject).to.deep.equal({ id: yes.approval, outcome: 'approved', reason: 'Looks right' })
    const [granted] = await only(broker, 'approved', 'lease.granted')
    expect(granted, 'who made it active').to.deep.include({ actor: amy, lease: yes.lease })
    const [denied] = await only(broker, 'denied', 'approval.denied')
    expect(denied).to.deep.include({ actor: { type: 'operator', id: 'ada@example.com' }, lease: no.lease })
    expect(denied?.subject).to.deep.equal({ id: no.approval, outcome: 'denied', reason: 'Not like this' })
  })

  it('says of every end whose doing it was: the agent, an operator, the sweep, a reload', async () => {
    await using broker = await startTestBroker()
    const grant = async () => (await broker.request({ ttl: 60 })).body
    const [completed, revoked, expired] = [await grant(), await grant(), await grant()]
    const end = (lease: { id: string }, verb: string, token: string, body: object) =>
      broker.call('POST', `/v1/leases/${lease.id}/${verb}`, { token, body })
    await end(completed, 'complete', completed.token, { outcome: 'failure', summary: 'Gave up' })
    await end(revoked, 'revoke', broker.operator('operator'), { reason: 'Enough' })
    const lapsed = await askFor(broker)
    broker.clock.advance(HOUR_MS)
    await broker.app.sweep()
    // Of another task: after a revocation the first one asks a human.
    const withdrawn = (await broker.request({ task: 'run-2' })).body
    await broker.rewrite(({ agents, ...rest }) => ({ ...rest, agents: (agents as readonly unknown[]).slice(1) }))
    expect((await broker.app.reload()).ok).to.equal(true)

    const ends = await only(broker, 'operations', 'lease.closed')
    const credentials = await only(broker, 'operations', 'credential.closed')
    const expected = [
      [completed, { type: 'lease', id: completed.id }, 'failed', 'Gave up', 'revoked'],
      [revoked, { type: 'operator', id: 'ops@example.com' }, 'revoked', 'Enough', 'revoked'],
      [expired, BROKER, 'expired', null, 'expired'],
      [withdrawn, BROKER, 'revoked', 'Agent support-bot is no longer configured', 'revoked'],
    ] as const
    for (const [lease, actor, outcome, reason, credentialOutcome] of expected) {
      const record = ends.find((one) => one.lease === lease.id)
      expect(record, outcome).to.deep.include({
        ...ABOUT,
        task: lease.task,
        actor,
        subject: { id: lease.id, outcome, reason },
      })
      const [{ id }] = lease.credentials
      const closed = credentials.find((one) => one.lease === lease.id)
      expect(closed, outcome).to.deep.include({ actor, subject: { id, outcome: credentialOutcome, reason: null } })
      expect(closed?.fingerprint).to.match(/^[0-9a-f]{64}$/)
    }
    const [expiry] = await only(broker, 'operations', 'approval.expired')
    expect(expiry).to.deep.include({ actor: BROKER, lease: lapsed.lease })
    expect(expiry?.subject).to.include({ id: lapsed.approval, outcome: 'expired' })
  })

  it('says which rules came into force, and that others were refused', async () => {
    await using broker = await startTestBroker()
    await writeFile(join(broker.folder, 'rules.yaml'), 'version: 2')
    expect((await broker.app.reload()).ok).to.equal(false)
    const { body: lease } = await broker.request()
    const digest = lease.decision.rules_digest
    const [loaded] = await only(broker, 'operations', 'config.loaded')
    expect(loaded).to.deep.include({ actor: BROKER, agent: null, lease: null, request_id: null })
    expect(loaded?.subject).to.deep.equal({ id: digest, outcome: 'loaded', reason: null })
    const [refused] = await only(broker, 'operations', 'config.refused')
    expect(refused?.subject).to.include({ id: digest, outcome: 'refused' })
    const keys = await only(broker, 'operations', 'key.created')
    const jwks = await broker.call('GET', '/.well-known/jwks.json')
    expect(keys.map(({ subject }) => subject['id'])).to.include(jwks.body.keys[0].kid)
  })

  it('says which operator, agent or lease tried what only a higher role may', async () => {
    await using broker = await startTestBroker()
    const { body: lease } = await broker.request()
    const path = `/v1/leases/${lease.id}/revoke`
    const call = { token: broker.operator('approver'), body: { reason: 'x' } }
    const { status, body } = await broker.call('POST', path, call)
    expect(status).to.equal(403)
    await broker.call('GET', '/v1/audit/denied', { token: lease.token })
    const [first, second] = await only(broker, 'denied', 'operator.refused')
    expect(first).to.deep.include({ actor: { type: 'operator', id: 'amy@example.com' }, request_id: body.instance })
    expect(first?.subject).to.include({ outcome: 'refused' })
    expect(first?.subject['reason']).to.include('POST /v1/leases/{lease}/revoke')
    expect(second?.actor).to.deep.equal({ type: 'lease', id: lease.id })
  })
})
