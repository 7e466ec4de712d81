import { expect } from 'chai'

import { startTestBroker, type Answered, type TestBroker, type TestBrokerOptions } from '../support/broker.ts'
import { expectCredential, without } from '../support/expect-lease.ts'
import { errorPaths, expectProblem } from '../support/expect-problem.ts'
import { gatedProvider } from '../support/gated-provider.ts'
import { withPurpose } from '../support/requests.ts'

interface Made {
  readonly id: string
  readonly token: string
  readonly approval: { readonly id: string; readonly digest: string }
}

const withGrantTtl = (seconds: number): TestBrokerOptions => ({
  configure: ({ grants, ...settings }) => ({
    ...settings,
    grants: (grants as object[]).map((grant) => ({ ...grant, max_ttl: seconds })),
  }),
})

const made = async (broker: TestBroker, over: object = {}): Promise<Made> => (await broker.request(over)).body as Made

const fetchOne = (
  broker: TestBroker,
  { id, token }: Made,
  body: unknown = { grant: 'refunds-api' },
): Promise<Answered> => broker.call('POST', `/v1/leases/${id}/credentials`, { token, body })

const approve = (broker: TestBroker, { approval: { id, digest } }: Made): Promise<Answered> =>
  broker.call('POST', `/v1/approvals/${id}/approve`, { token: broker.operator('approver'), body: { digest } })

/** State and outcome of each credential, oldest first. */
const credentialsOf = async (broker: TestBroker, { id, token }: Made): Promise<readonly string[]> => {
  const { body } = await broker.call('GET', `/v1/leases/${id}`, { token })
  return body.credentials.map(({ state, outcome }: { state: string; outcome: string }) => `${state} ${outcome}`)
}

