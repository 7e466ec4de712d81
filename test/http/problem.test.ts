import { readFileSync } from 'node:fs'
import { expect } from 'chai'

import { renderProblems } from '../../scripts/render-problems.ts'
import { PROBLEM_SLUGS, PROBLEMS, type ProblemSlug } from '../../src/http/problem.ts'
import type { SqliteStore } from '../../src/store/sqlite/open-store.ts'
import { ORDINARY, startTestBroker, type Answered, type TestBroker, type TestBrokerOptions } from '../support/broker.ts'
import { expectProblem } from '../support/expect-problem.ts'
import { withPurpose } from '../support/requests.ts'

/** The error table of the API, as far as there is something that can answer so. */
const TABLE: Readonly<Record<ProblemSlug, number>> = {
  'invalid-request': 400,
  unauthenticated: 401,
  'unknown-agent': 403,
  denied: 403,
  'not-granted': 403,
  forbidden: 403,
  'not-found': 404,
  'method-not-allowed': 405,
  conflict: 409,
  gone: 410,
  'payload-too-large': 413,
  'idempotency-mismatch': 422,
  'quota-exceeded': 429,
  'rate-limited': 429,
  internal: 500,
  'provider-unavailable': 502,
  unavailable: 503,
  frozen: 503,
}

interface Provoked {
  readonly options?: TestBrokerOptions
  readonly by: (broker: TestBroker) => Promise<Answered>
  /** Members beside those that every problem has. */
  readonly members?: readonly string[]
  readonly headers?: Readonly<Record<string, RegExp>>
}

const limited = (limits: object): TestBrokerOptions => ({ configure: (settings) => ({ ...settings, limits }) })
const failing = (over: (store: SqliteStore) => Partial<SqliteStore>): TestBrokerOptions => ({
  app: { decorate: { store: (store) => ({ ...store, ...over(store) }) } },
})

/** One way to each row. */
const ROWS: Readonly<Record<ProblemSlug, Provoked>> = {
  frozen: {
    by: async (broker) => {
      await broker.call('POST', '/v1/freeze', {
        token: broker.operator('operator'),
        body: { scope: { all: true }, reason: 'Test' },
      })
      return broker.request()
    },
  },
  'invalid-request': { by: (broker) => broker.request({ ttl: 4 }), members: ['errors'] },
  unauthenticated: {
    by: (broker) => broker.call('GET', '/v1/whoami'),
    headers: { 'www-authenticate': /^Bearer realm="mayfly"/ },
  },
  'unknown-agent': { by: (broker) => broker.request({}, { agent: 'stranger' }) },
  denied: { by: (broker) => broker.request(withPurpose('deny')), members: ['decision'] },
  'not-granted': { by: (broker) => broker.request({ access: [{ grant: 'vault' }] }), members: ['errors'] },
  forbidden: { by: (broker) => broker.call('GET', '/v1/leases', { token: broker.pep }) },
  'not-found': { by: (broker) => broker.call('GET', '/v1/nothing') },
  'method-not-allowed': {
    by: (broker) => broker.call('DELETE', '/v1/leases'),
    headers: { allow: /^POST, GET, HEAD$/ },
  },
  conflict: {
    by: async (broker) => {
      const { body: lease } = await broker.request()
      const complete = (outcome: string) =>
        broker.call('POST', `/v1/leases/${lease.id}/complete`, { token: lease.token, body: { outcome } })
      await complete('success')
      return complete('failure')
    },
    members: ['state'],
  },
  gone: {
    by: async (broker) => {
      const { body: lease } = await broker.request(withPurpose('ask'))
      broker.clock.advance(901_000)
      await broker.app.sweep()
      const { id, digest } = lease.approval
      return broker.call('POST', `/v1/approvals/${id}/approve`, {
        token: broker.operator('approver'),
        body: { digest },
      })
    },
  },
  'payload-too-large': {
    by: (broker) => broker.request({ context: { padding: 'x'.repeat(65 * 1024) } }),
    headers: { connection: /^close$/ },
  },
  'idempotency-mismatch': {
    by: async (broker) => {
      const headers = { 'idempotency-key': 'one' }
      await broker.request({}, { headers })
      return broker.request({ ttl: 60 }, { headers })
    },
  },
  'quota-exceeded': {
    options: limited({ leases_per_agent: 1 }),
    by: async (broker) => {
      await broker.request()
      return broker.request()
    },
    headers: { 'retry-after': /^[1-9]\d*$/ },
  },
  'rate-limited': {
    options: limited({ lease_requests_per_minute: 1 }),
    by: async (broker) => {
      await broker.request()
      return broker.request()
    },
    headers: { 'retry-after': /^[1-9]\d?$/ },
  },
  internal: {
    options: failing((store) => ({
      reads: {
        ...store.reads,
        leases: () => {
          throw new Error('Bad day at mfl_0123456789012345678901234567890123456789012abcdef')
        },
      },
    })),
    by: (broker) => broker.call('GET', '/v1/leases', { token: broker.operator('viewer') }),
  },
  'provider-unavailable': {
    options: {
      app: {
        decorate: {
          provider: (provider) => ({ ...provider, mint: () => Promise.reject(new Error('no signature today')) }),
        },
      },
    },
    by: (broker) => broker.request(),
  },
  unavailable: {
    // A clock that runs away from the process is not believed.
    options: { app: { monotonic: () => performance.now() } },
    by: (broker) => {
      broker.clock.advance(4 * 3600_000)
      return broker.request()
    },
  },
}

