import Database from 'better-sqlite3'
import { expect } from 'chai'
import { join } from 'node:path'
import type { AuditRecord } from '../../src/core/audit.ts'
import { verifyAudit } from '../../src/local/verify-audit.ts'
import { askFor, readApproval, readLease } from '../support/approvals.ts'
import { readAudit, recordsOf, STREAMS } from '../support/audit.ts'
import { startTestBroker, TEST_RULES, type TestBroker } from '../support/broker.ts'

const DAY_MS = 24 * 3600_000

/** Changes the database of a broker that has stopped. */
function meddle(broker: TestBroker, sql: string): void {
  const db = new Database(join(broker.folder, 'data', 'mayfly.db'))
  db.exec(sql)
  db.close()
}

async function* everyRecord(broker: TestBroker): AsyncGenerator<AuditRecord> {
  for (const stream of STREAMS) yield* await readAudit(broker, stream)
}

async function sealsOf(broker: TestBroker) {
  const viewer = { token: broker.operator('viewer') }
  const text: string = (await broker.call('GET', '/v1/audit/checkpoint', viewer)).body
  return { checkpoints: [{ name: 'kept', text }], keys: (await broker.call('GET', '/v1/audit/keys', viewer)).body }
}

const claimsOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())

describe('what other brokers got wrong about their audit', () => {
  const tampered: Readonly<Record<string, readonly [sql: string, fault: RegExp]>> = {
    'a changed record': [`update audit set record = replace(record, 'run-2', 'run-9') where seq = 3`, /approved 3/],
    'a record taken out': [`delete from audit where stream = 'approved' and seq = 3`, /approved 4.*missing/],
    'a tail cut off': [`delete from audit where stream = 'approved' and seq > 3`, /ends at 3.*cut off/],
    'a stream taken out': [`delete from audit where stream = 'operations'`, /operations.*kept/],
  }
  for (const [what, [sql, fault]] of Object.entries(tampered)) {
    it(`${what} is found, and the broker starts without having read it all`, async () => {
      await using first = await startTestBroker()
      for (const task of ['run-1', 'run-2', 'run-3']) await first.request({ task })
      const seals = await sealsOf(first)
      const before = await verifyAudit({ records: everyRecord(first), ...seals })
      expect(before.faults, 'the control').to.deep.equal([])
      await first.app[Symbol.asyncDispose]()
      meddle(first, sql)
      await using second = await startTestBroker({ folder: first.folder })
      const { faults } = await verifyAudit({ records: everyRecord(second), ...seals })
      expect(faults.join('\n')).to.match(fault)
    })
  }

  it('an end that nobody asked for is on record like every other', async () => {
    await using broker = await startTestBroker()
    const { body: lease } = await broker.request({ ttl: 5 })
    broker.clock.advance(5000)
    await broker.app.sweep()
    const operations = await readAudit(broker, 'operations')
    for (const kind of ['lease.closed', 'credential.closed'] as const) {
      const [record] = recordsOf(operations, kind)
      expect(record, kind).to.include({ lease: lease.id })
      expect(record?.subject, kind).to.include({ outcome: 'expired' })
    }
  })
})

