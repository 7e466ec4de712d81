import { inspect } from 'node:util'
import { expect } from 'chai'

import { createClient } from '../../src/client/create-client.ts'
import { MayflyProblem } from '../../src/client/mayfly-problem.ts'
import { MayflyUnreachable } from '../../src/client/mayfly-unreachable.ts'
import type { LeaseRequest } from '../../src/client/resources.ts'
import { ORDINARY, startTestBroker, type TestBroker } from '../support/broker.ts'
import { rejectionOf } from './support/rejection.ts'
import { scriptedServer } from './support/scripted-server.ts'

const REQUEST = ORDINARY as LeaseRequest
const NO_LEASE = `lse_${'0'.repeat(26)}`
const SECRET = 'mfo_canary'

async function problemOf(promise: Promise<unknown>): Promise<MayflyProblem> {
  const error = await rejectionOf(promise)
  expect(error).to.be.instanceOf(MayflyProblem)
  return error as MayflyProblem
}

describe('a no from the broker', () => {
  let broker: TestBroker
  before(async () => {
    broker = await startTestBroker({
      configure: (settings) => ({ ...settings, limits: { lease_requests_per_minute: 4 } }),
    })
  })
  after(() => broker[Symbol.asyncDispose]())

  const client = (token: string) => createClient({ url: broker.url, token })

  it('names each place that does not fit', async () => {
    const problem = await problemOf(client(broker.identity()).leases.request({ ...REQUEST, task: 'no blanks' }))
    expect([problem.slug, problem.status]).to.deep.equal(['invalid-request', 400])
    expect(problem.errors.map(({ path }) => path)).to.deep.equal(['/task'])
    expect(problem.requestId).to.match(/^[0-9a-f-]{36}$/)
  })

  it('carries the decision of the rules', async () => {
    const denied = { ...REQUEST, intent: { ...REQUEST.intent, purpose: 'deny' } }
    const problem = await problemOf(client(broker.identity()).leases.request(denied))
    expect(problem.slug).to.equal('denied')
    expect(problem.decision!.rules.map(({ id }) => id)).to.deep.equal(['denies'])
  })

  it('says how long to wait', async () => {
    const other = client(broker.identity('other-bot'))
    for (let n = 0; n < 4; n += 1) await other.leases.request(REQUEST)
    const problem = await problemOf(other.leases.request(REQUEST))
    expect([problem.slug, problem.status]).to.deep.equal(['rate-limited', 429])
    expect(problem.retryAfter).to.be.within(1, 60)
  })

  it('says which state did not allow it', async () => {
    const lease = await client(broker.identity()).leases.request(REQUEST)
    const own = client(lease.token!).leases
    await own.complete(lease.id, { outcome: 'success' })
    const problem = await problemOf(own.complete(lease.id, { outcome: 'failure' }))
    expect([problem.slug, problem.state]).to.deep.equal(['conflict', 'closed'])
  })

  it('is the same for what does not exist and for what no path can name', async () => {
    const { leases } = client(broker.operator('viewer'))
    const [absent, dots] = [await problemOf(leases.get(NO_LEASE)), await problemOf(leases.get('..'))]
    expect([dots.slug, dots.status, dots.detail]).to.deep.equal([absent.slug, absent.status, absent.detail])
    expect((await problemOf(leases.get('a/../b'))).slug).to.equal('not-found')
  })

  it('tells a token that is not known from one that may not do this', async () => {
    expect((await problemOf(client(SECRET).whoami())).slug).to.equal('unauthenticated')
    const revoked = client(broker.operator('viewer')).leases.revoke(NO_LEASE, 'Because')
    expect((await problemOf(revoked)).slug).to.equal('forbidden')
  })
})

describe('no answer from the broker', () => {
  const unreachable = async (promise: Promise<unknown>): Promise<MayflyUnreachable> => {
    const error = await rejectionOf(promise)
    expect(error).to.be.instanceOf(MayflyUnreachable)
    return error as MayflyUnreachable
  }

  it('is told by its cause where nobody listens', async () => {
    const { url } = await scriptedServer(() => undefined).then(async (server) => {
      await server[Symbol.asyncDispose]()
      return server
    })
    const error = await unreachable(createClient({ url }).health.live())
    expect(error.reason).to.equal('no-connection')
    expect(error.message).to.equal(`No connection to ${url} (ECONNREFUSED)`)
  })

  it('is told after a while where nobody answers', async () => {
    await using silent = await scriptedServer(() => undefined)
    const error = await unreachable(createClient({ url: silent.url, timeoutMs: 50 }).health.live())
    expect([error.reason, error.cause]).to.deep.equal(['timeout', undefined])
  })

  it('is told where something else answers, without a word of what it said', async () => {
    await using other = await scriptedServer((_req, res) => void res.end(`<p>${SECRET}`))
    const error = await unreachable(createClient({ url: other.url }).health.live())
    expect(error.reason).to.equal('not-mayfly')
    expect(inspect(error)).not.to.contain(SECRET)
  })

  it('is a problem without a slug where a proxy says no', async () => {
    await using proxy = await scriptedServer((_req, res) => void res.writeHead(502).end(`<p>${SECRET}`))
    const error = await problemOf(createClient({ url: proxy.url }).health.live())
    expect([error.slug, error.status]).to.deep.equal([null, 502])
    expect(inspect(error)).not.to.contain(SECRET)
  })

  it('is not taken for a broker that is not ready, where a proxy says 503', async () => {
    await using proxy = await scriptedServer((_req, res) => void res.writeHead(503).end('{"message":"no upstream"}'))
    expect((await unreachable(createClient({ url: proxy.url }).health.ready())).reason).to.equal('not-mayfly')
  })

  it('comes before a token goes where a redirect points', async () => {
    await using elsewhere = await scriptedServer((_req, res) => void res.end('{}'))
    await using moved = await scriptedServer((_req, res) => void res.writeHead(307, { location: elsewhere.url }).end())
    await unreachable(createClient({ url: moved.url, token: SECRET }).whoami())
    expect(moved.seen.length).to.equal(1)
    expect(elsewhere.seen.length).to.equal(0)
  })
})

describe('a call that is given up', () => {
  it('rejects with the reason of its signal, before and during the call', async () => {
    await using silent = await scriptedServer(() => undefined)
    const client = createClient({ url: silent.url })
    const reason = new Error('I changed my mind')
    expect(await rejectionOf(client.health.live({ signal: AbortSignal.abort(reason) }))).to.equal(reason)
    expect(silent.seen.length).to.equal(0)

    const controller = new AbortController()
    const calling = rejectionOf(client.health.live({ signal: controller.signal }))
    while (silent.seen.length === 0) await new Promise((resolve) => setImmediate(resolve))
    controller.abort(reason)
    expect(await calling).to.equal(reason)
  })
})

describe('a secret', () => {
  it('is in no error about a token that is no token', async () => {
    for (const token of [`${SECRET}\n`, `${SECRET} x`, `${SECRET}é`, '']) {
      const error = await rejectionOf(createClient({ url: 'http://127.0.0.1:1', token }).whoami())
      expect(error).to.be.instanceOf(TypeError)
      expect(inspect(error)).not.to.contain(SECRET)
    }
  })

  it('is in no error about the address', () => {
    for (const url of [`http://ops:${SECRET}@broker.test`, `${SECRET}://broker.test`, SECRET]) {
      expect(() => createClient({ url }))
        .to.throw(TypeError)
        .and.satisfy((error: Error) => !inspect(error).includes(SECRET))
    }
  })
})
