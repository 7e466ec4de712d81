import { expect } from 'chai'

import type { MintOrder } from '../../src/broker/ports.ts'
import { ORDINARY, startTestBroker, TEST_RULES, type TestBroker } from '../support/broker.ts'
import { errorPaths, expectProblem } from '../support/expect-problem.ts'
import { withPurpose } from '../support/requests.ts'

describe('a lease request that is not allowed', () => {
  const rules = TEST_RULES.replace(
    'rules:',
    `rules:
  - { id: watches, on: lease, when: 'intent.purpose != ""', effect: deny, reason: It only watches, mode: observe }
  - { id: piles-up, on: lease, when: 'ttl == 86', risk: 60, reason: It is a strange time }`,
  )
  let broker: TestBroker
  before(async () => (broker = await startTestBroker({ rules })))
  after(() => broker[Symbol.asyncDispose]())

  const everything = async () => (await broker.call('GET', '/v1/leases', { token: broker.operator('viewer') })).body

  it('is denied by a rule, which is named, and leaves a record and no lease', async () => {
    const answer = await broker.request({ task: 'denied', ...withPurpose('deny') })
    const { decision, detail } = expectProblem(answer, 'denied')
    expect(detail).to.include('It was asked to deny').and.include('denies')
    expect(decision).to.include({ effect: 'deny' })
    expect(decision.rules).to.deep.equal([
      { id: 'watches', effect: 'deny', reason: 'It only watches', mode: 'observe' },
      { id: 'denies', effect: 'deny', reason: 'It was asked to deny', mode: 'enforce' },
    ])
    expect((await everything()).items.filter(({ task }: { task: string }) => task === 'denied')).to.deep.equal([])
    const { body } = await broker.call('GET', '/v1/audit/denied', { token: broker.operator('viewer') })
    expect(body.items.at(-1)).to.include({ kind: 'lease.denied', task: 'denied', lease: null })
    expect(body.items.at(-1).decision.id).to.equal(decision.id)
  })

  it('is denied by its tier', async () => {
    const { decision, detail } = expectProblem(await broker.request({ ttl: 86 }), 'denied')
    expect(detail).to.include('critical')
    expect(decision.risk).to.deep.include({ score: 60, tier: 'critical' })
  })

  it('is not denied by a rule that only observes', async () => {
    const { status, body } = await broker.request(withPurpose('customer-support'))
    expect(status).to.equal(201)
    expect(body.decision.rules).to.deep.include({
      id: 'watches',
      effect: 'deny',
      reason: 'It only watches',
      mode: 'observe',
    })
  })

  it('is told of everything that lies outside its ceiling at once', async () => {
    const answer = await broker.request({
      intent: { ...ORDINARY.intent, purpose: 'mining' },
      access: [
        { grant: 'refunds-api', actions: ['refund:create', 'refund:delete'] },
        { grant: 'nowhere' },
        { grant: 'orders-api', resources: ['users/1'] },
      ],
      tools: [{ tool: 'orders.get' }, { tool: 'bank.pay' }],
    })
    const body = expectProblem(answer, 'not-granted')
    expect(errorPaths(body)).to.have.members([
      '/intent/purpose',
      '/access/0/actions',
      '/access/1/grant',
      '/access/2/resources',
      '/tools/1/tool',
    ])
  })

  for (const access of [
    { grant: 'refunds-api', actions: ['*'] },
    { grant: 'refunds-api', actions: ['refund:*'] },
    { grant: 'refunds-api', actions: ['Refund:Create'] },
    { grant: 'refunds-api', actions: ['refund:create '] },
    { grant: 'refunds-api', resources: ['orders/1'] },
    { grant: 'orders-api', resources: ['*'] },
    { grant: 'orders-api', resources: ['orders/1/*', 'ordersx'] },
    { grant: 'Refunds-API' },
    { grant: '__proto__' },
  ]) {
    it(`is not granted ${JSON.stringify(access)}, and nothing is dropped silently`, async () => {
      expectProblem(await broker.request({ access: [access], tools: [{ tool: 'orders.get' }] }), 'not-granted')
    })
  }

  it('cannot tell a grant of somebody else from one that does not exist', async () => {
    await using narrow = await startTestBroker({
      configure: ({ agents, ...settings }) => ({
        ...settings,
        agents: (agents as { id: string }[]).map((agent) =>
          agent.id === 'support-bot' ? { ...agent, grants: ['refunds-api'] } : agent,
        ),
      }),
    })
    const [theirs, nobodys] = await Promise.all(
      ['orders-api', 'vaults-api'].map((grant) => narrow.request({ access: [{ grant }] })),
    )
    const message = theirs?.body.errors[0].message as string
    expect(nobodys?.body.errors[0].message).to.equal(message.replace('orders', 'vaults'))
  })

  it('is for an agent: no other token asks for a lease', async () => {
    const { body: lease } = await broker.request()
    for (const token of [lease.token as string, broker.pep, broker.operator('admin')])
      expectProblem(await broker.call('POST', '/v1/leases', { token, body: ORDINARY }), 'forbidden')
  })

  it('is of nobody known when no agent matches the identity', async () => {
    expectProblem(await broker.request({}, { agent: 'stranger' }), 'unknown-agent')
  })

  it('leaves nothing of any grant when one of them could not be minted', async () => {
    await using partly = await startTestBroker({
      app: {
        decorate: {
          provider: (provider) =>
            provider.kind === 'local'
              ? {
                  ...provider,
                  mint: (order: MintOrder) =>
                    order.grant.name === 'orders-api' ? Promise.reject(new Error('not today')) : provider.mint(order),
                }
              : provider,
        },
      },
    })
    const both = { access: [{ grant: 'refunds-api' }, { grant: 'orders-api' }] }
    expectProblem(await partly.request(both), 'provider-unavailable')
    expect((await partly.request()).status).to.equal(201)
    const { body } = await partly.call('GET', '/v1/leases?state=active', { token: partly.operator('viewer') })
    expect(body.items).to.have.length(1)
  })
})
