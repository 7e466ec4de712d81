import { expect } from 'chai'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Transaction } from '../../src/broker/store-port.ts'
import type { SqliteStore } from '../../src/store/sqlite/open-store.ts'
import { startTestBroker, TEST_RULES, type TestBroker, type TestBrokerOptions } from '../support/broker.ts'
import { expectProblem } from '../support/expect-problem.ts'
import { gate } from '../support/gate.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { until } from '../support/until.ts'

/** The configuration of the tests without the second grant. */
const withoutOrders = ({ agents, grants, ...settings }: Record<string, unknown>) => ({
  ...settings,
  agents: (agents as { grants: string[] }[]).map((agent) => ({ ...agent, grants: ['refunds-api'] })),
  grants: (grants as { name: string }[]).filter(({ name }) => name !== 'orders-api'),
})

/** Counts the batches of open leases that are looked at. */
function counted() {
  const looked = { batches: 0 }
  const store = (inner: SqliteStore): SqliteStore => {
    const live: SqliteStore['reads']['live'] = (after, limit) => {
      looked.batches += 1
      return inner.reads.live(after, limit)
    }
    return { ...inner, reads: { ...inner.reads, live } }
  }
  return { looked, decorate: { store } }
}

/** Does that before every commit after the one that puts the configuration on record. */
function afterStart(act: () => Promise<void>) {
  let begun = false
  const store = (inner: SqliteStore): SqliteStore => ({
    ...inner,
    commit: async (step) => {
      if (begun) await act()
      return inner.commit((tx) => {
        const append: Transaction['append'] = (entry) => {
          begun ||= entry.kind === 'config.loaded'
          tx.append(entry)
        }
        return step({ ...tx, append })
      })
    },
  })
  return { decorate: { store }, over: () => void (begun = false) }
}

const stateOf = async (broker: TestBroker, id: string): Promise<string> => {
  const { body } = await broker.call('GET', `/v1/leases/${id}`, { token: broker.operator('viewer') })
  return body.outcome === null ? body.state : `${body.state} (${body.reason})`
}
const ready = (broker: TestBroker) =>
  until('the broker is ready', async () => (await broker.call('GET', '/readyz')).body.ready)

/** A folder with a lease of each grant, left behind by a broker that stopped in order. */
async function withLeases(
  folder: string,
  over: TestBrokerOptions = {},
): Promise<readonly [kept: string, gone: string]> {
  await using broker = await startTestBroker({ folder, ...over })
  const { body: kept } = await broker.request()
  const { body: gone } = await broker.request({ access: [{ grant: 'orders-api' }] })
  return [kept.id, gone.id]
}

const GONE = 'closed (Grant orders-api is no longer there for agent support-bot)'

describe('a start', () => {
  it('with the configuration of the one before looks at no lease, however many are open', async () => {
    await using folder = await temporaryFolder()
    const first = counted()
    const [kept, gone] = await withLeases(folder.path, { app: { decorate: first.decorate } })
    expect(first.looked.batches, 'nothing was open').to.equal(0)
    const second = counted()
    await using broker = await startTestBroker({ folder: folder.path, app: { decorate: second.decorate } })
    await broker.app.sweep()
    expect(second.looked.batches).to.equal(0)
    expect((await broker.call('GET', '/readyz')).body.ready).to.equal(true)
    for (const id of [kept, gone]) expect(await stateOf(broker, id)).to.equal('active')
  })

  it('with another order in its files looks at no lease either', async () => {
    await using folder = await temporaryFolder()
    await withLeases(folder.path)
    const again = counted()
    const configure = ({ agents, grants, tools, ...settings }: Record<string, unknown>) => ({
      ...settings,
      agents: (agents as { grants: string[] }[])
        .map((agent) => ({ ...agent, grants: agent.grants.toReversed() }))
        .toReversed(),
      grants: (grants as object[]).toReversed(),
      tools: (tools as object[]).toReversed(),
    })
    await using broker = await startTestBroker({ folder: folder.path, configure, app: { decorate: again.decorate } })
    await ready(broker)
    expect(again.looked.batches).to.equal(0)
  })

  it('with another configuration closes what that does not hold', async () => {
    await using folder = await temporaryFolder()
    const [kept, gone] = await withLeases(folder.path)
    const again = counted()
    const options = { folder: folder.path, configure: withoutOrders }
    await using broker = await startTestBroker({ ...options, app: { decorate: again.decorate } })
    await ready(broker)
    expect(again.looked.batches).to.equal(1)
    expect([await stateOf(broker, kept), await stateOf(broker, gone)]).to.deep.equal(['active', GONE])
  })

  it('is alive meanwhile, and not ready: nothing is granted before every lease was looked at', async () => {
    await using folder = await temporaryFolder()
    const [, gone] = await withLeases(folder.path)
    const { hold, open, reached } = gate()
    const { decorate, over } = afterStart(hold)
    const options = { folder: folder.path, configure: withoutOrders }
    await using broker = await startTestBroker({ ...options, app: { decorate } })
    await reached()
    expect((await broker.call('GET', '/livez')).status).to.equal(200)
    const { status, body } = await broker.call('GET', '/readyz')
    expect({ status, reasons: body.reasons }).to.deep.equal({ status: 503, reasons: ['The broker is starting'] })
    expectProblem(await broker.request(), 'unavailable')
    over()
    open()
    await ready(broker)
    expect(await stateOf(broker, gone)).to.equal(GONE)
    expect((await broker.request()).status).to.equal(201)
  })

  it('that was broken off is made up for by the next, with whatever configuration', async () => {
    await using folder = await temporaryFolder()
    const [kept, gone] = await withLeases(folder.path)
    {
      const { decorate } = afterStart(() => Promise.reject(new Error('The disk is gone')))
      const options = { folder: folder.path, configure: withoutOrders }
      await using broker = await startTestBroker({ ...options, app: { decorate } })
      expect((await broker.call('GET', '/readyz')).body.reasons).to.include('The broker is starting')
    }
    {
      const again = counted()
      await using broker = await startTestBroker({ folder: folder.path, app: { decorate: again.decorate } })
      await ready(broker)
      expect(again.looked.batches, 'the first configuration no longer counts as enforced').to.equal(1)
      expect([await stateOf(broker, kept), await stateOf(broker, gone)]).to.deep.equal(['active', 'active'])
    }
    await using broker = await startTestBroker({ folder: folder.path, configure: withoutOrders })
    await ready(broker)
    expect([await stateOf(broker, kept), await stateOf(broker, gone)]).to.deep.equal(['active', GONE])
  })
})

describe('a reload', () => {
  it('looks at open leases only where it holds others than before', async () => {
    const { looked, decorate } = counted()
    await using broker = await startTestBroker({ app: { decorate } })
    const { body: gone } = await broker.request({ access: [{ grant: 'orders-api' }] })
    await writeFile(join(broker.folder, 'rules.yaml'), TEST_RULES.replace('max_ttl: 900', 'max_ttl: 600'))
    const rules = await broker.app.reload()
    expect(rules.ok && rules.value.closed).to.equal(0)
    expect(looked.batches, 'other rules judge the next request').to.equal(0)
    await broker.rewrite(withoutOrders)
    const shrunk = await broker.app.reload()
    expect(shrunk.ok && shrunk.value.closed).to.equal(1)
    expect(looked.batches).to.equal(1)
    expect(await stateOf(broker, gone.id)).to.equal(GONE)
  })
})
