import { expect } from 'chai'

import { approve } from '../support/approvals.ts'
import { readAudit, recordsOf } from '../support/audit.ts'
import { startTestBroker, type Answered, type TestBroker } from '../support/broker.ts'
import { expectCredential, expectLease } from '../support/expect-lease.ts'
import { errorPaths, expectProblem } from '../support/expect-problem.ts'
import { later } from '../support/later.ts'
import { withPurpose } from '../support/requests.ts'
import { orphans, startUpstreamBroker, WAREHOUSE } from '../support/upstream-broker.ts'

const KEY = { 'idempotency-key': 'run-1:first' }
const REISSUE = { ...KEY, 'mayfly-reissue': 'true' }

const ask = (broker: TestBroker, over: object = {}): Promise<Answered> => broker.request(over, { headers: KEY })
const askAgain = (broker: TestBroker, over: object = {}): Promise<Answered> =>
  broker.request(over, { headers: REISSUE })

const read = (broker: TestBroker, { id }: { readonly id: string }): Promise<Answered> =>
  broker.call('GET', `/v1/leases/${id}`, { token: broker.operator('viewer') })

const isActive = async (broker: TestBroker, token: string): Promise<boolean> => {
  const path = '/oauth/introspect'
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  return (await broker.call('POST', path, { token: broker.pep, body: `token=${token}`, headers })).body.active
}