describe('what other brokers got wrong about who is asking', () => {
  const sources = async (broker: TestBroker): Promise<readonly string[]> =>
    recordsOf(await readAudit(broker, 'denied'), 'auth.refused').map(({ actor }) => actor.id)
  const spoof = (broker: TestBroker, address: string) =>
    broker.call('GET', '/v1/whoami', { token: 'nonsense', headers: { 'x-forwarded-for': address } })

  it('X-Forwarded-For of just anybody changes neither the record nor the limit', async () => {
    const configure = (settings: object) => ({ ...settings, limits: { pre_auth_per_minute: 3 } })
    await using broker = await startTestBroker({ configure })
    const statuses: number[] = []
    for (let host = 1; host <= 6; host += 1) statuses.push((await spoof(broker, `192.0.2.${host}`)).status)
    expect(statuses).to.deep.equal([401, 401, 401, 429, 429, 429])
    expect(new Set(await sources(broker))).to.deep.equal(new Set(['127.0.0.1']))
  })

  it('X-Forwarded-For of a trusted proxy is believed, as far as that proxy wrote it', async () => {
    const server = { listen: '127.0.0.1:0', data_dir: './data', trusted_proxies: ['loopback'] }
    await using broker = await startTestBroker({ configure: (settings) => ({ ...settings, server }) })
    await spoof(broker, '203.0.113.9, 192.0.2.1')
    expect(await sources(broker)).to.deep.equal(['192.0.2.1'])
  })

  it('a lease id is no right: nobody else’s token does anything with it', async () => {
    await using broker = await startTestBroker()
    const { body: mine } = await broker.request()
    const { body: other } = await broker.request({}, { agent: 'other-bot' })
    const tokens = [other.token, broker.identity('other-bot'), broker.pep, broker.operator('viewer')]
    const verbs = { complete: { outcome: 'success' }, revoke: { reason: 'x' }, credentials: { grant: 'refunds-api' } }
    for (const token of tokens)
      for (const [verb, body] of Object.entries(verbs)) {
        const { status } = await broker.call('POST', `/v1/leases/${mine.id}/${verb}`, { token, body })
        expect(status, verb).to.be.oneOf([403, 404])
      }
    for (const token of tokens.slice(0, 3))
      expect((await broker.call('GET', `/v1/leases/${mine.id}`, { token })).status).to.be.oneOf([403, 404])
    const { body } = await readLease(broker, { lease: mine.id })
    expect(body).to.deep.include({ state: 'active', expires_at: mine.expires_at })
    expect(body.credentials).to.have.length(1)
  })

  it('two agents with the same grant and narrowing never share a credential, nor do two leases of one', async () => {
    await using broker = await startTestBroker()
    const agents = ['support-bot', 'other-bot', 'support-bot']
    const granted = await Promise.all(agents.map((agent) => broker.request({}, { agent })))
    const [first, , third] = granted.map(({ body }) => body)
    const credentials = granted.map(({ body }) => body.credentials[0])
    for (const member of ['id', 'fingerprint'] as const)
      expect(new Set(credentials.map((one) => one[member])).size, member).to.equal(3)
    expect(credentials.map(({ value }) => claimsOf(value.access_token).sub)).to.deep.equal(agents)
    const end = { token: first.token, body: { outcome: 'success' } }
    await broker.call('POST', `/v1/leases/${first.id}/complete`, end)
    const shown = await readLease(broker, { lease: third.id })
    expect(shown.body.credentials[0].state, 'the end of one is not the end of the other').to.equal('active')
  })
})

describe('what other brokers got wrong about what is left out', () => {
  it('an issuer without an audience is no issuer: the broker does not start', async () => {
    const configure = ({ issuers, ...rest }: Record<string, unknown>) => {
      const [issuer] = issuers as readonly object[]
      return { ...rest, issuers: [{ ...issuer, audience: undefined }] }
    }
    const started = await startTestBroker({ configure }).catch((error: unknown) => String(error))
    expect(started).to.match(/mayfly\.yaml:\d+:\d+: .*audience/)
  })

  it('an identity for nobody, or for somebody else, is no identity', async () => {
    await using broker = await startTestBroker()
    for (const aud of [undefined, null, '', [], 'other', ['other'], 'mayfly ', { mayfly: true }]) {
      const token = broker.identity('support-bot', { aud })
      expect((await broker.call('GET', '/v1/whoami', { token })).status, JSON.stringify(aud)).to.equal(401)
    }
    const listed = broker.identity('support-bot', { aud: ['other', 'mayfly'] })
    expect((await broker.call('GET', '/v1/whoami', { token: listed })).status).to.equal(200)
  })

  it('an agent without grants is granted nothing, and a PEP without audiences learns nothing', async () => {
    const configure = ({ agents, peps, ...rest }: Record<string, unknown>) => ({
      ...rest,
      agents: (agents as readonly { readonly id: string }[]).map(({ id, ...agent }) =>
        id === 'other-bot' ? { ...agent, id, grants: [] } : { ...agent, id },
      ),
      peps: (peps as readonly object[]).map((pep) => ({ ...pep, audiences: [] })),
    })
    await using broker = await startTestBroker({ configure })
    expect((await broker.request({}, { agent: 'other-bot' })).status).to.equal(403)
    const { body: lease } = await broker.request()
    const { body } = await broker.call('POST', '/oauth/introspect', {
      token: broker.pep,
      body: new URLSearchParams({ token: lease.credentials[0].value.access_token }).toString(),
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    })
    expect(body).to.deep.equal({ active: false })
  })
})

