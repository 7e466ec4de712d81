import { expect } from 'chai'

import type { SqliteStore } from '../../src/store/sqlite/open-store.ts'
import { startTestBroker, type TestBroker } from '../support/broker.ts'
import { expectLeaseRow } from '../support/expect-lease.ts'
import { errorPaths, expectProblem } from '../support/expect-problem.ts'
import { withPurpose } from '../support/requests.ts'
import { sampleLease } from '../support/sample-rows.ts'

const MINUTE = 60_000

describe('the list of leases', () => {
  let broker: TestBroker
  /** The names of the tasks are their order: the broker's clock goes on a minute after each. */
  const at: Record<string, string> = {}

  before(async () => {
    broker = await startTestBroker()
    const ask = async (task: string, over: object = {}, agent = 'support-bot') => {
      const { body } = await broker.request({ ttl: 900, task, ...over }, { agent })
      at[task] = body.created_at as string
      broker.clock.advance(MINUTE)
      await broker.app.sweep()
      return body
    }
    const first = await ask('a')
    await ask('b', withPurpose('ask'))
    await ask('c', { access: [{ grant: 'orders-api' }] }, 'other-bot')
    await ask('d', { access: [{ grant: 'orders-api' }, { grant: 'refunds-api' }] })
    await ask('e', { tools: [{ tool: 'orders.get' }], access: [] }, 'other-bot')
    const body = { outcome: 'success' }
    await broker.call('POST', `/v1/leases/${first.id}/complete`, { token: first.token, body })
  })
  after(() => broker[Symbol.asyncDispose]())

  const list = (query = '') => broker.call('GET', `/v1/leases${query}`, { token: broker.operator('viewer') })
  const tasks = async (query: string): Promise<string> => {
    const { status, body } = await list(query)
    expect(status, JSON.stringify(body)).to.equal(200)
    return body.items.map(({ task }: { task: string }) => task).join('')
  }

  it('shows the newest first, each row without what only one lease shows', async () => {
    const { body } = await list()
    expect(body).to.have.all.keys('items', 'next_cursor')
    expect(body.next_cursor).to.equal(null)
    expect(body.items.map(({ task }: { task: string }) => task)).to.deep.equal(['e', 'd', 'c', 'b', 'a'])
    for (const row of body.items) expectLeaseRow(row)
  })

  it('is filtered by each of its parameters', async () => {
    const FILTERS: Readonly<Record<string, string>> = {
      'state=active': 'edc',
      'state=pending': 'b',
      'state=closed': 'a',
      'state=closing': '',
      'agent=other-bot': 'ec',
      'agent=nobody': '',
      'owner=dana@example.com': 'dba',
      'task=c': 'c',
      'grant=orders-api': 'dc',
      'grant=refunds-api': 'dba',
      'tier=low': 'edcba',
      'tier=high': '',
      [`since=${at['b']}`]: 'edcb',
      [`until=${at['b']}`]: 'a',
      [`since=${at['b']}&until=${at['d']}`]: 'cb',
      [`since=${at['b']}&until=${at['b']}`]: '',
      'state=active&agent=other-bot&grant=orders-api': 'c',
      [`state=active&owner=dana@example.com&since=${at['a']}`]: 'd',
    }
    for (const [query, found] of Object.entries(FILTERS)) expect(await tasks(`?${query}`), query).to.equal(found)
  })

  it('is read a page at a time, to its end, without a gap or a repetition', async () => {
    for (const limit of [1, 2, 3, 4, 5, 200]) {
      let seen = ''
      let cursor: string | null = ''
      while (cursor !== null) {
        const query: string = `?limit=${limit}${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`
        const { body } = await list(query)
        expect(body.items.length).to.be.within(1, limit)
        seen = seen.concat(...body.items.map(({ task }: { task: string }) => task))
        cursor = body.next_cursor as string | null
      }
      expect(seen, `limit ${limit}`).to.equal('edcba')
    }
  })

  it('goes on where it was when there are new leases meanwhile', async () => {
    const { body: first } = await list('?agent=support-bot&limit=2')
    await broker.request({ task: 'new' })
    expect(await tasks(`?agent=support-bot&limit=9&cursor=${first.next_cursor}`)).to.equal('a')
  })

  it('takes a cursor with the filters it came from, whatever the limit, and with no others', async () => {
    const { body } = await list('?owner=dana@example.com&state=active&limit=1')
    const cursor = body.next_cursor as string
    expect((await list(`?state=active&owner=dana@example.com&limit=7&cursor=${cursor}`)).status).to.equal(200)
    for (const query of ['', 'state=active&', 'state=pending&owner=dana@example.com&', 'agent=support-bot&'])
      expect(errorPaths(expectProblem(await list(`?${query}cursor=${cursor}`), 'invalid-request'))).to.deep.equal([
        '/cursor',
      ])
  })

  it('takes no cursor of another list', async () => {
    const { body } = await list('?limit=1')
    const other = await broker.call('GET', `/v1/approvals?cursor=${body.next_cursor}`, {
      token: broker.operator('viewer'),
    })
    expect(errorPaths(expectProblem(other, 'invalid-request'))).to.deep.equal(['/cursor'])
  })

  it('takes no cursor that somebody made up', async () => {
    const { body } = await list('?limit=1')
    const [mark] = JSON.parse(Buffer.from(body.next_cursor as string, 'base64url').toString()) as [string]
    const made = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const MADE_UP = ['x', '%00', 'null', 'e30', made([mark]), made([mark, '1', 'x']), made([mark, 1.5, 'x'])]
    for (const cursor of [...MADE_UP, made({ 0: mark, 1: 1, 2: 'x' }), 'a'.repeat(513)])
      expect(errorPaths(expectProblem(await list(`?cursor=${cursor}`), 'invalid-request')), cursor).to.deep.equal([
        '/cursor',
      ])
  })

  it('has 50 rows where no limit is given', async () => {
    await using full = await startTestBroker()
    await Promise.all(Array.from({ length: 52 }, () => full.request()))
    const count = async (query: string) =>
      (await full.call('GET', `/v1/leases${query}`, { token: full.operator('viewer') })).body.items.length as number
    expect(await count('')).to.equal(50)
    expect(await count('?limit=200')).to.equal(52)
  })

  it('is in order by id where many were made in one millisecond', async () => {
    const instant = Date.now()
    await using still = await startTestBroker({ app: { clock: () => instant } })
    const made = await Promise.all(Array.from({ length: 12 }, () => still.request()))
    const ids: string[] = []
    let cursor = ''
    do {
      const path = `/v1/leases?limit=5${cursor}`
      const { body } = await still.call('GET', path, { token: still.operator('viewer') })
      ids.push(...body.items.map(({ id }: { id: string }) => id))
      cursor = body.next_cursor === null ? '' : `&cursor=${body.next_cursor}`
    } while (cursor !== '')
    const expected = made.map(({ body }) => body.id as string).sort((a, b) => (a < b ? 1 : -1))
    expect(ids).to.deep.equal(expected)
  })

  it('fills its pages with what is rare among thousands, and says when that was all', async () => {
    let ledger: SqliteStore | undefined
    const store = (opened: SqliteStore): SqliteStore => (ledger = opened)
    await using broker = await startTestBroker({ app: { decorate: { store } } })
    const { body: first } = await broker.request()
    await ledger?.commit((tx) => {
      for (let at = 0; at < 4500; at += 1)
        tx.insertLease(sampleLease({ agent: 'other-bot', state: 'closed', createdAt: broker.clock.now() + at }))
    })
    broker.clock.advance(5000)
    await broker.app.sweep()
    const { body: last } = await broker.request()
    const read = async (query: string) =>
      (await broker.call('GET', `/v1/leases?agent=support-bot${query}`, { token: broker.operator('viewer') })).body
    const both = await read('')
    expect(both.items.map(({ id }: { id: string }) => id)).to.deep.equal([last.id, first.id])
    expect(both.next_cursor).to.equal(null)
    const one = await read('&limit=1')
    expect(one.items.map(({ id }: { id: string }) => id)).to.deep.equal([last.id])
    const other = await read(`&limit=1&cursor=${one.next_cursor as string}`)
    expect(other.items.map(({ id }: { id: string }) => id)).to.deep.equal([first.id])
    expect(other.next_cursor).to.equal(null)
  })
})
