import { expect } from 'chai'

import { startTestBroker, type TestBroker } from '../support/broker.ts'
import { errorPaths, expectProblem } from '../support/expect-problem.ts'

describe('a request to a route', () => {
  let broker: TestBroker
  before(async () => (broker = await startTestBroker()))
  after(() => broker[Symbol.asyncDispose]())

  const get = (path: string) => broker.call('GET', path, { token: broker.operator('viewer') })

  const BAD_QUERIES: Readonly<Record<string, string>> = {
    'limit=0': '/limit',
    'limit=201': '/limit',
    'limit=-1': '/limit',
    'limit=05': '/limit',
    'limit=1e2': '/limit',
    'limit=5.0': '/limit',
    'limit=%205': '/limit',
    'limit=': '/limit',
    'cursor=': '/cursor',
    'state=dead': '/state',
    'state=': '/state',
    'since=yesterday': '/since',
    'since=2026-11-25': '/since',
    'until=2026-11-25T10:00:00%2B01:00': '/until',
    'until=2026-02-30T10:00:00Z': '/until',
    'colour=red': '/colour',
    '__proto__=1': '/__proto__',
    'constructor=1': '/constructor',
    'task=a&task=a': '/task',
    'a=1&a=2': '/a',
    'limit%5B%5D=1': '/limit[]',
  }
  for (const [query, path] of Object.entries(BAD_QUERIES)) {
    it(`is refused with the query ${query}`, async () => {
      expect(errorPaths(expectProblem(await get(`/v1/leases?${query}`), 'invalid-request'))).to.include(path)
    })
  }

  it('is told of every fault of its query at once', async () => {
    const { body } = await get('/v1/leases?limit=0&state=dead&colour=red')
    expect(errorPaths(body)).to.have.members(['/limit', '/state', '/colour'])
  })

  it('is refused with a query where none is taken', async () => {
    expect(errorPaths(expectProblem(await get('/v1/whoami?verbose=1'), 'invalid-request'))).to.deep.equal(['/verbose'])
  })

  const UNKNOWN = [
    '/',
    '/v1',
    '/v1/leases/',
    '/V1/leases',
    '/v1/leases/lse_1',
    '/v1/leases/crd_00000000000000000000000000',
    '/v1/leases/lse_0000000000000000000000000i',
    '/v1/leases/LSE_00000000000000000000000000',
    '/v1/leases/lse_00000000000000000000000000',
    '/v1/leases/lse_00000000000000000000000000%20',
    '/v1/leases/%E0%A4%A',
    '/v1/leases/%00',
    '/v1/leases/..%2f..%2fagents',
    '/v1/agents/nobody',
    '/v1/agents/__proto__',
    '/v1/audit/everything',
  ]
  for (const path of UNKNOWN) {
    it(`to ${path} finds nothing`, async () => {
      expectProblem(await get(path), 'not-found')
    })
  }

  it('has the same answer whether the thing is not there or its id has no form', async () => {
    const bodies = await Promise.all(
      ['/v1/leases/lse_1', '/v1/leases/lse_00000000000000000000000000'].map(async (path) => (await get(path)).body),
    )
    const [one, other] = bodies.map(({ instance, ...rest }) => ({ ...rest, instance: typeof instance }))
    expect(one).to.deep.equal(other)
  })

  const METHODS: readonly (readonly [method: string, path: string, allow: string])[] = [
    ['PUT', '/v1/leases', 'POST, GET, HEAD'],
    ['OPTIONS', '/v1/leases', 'POST, GET, HEAD'],
    ['POST', '/v1/leases/lse_00000000000000000000000000', 'GET, HEAD'],
    ['PATCH', '/v1/leases/lse_00000000000000000000000000/complete', 'POST'],
    ['GET', '/v1/leases/lse_00000000000000000000000000/revoke', 'POST'],
    ['GET', '/v1/approvals/apr_00000000000000000000000000/approve', 'POST'],
    ['POST', '/livez', 'GET, HEAD'],
  ]
  for (const [method, path, allow] of METHODS) {
    it(`with ${method} to ${path} learns that it takes ${allow}`, async () => {
      const answer = await broker.call(method, path, { token: broker.operator('admin') })
      expectProblem(answer, 'method-not-allowed')
      expect(answer.headers.get('allow')).to.equal(allow)
    })
  }

  const PROOFS: Readonly<Record<string, string | undefined>> = {
    'no proof': undefined,
    'another scheme': 'Basic bWF5Zmx5OmZseQ==',
    'no token': 'Bearer',
    'two tokens': 'Bearer one two',
    'a token of no form': 'Bearer mayfly',
    'a token of another kind': `Bearer mfe_${'0'.repeat(49)}`,
    'a token that is 12 kB long': `Bearer ${'a'.repeat(12_000)}`,
  }
  for (const [what, authorization] of Object.entries(PROOFS)) {
    it(`with ${what} is not authenticated`, async () => {
      const headers = authorization === undefined ? {} : { authorization }
      const answer = await broker.call('GET', '/v1/whoami', { headers })
      expectProblem(answer, 'unauthenticated')
      expect(answer.headers.get('www-authenticate')).to.match(/^Bearer /)
    })
  }

  it('with a mistyped token is not authenticated, whichever character it is', async () => {
    const { body: lease } = await broker.request()
    for (const token of [broker.operator('admin'), broker.pep, lease.token as string]) {
      for (const at of [4, 20, token.length - 1]) {
        const mistyped = token.slice(0, at) + (token[at] === 'a' ? 'b' : 'a') + token.slice(at + 1)
        expectProblem(await broker.call('GET', '/v1/whoami', { token: mistyped }), 'unauthenticated')
      }
      expectProblem(await broker.call('GET', '/v1/whoami', { token: token.slice(0, -1) }), 'unauthenticated')
      expect((await broker.call('GET', '/v1/whoami', { token })).status).to.equal(200)
    }
  })

  it('names itself in the answer, and is in no cache', async () => {
    const answers = await Promise.all(['/v1/whoami', '/v1/leases', '/v1/nothing'].map(get))
    const ids = answers.map(({ headers }) => headers.get('request-id'))
    expect(new Set(ids).size).to.equal(3)
    for (const { headers } of answers) expect(headers.get('cache-control')).to.equal('no-store')
  })
})
