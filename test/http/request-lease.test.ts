import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'

import { bearerKindOf } from '../../src/core/bearer-token.ts'
import { startTestBroker, type TestBroker } from '../support/broker.ts'
import { expectCredential, expectLease, without } from '../support/expect-lease.ts'
import { withPurpose } from '../support/requests.ts'

describe('a lease request that is allowed', () => {
  let broker: TestBroker
  before(async () => (broker = await startTestBroker()))
  after(() => broker[Symbol.asyncDispose]())

  it('is answered with the lease, its token and the value of each credential', async () => {
    const { status, body: lease } = await broker.request({
      access: [{ grant: 'refunds-api', actions: ['refund:create'] }, { grant: 'orders-api' }],
    })
    expect(status).to.equal(201)
    expectLease(lease, 'token')
    expect(bearerKindOf(lease.token)).to.equal('l')
    expect(lease).to.include({
      state: 'active',
      task: 'run-1',
      agent: 'support-bot',
      owner: 'dana@example.com',
      parent: null,
      root: lease.id,
      frozen: false,
      heartbeat: null,
      approval: null,
      closed_at: null,
      outcome: null,
      reason: null,
    })
    expect(lease.credentials.map(({ grant }: { grant: string }) => grant)).to.deep.equal(['refunds-api', 'orders-api'])
    for (const credential of lease.credentials) {
      expectCredential(credential, 'value')
      expect(credential).to.include({ lease: lease.id, type: 'jwt', state: 'active', revocation: 'immediate' })
      const { access_token: secret, token_type: type } = credential.value
      expect(credential.value).to.have.all.keys('access_token', 'token_type', 'expires_in')
      expect(type).to.equal('Bearer')
      expect(credential.fingerprint).to.equal(createHash('sha256').update(secret).digest('hex'))
    }
  })

  it('never shows its secrets again', async () => {
    const { body: lease } = await broker.request()
    const secrets = [lease.token, lease.credentials[0].value.access_token]
    const token = broker.operator('admin')
    for (const path of [`/v1/leases/${lease.id}`, '/v1/leases', '/v1/audit/approved?limit=200']) {
      const shown = JSON.stringify((await broker.call('GET', path, { token })).body)
      expect(shown).to.include(lease.id)
      for (const secret of secrets) expect(shown).to.not.include(secret)
    }
  })

  it('is in no cache', async () => {
    const { headers } = await broker.request()
    expect(headers.get('cache-control')).to.equal('no-store')
  })

  it('leaves nothing of its secrets in the data folder but their hashes', async () => {
    const { body: lease } = await broker.request()
    const { access_token: jwt } = lease.credentials[0].value
    const files = ['mayfly.db', 'mayfly.db-wal'].map((name) => readFileSync(join(broker.folder, 'data', name)))
    const stored = Buffer.concat(files)
    for (const secret of [lease.token as string, jwt as string]) {
      expect(stored.includes(secret), 'the secret').to.equal(false)
      expect(stored.includes(createHash('sha256').update(secret).digest('hex')), 'its hash').to.equal(true)
    }
  })

  it('reads the same afterwards, but for what is secret', async () => {
    const { body: lease } = await broker.request({
      tools: [{ tool: 'orders.get', arguments: { id: { equals: '1' } } }],
    })
    const { body: read } = await broker.call('GET', `/v1/leases/${lease.id}`, { token: lease.token })
    const credentials = lease.credentials.map((credential: object) => without(credential, 'value'))
    expect(read).to.deep.equal({ ...without(lease, 'token'), credentials })
  })

  it('keeps the intent word for word, and null or nothing for what was left out', async () => {
    const said = { goal: '  Refund\n„1234“ ', on_behalf_of: 'user:dana@example.com' }
    const { body: lease } = await broker.request({ intent: said })
    const { goal, on_behalf_of } = said
    const nothing = { purpose: '', data_classes: [], autonomy: null, origin: null }
    expect(lease.intent).to.deep.equal({ goal, on_behalf_of, ...nothing })
  })

  it('shows access as granted: narrowed where it was, and otherwise the ceiling, which is broad', async () => {
    const { body: lease } = await broker.request({
      access: [{ grant: 'refunds-api' }, { grant: 'orders-api', actions: ['order:read'], resources: ['orders/12/*'] }],
    })
    expect(lease.access).to.deep.equal([
      { grant: 'refunds-api', actions: ['refund:create', 'refund:read'], resources: [] },
      { grant: 'orders-api', actions: ['order:read'], resources: ['orders/12/*'] },
    ])
    expect(lease.decision.broad).to.deep.equal(['refunds-api'])
  })

  it('shows tools as asked, with null and false for what was left out', async () => {
    const { body: lease } = await broker.request({ tools: [{ tool: 'orders.get' }] })
    expect(lease.tools).to.deep.equal([{ tool: 'orders.get', arguments: {}, max_calls: null, only: false }])
  })

  it('says which rules charged for it', async () => {
    const { body: lease } = await broker.request(withPurpose('charge'))
    const reason = 'It was asked to charge'
    expect(without(lease.decision, 'id', 'rules_digest')).to.deep.equal({
      effect: 'allow',
      risk: { score: 25, tier: 'low', factors: [{ rule: 'charges', points: 25, reason }] },
      rules: [{ id: 'charges', effect: 'risk', reason, mode: 'enforce' }],
      broad: [],
    })
  })

  it('gives each request a lease of its own', async () => {
    const both = await Promise.all([broker.request(), broker.request()])
    const [one, other] = both.map(({ body }) => body)
    expect(one.id).to.not.equal(other.id)
    expect(one.token).to.not.equal(other.token)
    expect(one.credentials[0].value.access_token).to.not.equal(other.credentials[0].value.access_token)
  })
})

describe('a lease request that asks', () => {
  it('is answered with a pending lease, its token, and the approval it waits for', async () => {
    await using broker = await startTestBroker()
    const { status, body: lease } = await broker.request(withPurpose('ask'))
    expect(status).to.equal(202)
    expectLease(lease, 'token')
    expect(bearerKindOf(lease.token)).to.equal('l')
    expect(lease).to.include({ state: 'pending', max_expires_at: null, outcome: null })
    expect(lease.credentials).to.deep.equal([])
    expect(lease.decision.effect).to.equal('ask')
    const { id, digest, ...link } = lease.approval
    expect(id).to.match(/^apr_/)
    expect(digest).to.match(/^sha256:[0-9a-f]{64}$/)
    expect(link).to.deep.equal({
      expires_at: lease.expires_at,
      status_url: `/v1/approvals/${id}`,
      review_url: null,
    })
    const { body: approval } = await broker.call('GET', link.status_url as string, { token: lease.token })
    expect(approval).to.include({ id, digest, lease: lease.id, state: 'pending' })
  })

  it('waits as long as the configuration says', async () => {
    const approvals = { expire_after: 60 }
    await using broker = await startTestBroker({ configure: (settings) => ({ ...settings, approvals }) })
    const { body: lease } = await broker.request({ ttl: 300, ...withPurpose('ask') })
    expect(Date.parse(lease.expires_at) - Date.parse(lease.created_at)).to.equal(60_000)
  })
})
