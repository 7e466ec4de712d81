import { expect } from 'chai'

import { startTestBroker, type TestBroker } from '../support/broker.ts'
import { errorPaths, expectProblem } from '../support/expect-problem.ts'

describe('the agents', () => {
  let broker: TestBroker
  before(async () => {
    broker = await startTestBroker({
      configure: ({ agents, ...settings }) => {
        const [first, ...rest] = agents as object[]
        const known = { ...first, trust: 'medium', autonomy: 'supervised', data_classes: ['pii'], heartbeat: 30 }
        return { ...settings, agents: [known, ...rest] }
      },
    })
  })
  after(() => broker[Symbol.asyncDispose]())

  const get = (path: string) => broker.call('GET', path, { token: broker.operator('viewer') })

  it('are listed by id, a page at a time', async () => {
    const { body: first } = await get('/v1/agents?limit=1')
    expect(first.items.map(({ id }: { id: string }) => id)).to.deep.equal(['other-bot'])
    const { body: second } = await get(`/v1/agents?limit=1&cursor=${first.next_cursor}`)
    expect(second.items.map(({ id }: { id: string }) => id)).to.deep.equal(['support-bot'])
    expect(second.next_cursor).to.equal(null)
  })

  it('take no cursor of another list, and no filter', async () => {
    await broker.request()
    await broker.request()
    const { body: leases } = await get('/v1/leases?limit=1')
    const answer = await get(`/v1/agents?cursor=${leases.next_cursor}`)
    expect(errorPaths(expectProblem(answer, 'invalid-request'))).to.deep.equal(['/cursor'])
    expect(errorPaths(expectProblem(await get('/v1/agents?owner=x'), 'invalid-request'))).to.deep.equal(['/owner'])
  })

  it('are shown as they are configured, with the leases that they hold', async () => {
    const { body: before } = await get('/v1/agents/support-bot')
    await broker.request()
    const { status, body: agent } = await get('/v1/agents/support-bot')
    expect(status).to.equal(200)
    expect(agent).to.deep.equal({
      id: 'support-bot',
      owner: 'dana@example.com',
      trust: 'medium',
      autonomy: 'supervised',
      purposes: ['customer-support', 'ask', 'ask-two', 'deny', 'charge'],
      data_classes: ['pii'],
      grants: ['refunds-api', 'orders-api'],
      tools: ['orders.get', 'refunds.create', 'email.send'],
      heartbeat: 30,
      open_leases: (before.open_leases as number) + 1,
    })
    const { body } = await get('/v1/agents')
    expect(body.items).to.deep.include(agent)
  })
})

describe('whoami', () => {
  it('says whom Mayfly takes each caller for', async () => {
    await using broker = await startTestBroker({
      configure: ({ agents, ...settings }) => ({
        ...settings,
        agents: (agents as object[]).map((agent) => ({ ...agent, instance_claims: ['run'] })),
      }),
    })
    const identity = broker.identity('support-bot', { run: '7' })
    const access = [{ grant: 'refunds-api' }]
    const body = { task: 'run-7', intent: { goal: 'Find out' }, access }
    const { body: lease } = await broker.call('POST', '/v1/leases', { token: identity, body })
    const whoami = async (token: string) => (await broker.call('GET', '/v1/whoami', { token })).body as unknown
    expect(await whoami(identity)).to.deep.equal({
      type: 'agent',
      id: 'support-bot',
      issuer: 'test',
      subject: 'support-bot',
      instance: '{"run":"7"}',
    })
    expect(await whoami(lease.token as string)).to.deep.equal({ type: 'lease', id: lease.id, agent: 'support-bot' })
    expect(await whoami(broker.operator('approver'))).to.deep.equal({
      type: 'operator',
      id: 'amy@example.com',
      role: 'approver',
    })
    expect(await whoami(broker.pep)).to.deep.equal({
      type: 'pep',
      id: 'refunds-server',
      audiences: ['https://refunds.test'],
      tools: ['refunds.*'],
    })
  })
})