describe('a problem', () => {
  it('has one slug and one status for each row of the error table', () => {
    expect(Object.fromEntries(PROBLEM_SLUGS.map((slug) => [slug, PROBLEMS[slug].status]))).to.deep.equal(TABLE)
  })

  it('has a section of docs/problems.md with its status, when it comes and how it mends', async () => {
    const page = readFileSync(new URL('../../docs/problems.md', import.meta.url), 'utf8')
    expect(page).to.equal(await renderProblems())
    for (const slug of PROBLEM_SLUGS) {
      const [, section = ''] = page.split(`\n## ${slug}\n`)
      const { status, title, when, mend } = PROBLEMS[slug]
      for (const text of [`${status}: ${title}`, when, mend]) expect(section.split('\n## ')[0]).to.include(text)
    }
  })

  for (const slug of PROBLEM_SLUGS) {
    const { options, by, members = [], headers = {} } = ROWS[slug]
    it(`${slug} is answered with ${TABLE[slug]}`, async () => {
      await using broker = await startTestBroker(options)
      const answer = await by(broker)
      const body = expectProblem(answer, slug)
      expect(body).to.have.all.keys('type', 'title', 'status', 'detail', 'instance', ...members)
      for (const [name, value] of Object.entries(headers)) expect(answer.headers.get(name), name).to.match(value)
    })
  }

  it('says nothing of the cause when the fault is the broker’s own', async () => {
    await using broker = await startTestBroker(ROWS.internal.options)
    const { body } = await ROWS.internal.by(broker)
    expect(JSON.stringify(body)).to.not.match(/Bad day|mfl_|\.ts/)
  })

  it('leaves nothing alive when a credential could not be minted', async () => {
    await using broker = await startTestBroker(ROWS['provider-unavailable'].options)
    await broker.request({ access: [{ grant: 'refunds-api' }, { grant: 'orders-api' }] })
    const token = broker.operator('viewer')
    const { body: leases } = await broker.call('GET', '/v1/leases?state=active', { token })
    expect(leases.items).to.deep.equal([])
    const { body: denied } = await broker.call('GET', '/v1/audit/denied', { token })
    expect(denied.items.at(-1)).to.include({ kind: 'lease.denied', agent: 'support-bot', task: ORDINARY.task })
  })
})
