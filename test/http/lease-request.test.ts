import { expect } from 'chai'

import { ORDINARY, startTestBroker, type TestBroker } from '../support/broker.ts'
import { errorPaths, expectProblem } from '../support/expect-problem.ts'

const { intent } = ORDINARY
const tool = (over: object) => ({ tools: [{ tool: 'orders.get', ...over }] })
const argument = (bounds: object) => tool({ arguments: { id: bounds } })
const listOf = (count: number, item: (at: number) => unknown) => Array.from({ length: count }, (_, at) => item(at))

/** A member of a request that does not fit, and where the refusal points. */
const REFUSED: readonly (readonly [over: Record<string, unknown>, path: string])[] = [
  [{ task: undefined }, '/task'],
  [{ task: '' }, '/task'],
  [{ task: 'a'.repeat(129) }, '/task'],
  [{ task: 'run 1' }, '/task'],
  [{ task: 'run/1' }, '/task'],
  [{ task: 'rün' }, '/task'],
  [{ task: 'run\n' }, '/task'],
  [{ task: 1 }, '/task'],
  [{ task: null }, '/task'],
  [{ intent: undefined }, '/intent'],
  [{ intent: 'Refund it' }, '/intent'],
  [{ intent: [] }, '/intent'],
  [{ intent: {} }, '/intent/goal'],
  [{ intent: { ...intent, goal: '' } }, '/intent/goal'],
  [{ intent: { ...intent, goal: 'a'.repeat(4097) } }, '/intent/goal'],
  [{ intent: { ...intent, goal: 7 } }, '/intent/goal'],
  [{ intent: { ...intent, purpose: 'Customer Support' } }, '/intent/purpose'],
  [{ intent: { ...intent, purpose: null } }, '/intent/purpose'],
  [{ intent: { ...intent, data_classes: 'pii' } }, '/intent/data_classes'],
  [{ intent: { ...intent, data_classes: ['PII'] } }, '/intent/data_classes/0'],
  [{ intent: { ...intent, data_classes: [['pii']] } }, '/intent/data_classes/0'],
  [{ intent: { ...intent, autonomy: 'total' } }, '/intent/autonomy'],
  [{ intent: { ...intent, origin: 'User' } }, '/intent/origin'],
  [{ intent: { ...intent, on_behalf_of: '' } }, '/intent/on_behalf_of'],
  [{ intent: { ...intent, on_behalf_of: ['dana'] } }, '/intent/on_behalf_of'],
  [{ intent: { ...intent, risk: 0 } }, '/intent/risk'],
  [{ access: [] }, ''],
  [{ access: undefined }, ''],
  [{ access: [], tools: [] }, ''],
  [{ access: 'refunds-api' }, '/access'],
  [{ access: {} }, '/access'],
  [{ access: ['refunds-api'] }, '/access/0'],
  [{ access: [{}] }, '/access/0/grant'],
  [{ access: [{ grant: '' }] }, '/access/0/grant'],
  [{ access: [{ grant: 'a'.repeat(129) }] }, '/access/0/grant'],
  [{ access: [{ grant: 'refunds-api' }, { grant: 'refunds-api' }] }, '/access'],
  [{ access: listOf(65, (at) => ({ grant: `grant-${at}` })) }, '/access'],
  [{ access: [{ grant: 'refunds-api', actions: 'refund:create' }] }, '/access/0/actions'],
  [{ access: [{ grant: 'refunds-api', actions: [] }] }, '/access/0/actions'],
  [{ access: [{ grant: 'refunds-api', actions: [''] }] }, '/access/0/actions/0'],
  [{ access: [{ grant: 'refunds-api', actions: [{}] }] }, '/access/0/actions/0'],
  [{ access: [{ grant: 'orders-api', resources: ['orders/?'] }] }, '/access/0/resources/0'],
  [{ access: [{ grant: 'orders-api', resources: ['orders/*/items'] }] }, '/access/0/resources/0'],
  [{ access: [{ grant: 'orders-api', resources: ['orders*'] }] }, '/access/0/resources/0'],
  [{ access: [{ grant: 'orders-api', resources: ['orders/../users'] }] }, '/access/0/resources/0'],
  [{ access: [{ grant: 'refunds-api', ttl: 10 }] }, '/access/0/ttl'],
  [{ tools: 'orders.get' }, '/tools'],
  [{ tools: ['orders.get'] }, '/tools/0'],
  [{ tools: [{ tool: 'orders.get' }, { tool: 'orders.get', max_calls: 1 }] }, '/tools'],
  [tool({ max_calls: 0 }), '/tools/0/max_calls'],
  [tool({ max_calls: 1.5 }), '/tools/0/max_calls'],
  [tool({ max_calls: '1' }), '/tools/0/max_calls'],
  [tool({ only: 'true' }), '/tools/0/only'],
  [tool({ arguments: [] }), '/tools/0/arguments'],
  [tool({ arguments: { id: 'equals' } }), '/tools/0/arguments/id'],
  [tool({ arguments: { '/a~2': { equals: 1 } } }), '/tools/0/arguments/~1a~02'],
  [argument({ like: '12%' }), '/tools/0/arguments/id/like'],
  [argument({ one_of: [] }), '/tools/0/arguments/id/one_of'],
  [argument({ one_of: '1234' }), '/tools/0/arguments/id/one_of'],
  [argument({ max: 'much' }), '/tools/0/arguments/id/max'],
  [argument({ max: '01' }), '/tools/0/arguments/id/max'],
  [argument({ max_length: -1 }), '/tools/0/arguments/id/max_length'],
  [argument({ prefix: '' }), '/tools/0/arguments/id/prefix'],
  [argument({ within_path: 'relative' }), '/tools/0/arguments/id/within_path'],
  [argument({ within_path: '/a/../b' }), '/tools/0/arguments/id/within_path'],
  [argument({ within_path: '/a%2fb' }), '/tools/0/arguments/id/within_path'],
  [argument({ host: 'https://example.com' }), '/tools/0/arguments/id/host'],
  [argument({ within_path: '/a//b' }), '/tools/0/arguments/id/within_path'],
  [argument({ host: 'g\u043eod.test' }), '/tools/0/arguments/id/host'],
  [argument({ host: '127.1' }), '/tools/0/arguments/id/host'],
  [argument({ recipient_domain: 'good.test:25' }), '/tools/0/arguments/id/recipient_domain'],
  [argument({ url_prefix: 'https://good.test/a/../b' }), '/tools/0/arguments/id/url_prefix'],
  [argument({ url_prefix: 'https://good@evil.test/' }), '/tools/0/arguments/id/url_prefix'],
  [argument({ absent: false }), '/tools/0/arguments/id/absent'],
  [argument({ equals: 1, as: 'number' }), '/tools/0/arguments/id/as'],
  [argument({ max: 1, as: 'decimal' }), '/tools/0/arguments/id/as'],
  [{ ttl: 4 }, '/ttl'],
  [{ ttl: 0 }, '/ttl'],
  [{ ttl: -300 }, '/ttl'],
  [{ ttl: 86_401 }, '/ttl'],
  [{ ttl: 2 ** 31 }, '/ttl'],
  [{ ttl: 300.5 }, '/ttl'],
  [{ ttl: '300' }, '/ttl'],
  [{ ttl: null }, '/ttl'],
  [{ heartbeat: 0 }, '/heartbeat'],
  [{ heartbeat: '30' }, '/heartbeat'],
  [{ context: 'text' }, '/context'],
  [{ context: { padding: 'a'.repeat(8192) } }, '/context'],
  [{ context: { padding: 'é'.repeat(4096) } }, '/context'],
  [{ colour: 'red' }, '/colour'],
  [{ agent: 'other-bot' }, '/agent'],
  [{ owner: 'me@example.com' }, '/owner'],
  [{ 'a/b~c': 1 }, '/a~1b~0c'],
]

