import { expect } from 'chai'

import { startTestBroker, type OperatorName, type TestBroker } from '../support/broker.ts'
import { expectProblem } from '../support/expect-problem.ts'

const DONE = { outcome: 'success' }
const WHY = { reason: 'It was asked to' }

/** The last record of a denied stream. */
const lastDenied = async (broker: TestBroker) => {
  const { body } = await broker.call('GET', '/v1/audit/denied?limit=200', { token: broker.operator('viewer') })
  return body.items.at(-1)
}

describe('a lease', () => {
  let broker: TestBroker
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- the answer is what is being tested
  let lease: any
  before(async () => {
    broker = await startTestBroker()
    lease = (await broker.request()).body
  })
  after(() => broker[Symbol.asyncDispose]())

  const read = (token: string) => broker.call('GET', `/v1/leases/${lease.id}`, { token })

  it('is seen by its own token, by its agent, and by every operator', async () => {
    const tokens = [lease.token as string, broker.identity(), broker.operator('viewer'), broker.operator('admin')]
    for (const token of tokens) expect((await read(token)).body.id).to.equal(lease.id)
  })

  it('does not exist for the token of another lease of the same agent', async () => {
    const { body: other } = await broker.request()
    const token = other.token as string
    expectProblem(await read(token), 'not-found')
    const complete = await broker.call('POST', `/v1/leases/${lease.id}/complete`, { token, body: DONE })
    expectProblem(complete, 'not-found')
    const body = { grant: 'refunds-api' }
    expectProblem(await broker.call('POST', `/v1/leases/${lease.id}/credentials`, { token, body }), 'not-found')
    expect((await read(lease.token as string)).body.state).to.equal('active')
  })

  it('does not exist for another agent', async () => {
    const token = broker.identity('other-bot')
    expectProblem(await read(token), 'not-found')
    const complete = await broker.call('POST', `/v1/leases/${lease.id}/complete`, { token, body: DONE })
    expectProblem(complete, 'not-found')
    const { body: theirs } = await broker.request({}, { agent: 'other-bot' })
    expectProblem(await read(theirs.token as string), 'not-found')
  })

  it('is refused to a PEP, whether it is there or not', async () => {
    expectProblem(await read(broker.pep), 'forbidden')
    const nowhere = '/v1/leases/lse_00000000000000000000000000'
    expectProblem(await broker.call('GET', nowhere, { token: broker.pep }), 'forbidden')
  })

  it('is completed by its agent alone, and revoked by an operator alone', async () => {
    for (const token of [broker.operator('admin'), broker.pep]) {
      const complete = await broker.call('POST', `/v1/leases/${lease.id}/complete`, { token, body: DONE })
      expectProblem(complete, 'forbidden')
    }
    for (const token of [lease.token as string, broker.identity(), broker.pep]) {
      const revoke = await broker.call('POST', `/v1/leases/${lease.id}/revoke`, { token, body: WHY })
      expectProblem(revoke, 'forbidden')
    }
    expect((await read(lease.token as string)).body.state).to.equal('active')
  })

  it('gives credentials to its own token alone', async () => {
    const body = { grant: 'refunds-api' }
    for (const token of [broker.identity(), broker.operator('admin'), broker.pep]) {
      const fetched = await broker.call('POST', `/v1/leases/${lease.id}/credentials`, { token, body })
      expectProblem(fetched, 'forbidden')
    }
  })

  it('is seen by its token for as long as its row is kept', async () => {
    const { body: ended } = await broker.request()
    const path = `/v1/leases/${ended.id}`
    await broker.call('POST', `${path}/complete`, { token: ended.token, body: DONE })
    expect((await broker.call('GET', path, { token: ended.token })).body.state).to.equal('closed')
  })
})

describe('a lease of an agent whose instances are told apart', () => {
  it('does not exist for another instance, nor for an identity without one', async () => {
    await using broker = await startTestBroker({
      configure: ({ agents, ...settings }) => ({
        ...settings,
        agents: (agents as object[]).map((agent) => ({ ...agent, instance_claims: ['run', 'pod'] })),
      }),
    })
    const as = (claims: object) => broker.identity('support-bot', claims)
    const { task, intent, access } = { task: 'run-1', intent: { goal: 'x' }, access: [{ grant: 'refunds-api' }] }
    const token = as({ run: '1', pod: 'a' })
    const { body: lease } = await broker.call('POST', '/v1/leases', { token, body: { task, intent, access } })
    const path = `/v1/leases/${lease.id}`
    expect((await broker.call('GET', path, { token: as({ pod: 'a', run: '1', sha: 'other' }) })).status).to.equal(200)
    for (const claims of [
      { run: '2', pod: 'a' },
      { run: '1', pod: 'b' },
      { run: 1, pod: 'a' },
    ]) {
      expectProblem(await broker.call('GET', path, { token: as(claims) }), 'not-found')
      const done = await broker.call('POST', `${path}/complete`, { token: as(claims), body: DONE })
      expectProblem(done, 'not-found')
    }
    for (const claims of [{}, { run: '1' }, { run: '1', pod: '' }])
      expectProblem(await broker.call('GET', path, { token: as(claims) }), 'unauthenticated')
    expect((await broker.call('POST', `${path}/complete`, { token, body: DONE })).status).to.equal(200)
  })
})