describe('what other brokers got wrong about patterns', () => {
  it('what begins or ends like an allowed name is not that name', async () => {
    await using broker = await startTestBroker()
    const asked = (entry: object) => broker.request({ access: [{ grant: 'orders-api', ...entry }] })
    for (const resource of ['orders', 'orders-secret/1', 'xorders/1', 'orders/../secret', '*', 'ord*', 'ORDERS/1'])
      expect((await asked({ resources: [resource] })).status, resource).to.be.oneOf([400, 403])
    for (const action of ['order:read|order:write', 'order:rea', 'order:reads', 'order:*', '*', 'Order:Read'])
      expect((await asked({ actions: [action] })).status, action).to.equal(403)
    for (const task of ['run-1\n', '\nrun-1', 'run 1', 'run-1/..', '', 'x'.repeat(129)])
      expect((await broker.request({ task })).status, JSON.stringify(task)).to.equal(400)
    const id = (await broker.request()).body.id
    for (const path of [`${id}x`, `x${id}`, `${id}%0a`, id.toUpperCase(), id.replace('lse', 'apr')]) {
      const { status } = await broker.call('GET', `/v1/leases/${path}`, { token: broker.operator('viewer') })
      expect(status, path).to.equal(404)
    }
    expect((await asked({ resources: ['orders/1'], actions: ['order:read'] })).status, 'the control').to.equal(201)
  })

  it('a rule for `orders.*` selects what lies below it, and not what begins like it', async () => {
    const rule = "{ id: none, on: lease, tools: ['orders.*'], when: 'true', effect: deny, reason: No orders }"
    const tools = ['orders.get', 'orders', 'ordersx.get'].map((name) => ({ name }))
    await using broker = await startTestBroker({
      rules: TEST_RULES.replace('tiers:', `  - ${rule}\ntiers:`),
      configure: ({ agents, ...rest }) => ({
        ...rest,
        tools: [...(rest['tools'] as readonly object[]).slice(1), ...tools],
        agents: (agents as readonly object[]).map((agent) => ({ ...agent, tools: tools.map(({ name }) => name) })),
      }),
    })
    const ask = async (tool: string) => (await broker.request({ access: [], tools: [{ tool }] })).status
    expect(await ask('orders.get')).to.equal(403)
    expect(await ask('orders')).to.equal(201)
    expect(await ask('ordersx.get')).to.equal(201)
  })
})

describe('what other brokers got wrong about long times', () => {
  it('a time beyond 2^31 ms is refused or waited for, and never over at once', async () => {
    const warnings: string[] = []
    const heed = ({ name }: Error): void => void warnings.push(name)
    process.on('warning', heed)
    try {
      const configure = (settings: object) => ({
        ...settings,
        approvals: { expire_after: 30 * 24 * 3600 },
        limits: { max_age: 300 * 24 * 3600 },
      })
      await using broker = await startTestBroker({ configure })
      for (const ttl of [2_147_484, 2 ** 31, 2 ** 32 + 60, 1e15])
        expect((await broker.request({ ttl })).status, `${ttl}`).to.equal(400)
      const asked = await askFor(broker)
      broker.clock.advance(29 * DAY_MS)
      await broker.app.sweep()
      expect((await readApproval(broker, asked)).body.state).to.equal('pending')
      const path = `/v1/approvals/${asked.approval}`
      expect((await broker.call('GET', `${path}?wait=2147484`, { token: asked.token })).status).to.equal(400)
      broker.clock.advance(DAY_MS)
      await broker.app.sweep()
      expect((await readApproval(broker, asked)).body.state).to.equal('expired')
    } finally {
      process.off('warning', heed)
    }
    expect(warnings).to.not.include('TimeoutOverflowWarning')
  })
})
