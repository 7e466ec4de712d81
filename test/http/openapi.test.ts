import { createConfig, lintFromString } from '@redocly/openapi-core'
import { expect } from 'chai'
import * as z from 'zod'
import { approve, askFor } from '../support/approvals.ts'
import { startTestBroker, type Answered, type Call, type TestBroker } from '../support/broker.ts'
import { later } from '../support/later.ts'
import { startUpstreamBroker, WAREHOUSE } from '../support/upstream-broker.ts'

/** The calls of the contract, as far as they are built. */
const CALLS = [
  ...['get /v1/leases', 'post /v1/leases', 'get /v1/leases/{lease}', 'post /v1/leases/{lease}/credentials'],
  ...['post /v1/leases/{lease}/complete', 'post /v1/leases/{lease}/revoke'],
  ...['post /v1/leases/{lease}/renew', 'post /v1/leases/{lease}/heartbeat'],
  ...['get /v1/credentials', 'post /v1/credentials/{credential}/retry', 'post /v1/credentials/{credential}/abandon'],
  ...['post /v1/freeze', 'post /v1/unfreeze', 'get /v1/freezes', 'post /v1/clock/accept'],
  ...['post /v1/tasks/{task}/revoke', 'post /v1/agents/{agent}/revoke', 'post /v1/owners/{owner}/revoke'],
  ...['post /v1/tasks/{task}/restore', 'post /v1/agents/{agent}/restore', 'post /v1/owners/{owner}/restore'],
  ...['get /v1/approvals', 'get /v1/approvals/{approval}', 'post /v1/approvals/{approval}/approve'],
  ...['post /v1/approvals/{approval}/deny', 'post /v1/approvals/{approval}/cancel'],
  ...['get /v1/agents', 'get /v1/agents/{agent}', 'get /v1/whoami'],
  ...['get /v1/audit/{stream}', 'get /v1/audit/checkpoint', 'get /v1/audit/keys'],
  ...['get /.well-known/jwks.json', 'get /.well-known/oauth-authorization-server'],
  ...['get /.well-known/openid-configuration', 'post /oauth/introspect'],
  ...['get /livez', 'get /readyz', 'get /metrics', 'get /openapi.json'],
]