describe('fetching a credential', () => {
  it('after an approval gives one for each entry, with its value', async () => {
    await using broker = await startTestBroker()
    const access = [{ grant: 'refunds-api', actions: ['refund:read'] }, { grant: 'orders-api' }]
    const lease = await made(broker, { access, ...withPurpose('ask') })
    await approve(broker, lease)
    for (const { grant } of access) {
      const { status, body } = await fetchOne(broker, lease, { grant })
      expect(status).to.equal(201)
      expectCredential(body, 'value')
      expect(body).to.include({ lease: lease.id, grant, type: 'jwt', state: 'active', outcome: null })
      expect(body.value).to.have.all.keys('access_token', 'token_type', 'expires_in')
    }
    expect(await credentialsOf(broker, lease)).to.deep.equal(['active null', 'active null'])
    const { body: read } = await broker.call('GET', `/v1/leases/${lease.id}`, { token: lease.token })
    for (const credential of read.credentials) expectCredential(credential)
  })

  it('before the approval is a conflict, and after its end too', async () => {
    await using broker = await startTestBroker()
    const lease = await made(broker, withPurpose('ask'))
    expect(expectProblem(await fetchOne(broker, lease), 'conflict').state).to.equal('pending')
    await broker.call('POST', `/v1/leases/${lease.id}/complete`, { token: lease.token, body: { outcome: 'success' } })
    expect(expectProblem(await fetchOne(broker, lease), 'conflict').state).to.equal('closed')
  })

  it('a second time is a conflict while the first is good', async () => {
    await using broker = await startTestBroker()
    const lease = await made(broker)
    expect(expectProblem(await fetchOne(broker, lease), 'conflict').detail).to.include('last third')
    expect(await credentialsOf(broker, lease)).to.deep.equal(['active null'])
  })

  it('replaces one in its last third, and not a moment earlier: the old one ends as the new one stands', async () => {
    await using broker = await startTestBroker(withGrantTtl(300))
    const lease = await made(broker, { ttl: 900 })
    const { body } = await broker.call('GET', `/v1/leases/${lease.id}`, { token: lease.token })
    const [{ issued_at: issued, expires_at: expires }] = body.credentials
    const life = Date.parse(expires as string) - Date.parse(issued as string)
    broker.clock.advance(Date.parse(issued as string) + Math.ceil((life * 2) / 3) - 2000 - broker.clock.now())
    await broker.app.sweep()
    expectProblem(await fetchOne(broker, lease), 'conflict')
    broker.clock.advance(2000)
    const fetched = await fetchOne(broker, lease)
    expect(fetched.status).to.equal(201)
    expect(Date.parse(fetched.body.expires_at as string)).to.be.greaterThan(Date.parse(expires as string))
    expect(await credentialsOf(broker, lease)).to.deep.equal(['closed revoked', 'active null'])
  })

  it('replaces one that has run out', async () => {
    await using broker = await startTestBroker(withGrantTtl(60))
    const lease = await made(broker, { ttl: 900 })
    broker.clock.advance(120_000)
    await broker.app.sweep()
    expect((await fetchOne(broker, lease)).status).to.equal(201)
  })

  it('gives no time beyond the lease', async () => {
    await using broker = await startTestBroker(withGrantTtl(60))
    const { body: lease } = await broker.request({ ttl: 100 })
    broker.clock.advance(70_000)
    await broker.app.sweep()
    const { body } = await fetchOne(broker, lease as Made)
    expect(Date.parse(body.expires_at as string)).to.equal(
      Math.floor(Date.parse(lease.expires_at as string) / 1000) * 1000,
    )
  })

  it('of a lease that has run out, or is about to, is a conflict', async () => {
    await using broker = await startTestBroker()
    const lease = await made(broker, { ttl: 60 })
    broker.clock.advance(59_200)
    await broker.app.sweep()
    expect(expectProblem(await fetchOne(broker, lease), 'conflict').detail).to.include('ends within the second')
    broker.clock.advance(1000)
    expectProblem(await fetchOne(broker, lease), 'conflict')
  })

  it('of a grant outside the lease is not granted, though the agent has it', async () => {
    await using broker = await startTestBroker()
    const lease = await made(broker)
    for (const grant of ['orders-api', 'nowhere', '__proto__'])
      expect(errorPaths(expectProblem(await fetchOne(broker, lease, { grant }), 'not-granted'))).to.deep.equal([
        '/grant',
      ])
  })

  it('names a grant and nothing else', async () => {
    await using broker = await startTestBroker()
    const lease = await made(broker)
    for (const body of [{}, { grant: '' }, { grant: ['refunds-api'] }, { grant: 'refunds-api', ttl: 60 }, []])
      expectProblem(await fetchOne(broker, lease, body), 'invalid-request')
  })

  it('with an Idempotency-Key gives one, and its value once', async () => {
    await using broker = await startTestBroker()
    const lease = await made(broker, withPurpose('ask'))
    await approve(broker, lease)
    const call = { token: lease.token, headers: { 'idempotency-key': 'once' }, body: { grant: 'refunds-api' } }
    const path = `/v1/leases/${lease.id}/credentials`
    const [first, again] = [await broker.call('POST', path, call), await broker.call('POST', path, call)]
    expect([first.status, again.status]).to.deep.equal([201, 200])
    expectCredential(again.body, 'replayed')
    expect(again.body).to.deep.equal({ ...without(first.body, 'value'), replayed: true })
    expect(await credentialsOf(broker, lease)).to.deep.equal(['active null'])
  })

  it('twenty times at once gives one', async () => {
    await using broker = await startTestBroker()
    const lease = await made(broker, withPurpose('ask'))
    await approve(broker, lease)
    const answers = await Promise.all(Array.from({ length: 20 }, () => fetchOne(broker, lease)))
    expect(answers.filter(({ status }) => status === 201)).to.have.length(1)
    for (const answer of answers.filter(({ status }) => status !== 201)) expectProblem(answer, 'conflict')
    expect(await credentialsOf(broker, lease)).to.deep.equal(['active null'])
  })

  it('loses to the end of the lease that comes while it is minted: no secret leaves', async () => {
    const gate = gatedProvider()
    await using broker = await startTestBroker({ app: { decorate: { provider: gate.decorate } } })
    const lease = await made(broker, withPurpose('ask'))
    await approve(broker, lease)
    const fetching = fetchOne(broker, lease)
    await gate.reached
    await broker.call('POST', `/v1/leases/${lease.id}/revoke`, {
      token: broker.operator('operator'),
      body: { reason: 'Enough' },
    })
    gate.open()
    expect(expectProblem(await fetching, 'conflict').state).to.equal('closed')
    expect(await credentialsOf(broker, lease)).to.deep.equal([])
  })

  it('wins when nothing comes in between: the control', async () => {
    const gate = gatedProvider()
    await using broker = await startTestBroker({ app: { decorate: { provider: gate.decorate } } })
    const lease = await made(broker, withPurpose('ask'))
    await approve(broker, lease)
    const fetching = fetchOne(broker, lease)
    await gate.reached
    gate.open()
    expect((await fetching).status).to.equal(201)
  })

  it('is refused when the configuration changes while it is minted', async () => {
    const gate = gatedProvider()
    await using broker = await startTestBroker({ app: { decorate: { provider: gate.decorate } } })
    const asking = broker.request()
    await gate.reached
    expect((await broker.app.reload()).ok).to.equal(true)
    gate.open()
    expect(expectProblem(await asking, 'unavailable').detail).to.include('configuration changed')
    const { body } = await broker.call('GET', '/v1/leases', { token: broker.operator('viewer') })
    expect(body.items).to.deep.equal([])
  })

  it('is on record before it leaves, with its fingerprint and without the secret', async () => {
    await using broker = await startTestBroker()
    const lease = await made(broker, withPurpose('ask'))
    await approve(broker, lease)
    const { body: credential } = await fetchOne(broker, lease)
    const { body } = await broker.call('GET', '/v1/audit/approved', { token: broker.operator('viewer') })
    expect(body.items.at(-1)).to.deep.include({
      kind: 'credential.minted',
      actor: { type: 'lease', id: lease.id },
      lease: lease.id,
      fingerprint: credential.fingerprint,
      subject: { id: credential.id, outcome: null, reason: null },
    })
    expect(JSON.stringify(body)).to.not.include(credential.value.access_token)
  })
})