describe('Mayfly-Reissue', () => {
  it('gives the same lease with a new token and new credentials, and ends those that nobody has', async () => {
    await using broker = await startTestBroker()
    const { body: lost } = await ask(broker)
    const { status, headers, body: again } = await askAgain(broker)
    expect(status).to.equal(201)
    expect(headers.get('cache-control')).to.equal('no-store')
    expectLease(again, 'token')
    expect(again).to.include({ id: lost.id, state: 'active', expires_at: lost.expires_at })
    expect(again.token).to.match(/^mfl_/).and.not.equal(lost.token)
    const [before] = lost.credentials
    const [now] = again.credentials
    expectCredential(now, 'value')
    expect(again.credentials).to.have.length(1)
    expect(now.id).to.not.equal(before.id)
    expect(await isActive(broker, now.value.access_token)).to.equal(true)
    expect(await isActive(broker, before.value.access_token)).to.equal(false)
    const { credentials } = (await read(broker, lost)).body
    expect(credentials.map(({ id, state, outcome }: Record<string, string>) => [id, state, outcome])).to.deep.equal([
      [before.id, 'closed', 'revoked'],
      [now.id, 'active', null],
    ])
  })

  it('makes the first token nobody’s', async () => {
    await using broker = await startTestBroker()
    const { body: lost } = await ask(broker)
    const { body: again } = await askAgain(broker)
    const path = `/v1/leases/${lost.id}`
    expectProblem(await broker.call('GET', path, { token: lost.token }), 'unauthenticated')
    expect((await broker.call('GET', path, { token: again.token })).status).to.equal(200)
  })

  it('is refused once somebody has come with the token, for whatever: nothing is minted or ended', async () => {
    await using broker = await startTestBroker()
    const { body: lease } = await ask(broker)
    await broker.call('GET', '/v1/leases', { token: lease.token })
    expect(expectProblem(await askAgain(broker), 'conflict').state).to.equal('active')
    const { body } = await read(broker, lease)
    expect(body.credentials).to.have.length(1)
    expect(body.credentials[0]).to.include({ id: lease.credentials[0].id, state: 'active' })
    expect((await broker.call('GET', `/v1/leases/${lease.id}`, { token: lease.token })).status).to.equal(200)
  })

  it('is refused after a restart too, if the token was used before it', async () => {
    await using first = await startTestBroker()
    const { body: lease } = await ask(first)
    await first.call('GET', `/v1/leases/${lease.id}`, { token: lease.token })
    await first.app[Symbol.asyncDispose]()
    await using second = await startTestBroker({ folder: first.folder })
    expectProblem(await askAgain(second), 'conflict')
  })

  it('may be repeated, as that answer may be lost too', async () => {
    await using broker = await startTestBroker()
    const tokens = [(await ask(broker)).body.token]
    for (let time = 0; time < 3; time += 1) tokens.push((await askAgain(broker)).body.token)
    const statuses = await Promise.all(
      tokens.map(async (token) => (await broker.call('GET', '/v1/leases', { token: token as string })).status),
    )
    expect(statuses).to.deep.equal([401, 401, 401, 403])
  })

  it('gives a lease that waits for people a new token, and the same approval', async () => {
    await using broker = await startTestBroker()
    const { body: lost } = await ask(broker, withPurpose('ask'))
    const { status, body: again } = await askAgain(broker, withPurpose('ask'))
    expect(status).to.equal(202)
    expect(again).to.include({ id: lost.id, state: 'pending' })
    expect(again.approval).to.deep.equal(lost.approval)
    await approve(broker, { approval: again.approval.id, digest: again.approval.digest })
    const path = `/v1/leases/${again.id}/credentials`
    const body = { grant: 'refunds-api' }
    expectProblem(await broker.call('POST', path, { token: lost.token, body }), 'unauthenticated')
    expect((await broker.call('POST', path, { token: again.token, body })).status).to.equal(201)
  })

  it('is refused for another body, and for a lease that has ended', async () => {
    await using broker = await startTestBroker()
    const { body: lease } = await ask(broker)
    expectProblem(await askAgain(broker, { ttl: 60 }), 'idempotency-mismatch')
    const revoke = { token: broker.operator('operator'), body: { reason: 'Enough' } }
    await broker.call('POST', `/v1/leases/${lease.id}/revoke`, revoke)
    expect(expectProblem(await askAgain(broker), 'conflict').state).to.equal('closed')
    const { body: late } = await broker.request({ task: 'run-2', ttl: 5 }, { headers: { 'idempotency-key': 'late' } })
    await later(broker, 6)
    const headers = { 'idempotency-key': 'late', 'mayfly-reissue': 'true' }
    expectProblem(await broker.request({ task: 'run-2', ttl: 5 }, { headers }), 'conflict')
    expect((await read(broker, late)).body).to.include({ state: 'closed', outcome: 'expired' })
  })

  it('is an ordinary request where the first one never came', async () => {
    await using broker = await startTestBroker()
    const { status, body } = await askAgain(broker)
    expect(status).to.equal(201)
    expectLease(body, 'token')
  })

  it('needs the key that names the first request, and says true', async () => {
    await using broker = await startTestBroker()
    const without = await broker.request({}, { headers: { 'mayfly-reissue': 'true' } })
    expect(errorPaths(expectProblem(without, 'invalid-request'))).to.deep.equal(['/idempotency-key'])
    for (const said of ['false', '1', 'True']) {
      const answer = await broker.request({}, { headers: { ...KEY, 'mayfly-reissue': said } })
      expect(errorPaths(expectProblem(answer, 'invalid-request')), said).to.deep.equal(['/mayfly-reissue'])
    }
  })

  it('is another agent’s own key', async () => {
    await using broker = await startTestBroker()
    const { body: lease } = await ask(broker)
    const { status, body } = await broker.request({}, { agent: 'other-bot', headers: REISSUE })
    expect(status).to.equal(201)
    expect(body.id).to.not.equal(lease.id)
  })

  it('loses to the first use of the token that comes while it mints', async () => {
    await using broker = await startUpstreamBroker()
    const { body: lease } = await ask(broker, { access: [WAREHOUSE] })
    broker.upstream.script({ mint: 'held' })
    const reissuing = askAgain(broker, { access: [WAREHOUSE] })
    await broker.upstream.reached('mint')
    await broker.call('GET', '/v1/leases', { token: lease.token })
    broker.upstream.open()
    expectProblem(await reissuing, 'conflict')
    await broker.app.sweep()
    const [credential] = lease.credentials
    const { credentials } = (await read(broker, lease)).body
    expect(credentials.map(({ state }: { state: string }) => state)).to.deep.equal(['active', 'closed'])
    expect(credentials[0].id).to.equal(credential.id)
    expect(broker.upstream.live()).to.deep.equal([credential.value.username])
  })

  it('takes what the first answer held back at the upstream', async () => {
    await using broker = await startUpstreamBroker()
    const { body: lost } = await ask(broker, { access: [WAREHOUSE] })
    const { status, body: again } = await askAgain(broker, { access: [WAREHOUSE] })
    expect(status).to.equal(201)
    await broker.app.sweep()
    expect(broker.upstream.live()).to.deep.equal([again.credentials[0].value.username])
    expect(again.credentials[0].value.password).to.not.equal(lost.credentials[0].value.password)
    expect(orphans(broker.folder, broker.upstream)).to.deep.equal([])
    const closed = recordsOf(await readAudit(broker, 'operations'), 'credential.closed')
    expect(closed.map(({ subject }) => subject['id'])).to.deep.equal([lost.credentials[0].id])
  })

  it('that cannot mint leaves the lease and what it held as it was', async () => {
    await using broker = await startUpstreamBroker()
    const { body: lease } = await ask(broker, { access: [WAREHOUSE] })
    broker.upstream.script({ mint: 'unknown' })
    expectProblem(await askAgain(broker, { access: [WAREHOUSE] }), 'provider-unavailable')
    await broker.app.sweep()
    expect(broker.upstream.live()).to.have.length(1)
    expect((await read(broker, lease)).body).to.include({ state: 'active', outcome: null })
    broker.upstream.script({ mint: 'ok' })
    expect((await askAgain(broker, { access: [WAREHOUSE] })).status).to.equal(201)
    await broker.app.sweep()
    expect(broker.upstream.live()).to.have.length(1)
    expect(orphans(broker.folder, broker.upstream)).to.deep.equal([])
  })
})