describe('the body of a lease request', () => {
  let broker: TestBroker
  before(async () => {
    const limits = { lease_requests_per_minute: 1000, leases_per_agent: 1000 }
    broker = await startTestBroker({ configure: (settings) => ({ ...settings, limits }) })
  })
  after(() => broker[Symbol.asyncDispose]())

  for (const [over, path] of REFUSED) {
    const shown = JSON.stringify(over, (_, value: unknown) => value ?? null)
    it(`is refused with ${shown.length > 90 ? `${shown.slice(0, 90)}…` : shown}`, async () => {
      expect(errorPaths(expectProblem(await broker.request(over), 'invalid-request'))).to.deep.equal([path])
    })
  }

  it('is told of every fault at once, up to twenty', async () => {
    const { body } = await broker.request({ task: '', ttl: 1, colour: 'red', intent: { goal: '', mood: 'good' } })
    expect(errorPaths(body)).to.have.members(['/task', '/ttl', '/colour', '/intent/goal', '/intent/mood'])
    const many = Object.fromEntries(listOf(50, (at) => [`member-${at}`, 1]) as [string, number][])
    expect((await broker.request(many)).body.errors).to.have.length(20)
  })

  const PASSES: Readonly<Record<string, object>> = {
    'the longest task': { task: `A.b_c:d-${'9'.repeat(120)}` },
    'the longest goal': { intent: { goal: 'a'.repeat(4096) } },
    'the least intent': { intent: { goal: 'x' } },
    'the whole intent': {
      intent: { ...intent, purpose: 'charge', data_classes: ['pii', 'phi'], on_behalf_of: 'user:dana@example.com' },
    },
    'the least ttl': { ttl: 5 },
    'the most ttl': { ttl: 86_400 },
    'no ttl': { ttl: undefined },
    'a heartbeat': { heartbeat: 30 },
    'tools alone': { access: [], ...tool({}) },
    'every bound': argument({
      equals: '2026-01-01',
      one_of: ['2026-01-01', 1, null, { a: [] }],
      as: 'time',
      prefix: '20',
      suffix: ['1', '2'],
      contains: 'x',
      max: 5,
      min: '-0.5',
      max_length: 10,
      max_items: 0,
      within_path: '/srv/data',
      host: ['example.com'],
      url_prefix: 'https://example.com/a',
      recipient_domain: 'example.com',
      subset_of: [1, 2],
      absent: true,
    }),
    'a pointer to an argument': tool({ arguments: { '/a~1b/0': { equals: 1 } }, max_calls: 1, only: true }),
    'a context of 8 KiB': { context: { padding: 'a'.repeat(8192 - '{"padding":""}'.length) } },
  }
  for (const [what, over] of Object.entries(PASSES)) {
    it(`passes with ${what}`, async () => {
      const { status, body } = await broker.request(over)
      expect(status, JSON.stringify(body)).to.equal(201)
    })
  }
})