const describedBy = async (broker: TestBroker) => (await broker.call('GET', '/openapi.json')).body
const callsIn = (document: { paths: Record<string, object> }): readonly string[] =>
  Object.entries(document.paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method} ${path}`))

/** What is wrong with a document, by the standard's own structure. */
async function faultsOf(document: unknown): Promise<readonly string[]> {
  const strict = ['struct', 'no-unresolved-refs', 'path-parameters-defined', 'security-defined']
  const unique = ['operation-operationId', 'operation-operationId-unique', 'operation-parameters-unique']
  const rules = Object.fromEntries([...strict, ...unique].map((rule) => [rule, 'error' as const]))
  const faults = await lintFromString({ source: JSON.stringify(document), config: await createConfig({ rules }) })
  return faults.map(({ ruleId, message }) => `${ruleId}: ${message}`)
}

describe('the OpenAPI document', () => {
  it('covers every call of the contract', async () => {
    await using broker = await startTestBroker()
    expect(callsIn(await describedBy(broker))).to.include.members(CALLS)
  })

  it('describes no call that is not there', async () => {
    await using broker = await startTestBroker()
    for (const call of callsIn(await describedBy(broker))) {
      const [method = '', path = ''] = call.split(' ')
      const answer = await broker.call(method.toUpperCase(), path.replace(/\{\w+\}/g, 'x'))
      expect(answer.status, call).to.not.be.oneOf([404, 405, 500])
    }
  })

  it('is valid OpenAPI 3.1', async () => {
    await using broker = await startTestBroker()
    const document = await describedBy(broker)
    expect(document.openapi).to.match(/^3\.1\./)
    expect(await faultsOf(document)).to.deep.equal([])
    delete document.paths['/livez'].get.responses
    delete document.components.schemas.Credential
    expect((await faultsOf(document)).length, 'a faulty one is found out').to.be.greaterThan(1)
  })

  it('says of every call who may make it, and how it refuses', async () => {
    await using broker = await startTestBroker()
    const { paths } = await describedBy(broker)
    for (const call of CALLS) {
      const [method = '', path = ''] = call.split(' ')
      const { security, description, responses } = paths[path][method]
      const open = /^\/(\.well-known|livez|readyz|metrics|openapi)/.test(path)
      expect(security, call).to.deep.equal(open ? [] : [{ bearer: [] }])
      if (!open) expect(description, call).to.match(/^Takes .* tokens\.$/)
      expect(Object.keys(responses), call).to.include.members(open ? ['400', '500'] : ['400', '401', '403', '500'])
    }
  })

  it('describes exactly what is really answered', async () => {
    await using broker = await startTestBroker()
    const document = await describedBy(broker)
    const viewer = { token: broker.operator('viewer') }
    const { body: lease, ...granted } = await broker.request({ tools: [{ tool: 'orders.get' }] })
    const asked = await askFor(broker)
    const path = `/v1/leases/${lease.id}`
    const end = { token: lease.token, body: { outcome: 'success' } }
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    const answers: readonly (readonly [string, Answered])[] = [
      ['post /v1/leases', { ...granted, body: lease }],
      ['post /v1/leases', await broker.request({ access: [{ grant: 'other-api' }] })],
      ['get /v1/leases', await broker.call('GET', '/v1/leases', viewer)],
      ['get /v1/leases/{lease}', await broker.call('GET', path, viewer)],
      ['get /v1/approvals/{approval}', await broker.call('GET', `/v1/approvals/${asked.approval}`, viewer)],
      ['post /v1/approvals/{approval}/approve', await approve(broker, asked)],
      ['post /v1/approvals/{approval}/approve', await approve(broker, asked)],
      ['post /v1/leases/{lease}/complete', await broker.call('POST', `${path}/complete`, end)],
      ['get /v1/agents', await broker.call('GET', '/v1/agents', viewer)],
      ['get /v1/whoami', await broker.call('GET', '/v1/whoami', { token: broker.pep })],
      ['get /v1/whoami', await broker.call('GET', '/v1/whoami')],
      ['get /v1/audit/{stream}', await broker.call('GET', '/v1/audit/approved', viewer)],
      ['get /v1/audit/keys', await broker.call('GET', '/v1/audit/keys', viewer)],
      [
        'post /oauth/introspect',
        await broker.call('POST', '/oauth/introspect', { ...viewer, body: 'x', headers: form }),
      ],
      ['get /readyz', await broker.call('GET', '/readyz')],
      ['get /livez', await broker.call('GET', '/livez')],
    ]
    expectDescribed(document, answers)
  })

  it('describes exactly what the ledger answers', async () => {
    await using broker = await startUpstreamBroker()
    const admin = { token: broker.operator('admin') }
    const why = { ...admin, body: { reason: 'It went wrong' } }
    const { body: lease } = await broker.request({ access: [WAREHOUSE, { grant: 'refunds-api' }] })
    const path = `/v1/leases/${lease.id}`
    const own = { token: lease.token as string }
    const key = { headers: { 'idempotency-key': 'once' } }
    const scope = { task: 'run-1' }
    const post = (to: string, call: Call): Promise<Answered> => broker.call('POST', to, call)
    const answers: (readonly [string, Answered])[] = [
      ['post /v1/leases/{lease}/renew', await post(`${path}/renew`, { ...own, body: { ttl: 600 } })],
      ['post /v1/leases/{lease}/renew', await post(`${path}/renew`, { ...own, body: { ttl: 1 } })],
      ['post /v1/leases/{lease}/heartbeat', await post(`${path}/heartbeat`, own)],
    ]
    await later(broker, 210)
    for (let time = 0; time < 2; time += 1) {
      const fetched = await post(`${path}/credentials`, { ...own, ...key, body: { grant: 'refunds-api' } })
      answers.push(['post /v1/leases/{lease}/credentials', fetched])
    }
    const freeze = () => post('/v1/freeze', { ...admin, body: { scope, reason: 'Odd' } })
    const frozen = await freeze()
    const { id } = frozen.body
    answers.push(
      ['post /v1/freeze', frozen],
      ['post /v1/freeze', await freeze()],
      ['get /v1/freezes', await broker.call('GET', '/v1/freezes', admin)],
      ['post /v1/leases/{lease}/renew', await post(`${path}/renew`, { ...own, body: { ttl: 600 } })],
      ['post /v1/unfreeze', await post('/v1/unfreeze', { ...admin, body: { id, reason: 'Fine' } })],
    )
    broker.upstream.script({ revoke: 'permanent' })
    for (const kind of ['task', 'agent', 'owner'] as const) {
      const name = { task: 'run-1', agent: 'support-bot', owner: 'dana@example.com' }[kind]
      answers.push([`post /v1/${kind}s/{${kind}}/revoke`, await post(`/v1/${kind}s/${name}/revoke`, why)])
    }
    answers.push(['post /v1/leases', await broker.request()])
    for (const kind of ['task', 'agent', 'owner'] as const) {
      const name = { task: 'run-1', agent: 'support-bot', owner: 'dana@example.com' }[kind]
      answers.push([`post /v1/${kind}s/{${kind}}/restore`, await post(`/v1/${kind}s/${name}/restore`, why)])
    }
    await broker.app.sweep()
    const stuck = await broker.call('GET', '/v1/credentials?stuck=true', admin)
    const credential = `/v1/credentials/${stuck.body.items[0].id as string}`
    const abandon = await post(`${credential}/abandon`, why)
    const approval = abandon.body.id as string
    answers.push(
      ['get /v1/credentials', stuck],
      ['post /v1/credentials/{credential}/abandon', abandon],
      ['get /v1/approvals/{approval}', await broker.call('GET', `/v1/approvals/${approval}`, admin)],
      ['post /v1/credentials/{credential}/retry', await post(`${credential}/retry`, admin)],
      ['post /v1/clock/accept', await post('/v1/clock/accept', admin)],
    )
    expectDescribed(await describedBy(broker), answers)
    const statuses = answers.map(([, { status }]) => status)
    expect([...new Set(statuses)].toSorted()).to.deep.equal([200, 201, 202, 400, 403, 503])
  })
})

/** That each is what the document says of that call, to the member. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the document is what is being tested
function expectDescribed(document: any, answers: readonly (readonly [string, Answered])[]): void {
  for (const [call, { status, headers, body }] of answers) {
    const [method = '', route = ''] = call.split(' ')
    const { content } = document.paths[route][method].responses[status] ?? {}
    const type = headers.get('content-type')?.split(';')[0] ?? ''
    expect(content, `${call} answers ${status}`).to.have.property(type)
    const read = readerOf(content[type].schema, document.components.schemas)
    expect(read.safeParse(body).error?.issues, `${call} answers ${status}`).to.equal(undefined)
    expect(read.safeParse({ ...body, surprise: 1 }).success && route !== '/oauth/introspect', call).to.equal(false)
  }
}

/** A reader of what a schema of the document describes. */
function readerOf(schema: object, schemas: object): z.ZodType {
  const whole = JSON.stringify({ ...schema, $defs: schemas }).replaceAll('#/components/schemas/', '#/$defs/')
  return z.fromJSONSchema(JSON.parse(whole) as z.core.JSONSchema.JSONSchema)
}