describe('an operator', () => {
  const ROLES: readonly OperatorName[] = ['viewer', 'approver', 'operator', 'admin']
  const NOWHERE = '/v1/approvals/apr_00000000000000000000000000'
  const DIGEST = { digest: `sha256:${'0'.repeat(64)}` }
  /** What each role adds to those before it. 404: it may, and there is nothing. */
  const CALLS: readonly (readonly [least: OperatorName, method: string, path: string, body?: object])[] = [
    ['viewer', 'GET', '/v1/leases'],
    ['viewer', 'GET', '/v1/leases/lse_00000000000000000000000000'],
    ['viewer', 'GET', '/v1/approvals'],
    ['viewer', 'GET', NOWHERE],
    ['viewer', 'GET', '/v1/agents'],
    ['viewer', 'GET', '/v1/agents/support-bot'],
    ['viewer', 'GET', '/v1/whoami'],
    ['viewer', 'GET', '/v1/audit/approved'],
    ['viewer', 'GET', '/v1/audit/denied'],
    ['viewer', 'GET', '/v1/audit/operations'],
    ['viewer', 'GET', '/v1/audit/checkpoint'],
    ['viewer', 'GET', '/v1/audit/keys'],
    ['viewer', 'GET', '/v1/credentials'],
    ['viewer', 'GET', '/v1/freezes'],
    ['approver', 'POST', `${NOWHERE}/approve`, DIGEST],
    ['approver', 'POST', `${NOWHERE}/deny`, { ...DIGEST, ...WHY }],
    ['operator', 'POST', '/v1/leases/lse_00000000000000000000000000/revoke', WHY],
    ['operator', 'POST', '/v1/freeze', { scope: { lease: 'lse_00000000000000000000000000' }, ...WHY }],
    ['operator', 'POST', '/v1/unfreeze', { id: 'frz_00000000000000000000000000', ...WHY }],
    ...['tasks', 'agents', 'owners'].flatMap((kind) =>
      ['revoke', 'restore'].map((verb) => ['operator', 'POST', `/v1/${kind}/nobody/${verb}`, WHY] as const),
    ),
    ['operator', 'POST', '/v1/credentials/crd_00000000000000000000000000/retry'],
    ['admin', 'POST', '/v1/credentials/crd_00000000000000000000000000/abandon', WHY],
    ['admin', 'POST', '/v1/clock/accept'],
  ]

  let broker: TestBroker
  before(async () => (broker = await startTestBroker()))
  after(() => broker[Symbol.asyncDispose]())

  for (const [least, method, path, body] of CALLS) {
    it(`needs the role ${least} or above for ${method} ${path}`, async () => {
      for (const role of ROLES) {
        const answer = await broker.call(method, path, { token: broker.operator(role), body })
        if (ROLES.indexOf(role) >= ROLES.indexOf(least)) expect(answer.status, role).to.be.oneOf([200, 404])
        else expectProblem(answer, 'forbidden')
      }
    })
  }

  it('whose role is too low is on record, with what was tried', async () => {
    const revoke = '/v1/leases/lse_00000000000000000000000000/revoke'
    const { headers } = await broker.call('POST', revoke, { token: broker.operator('approver'), body: WHY })
    expect(await lastDenied(broker)).to.deep.include({
      kind: 'operator.refused',
      actor: { type: 'operator', id: 'amy@example.com' },
      subject: {
        id: 'amy@example.com',
        outcome: 'refused',
        reason: 'POST /v1/leases/{lease}/revoke needs the role operator',
      },
      request_id: headers.get('request-id'),
    })
  })

  it('is what no other token is, and that is on record too', async () => {
    const { body: lease } = await broker.request()
    const tokens = { lease: lease.token as string, agent: broker.identity(), pep: broker.pep }
    for (const [type, token] of Object.entries(tokens)) {
      for (const path of ['/v1/leases', '/v1/agents', '/v1/approvals', '/v1/audit/denied', '/v1/audit/keys'])
        expectProblem(await broker.call('GET', path, { token }), 'forbidden')
      const record = await lastDenied(broker)
      expect({ kind: record.kind, type: record.actor.type }).to.deep.equal({ kind: 'operator.refused', type })
    }
  })

  it('whose token has ended is nobody', async () => {
    await using soon = await startTestBroker({
      configure: ({ operators, ...settings }) => ({
        ...settings,
        operators: (operators as object[]).map((operator) => ({
          ...operator,
          expires_at: new Date(Date.now() + 60_000).toISOString(),
        })),
      }),
    })
    const list = () => soon.call('GET', '/v1/leases', { token: soon.operator('admin') })
    expect((await list()).status).to.equal(200)
    soon.clock.advance(60_000)
    expectProblem(await list(), 'unauthenticated')
  })
})

describe('whoever proves nothing', () => {
  const OPEN = ['/livez', '/readyz', '/metrics', '/openapi.json', '/.well-known/']

  it('reaches what is open, and nothing else', async () => {
    await using broker = await startTestBroker()
    const { body: description } = await broker.call('GET', '/openapi.json')
    const paths = Object.entries(description.paths as Record<string, object>)
    expect(paths.length).to.be.greaterThan(15)
    for (const [template, methods] of paths) {
      const path = template.replace(/\{(\w+)\}/g, 'x')
      for (const method of Object.keys(methods)) {
        const { status } = await broker.call(method.toUpperCase(), path)
        const open = OPEN.some((start) => path.startsWith(start))
        expect(status, `${method} ${path}`).to.equal(open ? 200 : 401)
      }
    }
  })
})
