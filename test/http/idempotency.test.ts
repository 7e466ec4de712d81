import { expect } from 'chai'

import { ORDINARY, startTestBroker, type TestBroker } from '../support/broker.ts'
import { expectLease, without } from '../support/expect-lease.ts'
import { expectProblem } from '../support/expect-problem.ts'
import { gatedProvider } from '../support/gated-provider.ts'
import { withPurpose } from '../support/requests.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const KEYED = { headers: { 'idempotency-key': 'run-1:first' } }

const leasesOf = async (broker: TestBroker, query = '') => {
  const { body } = await broker.call('GET', `/v1/leases?limit=200${query}`, { token: broker.operator('viewer') })
  return body.items as readonly { readonly id: string }[]
}

describe('an Idempotency-Key', () => {
  it('answers a repeated request with the same lease, without its secrets', async () => {
    await using broker = await startTestBroker()
    const { body: first } = await broker.request({}, KEYED)
    const { status, body: again } = await broker.request({}, KEYED)
    expect(status).to.equal(200)
    expectLease(again, 'replayed')
    expect(again.replayed).to.equal(true)
    const credentials = first.credentials.map((credential: object) => without(credential, 'value'))
    expect(without(again, 'replayed')).to.deep.equal({ ...without(first, 'token'), credentials })
    expect(await leasesOf(broker)).to.have.length(1)
  })

  it('answers a repeated request that asks with the same pending lease', async () => {
    await using broker = await startTestBroker()
    const { body: first } = await broker.request(withPurpose('ask'), KEYED)
    const { status, body: again } = await broker.request(withPurpose('ask'), KEYED)
    expect(status).to.equal(200)
    expect(again).to.include({ id: first.id, state: 'pending', replayed: true })
    expect(again.approval).to.deep.equal(first.approval)
    expect(again).to.not.have.property('token')
  })

  it('answers with the lease as it is by now', async () => {
    await using broker = await startTestBroker()
    const { body: lease } = await broker.request({}, KEYED)
    const body = { outcome: 'success' }
    await broker.call('POST', `/v1/leases/${lease.id}/complete`, { token: lease.token, body })
    const { status, body: again } = await broker.request({}, KEYED)
    expect(status).to.equal(200)
    expect(again).to.include({ id: lease.id, state: 'closed', outcome: 'completed', replayed: true })
  })

  it('stands for what the body says and not for how it is spelt', async () => {
    await using broker = await startTestBroker()
    const { body: first } = await broker.request({}, KEYED)
    const { task, intent, access } = ORDINARY
    const spelt = `{ "ttl": 3e2,\n "access": ${JSON.stringify(access)}, "intent": {"origin":"\\u0075ser",
      "autonomy":"supervised","goal":${JSON.stringify(intent.goal)}}, "t\\u0061sk": ${JSON.stringify(task)} }`
    const { status, body } = await broker.call('POST', '/v1/leases', {
      token: broker.identity(),
      body: spelt,
      headers: KEYED.headers,
    })
    expect({ status, id: body.id }).to.deep.equal({ status: 200, id: first.id })
  })

  for (const over of [{ ttl: 299 }, { task: 'run-2' }, { context: {} }, withPurpose('deny')]) {
    it(`is refused with another body: ${JSON.stringify(over)}`, async () => {
      await using broker = await startTestBroker()
      await broker.request({}, KEYED)
      expectProblem(await broker.request(over, KEYED), 'idempotency-mismatch')
      expect(await leasesOf(broker)).to.have.length(1)
    })
  }

  it('is in the way of a second request until the first is answered', async () => {
    const gate = gatedProvider()
    await using broker = await startTestBroker({ app: { decorate: { provider: gate.decorate } } })
    const first = broker.request({}, KEYED)
    await gate.reached
    for (const over of [{}, { ttl: 60 }]) {
      const problem = expectProblem(await broker.request(over, KEYED), 'conflict')
      expect(problem.detail).to.include('still being answered')
      expect(problem).to.not.have.property('state')
    }
    gate.open()
    const { status, body } = await first
    expect(status).to.equal(201)
    expect((await broker.request({}, KEYED)).body).to.include({ id: body.id, replayed: true })
  })

  it('makes one lease of fifty requests at once', async () => {
    await using broker = await startTestBroker()
    const answers = await Promise.all(Array.from({ length: 50 }, () => broker.request({}, KEYED)))
    const made = answers.filter(({ status }) => status === 201)
    expect(made).to.have.length(1)
    for (const answer of answers.filter(({ status }) => status !== 201)) {
      if (answer.status === 200) expect(answer.body).to.include({ id: made[0]?.body.id, replayed: true })
      else expectProblem(answer, 'conflict')
    }
    expect(await leasesOf(broker)).to.have.length(1)
    const { body: audit } = await broker.call('GET', '/v1/audit/approved', { token: broker.operator('viewer') })
    expect(audit.items.map(({ kind }: { kind: string }) => kind)).to.deep.equal(['lease.granted', 'credential.minted'])
  })

  it('makes fifty leases of fifty keys at once: the control', async () => {
    await using broker = await startTestBroker()
    const keyed = (at: number) => broker.request({}, { headers: { 'idempotency-key': `key-${at}` } })
    const answers = await Promise.all(Array.from({ length: 50 }, (_, at) => keyed(at)))
    expect(new Set(answers.map(({ body }) => body.id as string)).size).to.equal(50)
  })

  it('stands for nothing after an answer that made no lease', async () => {
    let works = false
    await using broker = await startTestBroker({
      app: {
        decorate: {
          provider: (provider) => {
            if (provider.kind !== 'local') return provider
            const mint: typeof provider.mint = (order) =>
              works ? provider.mint(order) : Promise.reject(new Error('not today'))
            return { ...provider, mint }
          },
        },
      },
    })
    expectProblem(await broker.request({ ttl: 1 }, KEYED), 'invalid-request')
    expectProblem(await broker.request({ access: [{ grant: 'nowhere' }] }, KEYED), 'not-granted')
    expectProblem(await broker.request(withPurpose('deny'), KEYED), 'denied')
    expectProblem(await broker.request({}, KEYED), 'provider-unavailable')
    works = true
    expect((await broker.request({}, KEYED)).status).to.equal(201)
  })

  it('is the caller’s own: another agent’s, or another instance’s, is another key', async () => {
    await using broker = await startTestBroker({
      configure: ({ agents, ...settings }) => ({
        ...settings,
        agents: (agents as object[]).map((agent) => ({ ...agent, instance_claims: ['run'] })),
      }),
    })
    const ask = (agent: string, run: string) =>
      broker.call('POST', '/v1/leases', {
        token: broker.identity(agent, { run }),
        body: ORDINARY,
        headers: KEYED.headers,
      })
    const answers = [await ask('support-bot', 'a'), await ask('other-bot', 'a'), await ask('support-bot', 'b')]
    expect(answers.map(({ status }) => status)).to.deep.equal([201, 201, 201])
    expect(new Set(answers.map(({ body }) => body.id as string)).size).to.equal(3)
    expect((await ask('support-bot', 'a')).body).to.include({ id: answers[0]?.body.id, replayed: true })
  })

  it('is kept for 24 hours', async () => {
    await using broker = await startTestBroker()
    const { body: first } = await broker.request({}, KEYED)
    broker.clock.advance(24 * 3600_000 - 60_000)
    await broker.app.sweep()
    expect((await broker.request({}, KEYED)).body).to.include({ id: first.id, replayed: true })
    broker.clock.advance(60_000)
    await broker.app.sweep()
    const { status, body: second } = await broker.request({ ttl: 60 }, KEYED)
    expect(status).to.equal(201)
    expect(second.id).to.not.equal(first.id)
  })

  it('is kept across a restart', async () => {
    await using folder = await temporaryFolder()
    let id: string
    {
      await using broker = await startTestBroker({ folder: folder.path })
      id = (await broker.request({}, KEYED)).body.id as string
    }
    await using broker = await startTestBroker({ folder: folder.path })
    expect((await broker.request({}, KEYED)).body).to.include({ id, replayed: true })
    expectProblem(await broker.request({ ttl: 60 }, KEYED), 'idempotency-mismatch')
  })

  it('is 1 to 128 visible ASCII characters', async () => {
    await using broker = await startTestBroker()
    const keyed = (key: string) => broker.request({}, { headers: { 'idempotency-key': key } })
    for (const key of ['', 'a'.repeat(129), 'a b', 'schlüssel', 'a\tb']) {
      const { errors } = expectProblem(await keyed(key), 'invalid-request')
      expect(errors[0].path, key).to.equal('/idempotency-key')
    }
    for (const key of ['a', '~'.repeat(128), '!"#$%&()*+,-./:;<=>?@[]^_`{|}'])
      expect((await keyed(key)).status, key).to.equal(201)
    expect((await keyed('A')).status, 'another case is another key').to.equal(201)
  })
})
