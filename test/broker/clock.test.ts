import { expect } from 'chai'
import type { SqliteStore } from '../../src/store/sqlite/open-store.ts'
import type { Answered } from '../support/broker.ts'
import { startClockedBroker, twoClocks, type ClockedBroker } from '../support/clocked-broker.ts'
import { orphans, WAREHOUSE } from '../support/upstream-broker.ts'
import { readLease } from '../support/approvals.ts'
import { scriptedUpstream } from '../support/scripted-upstream.ts'

const [MINUTE, HOUR, DAY] = [60_000, 3_600_000, 86_400_000]
const TEN_YEARS = 3653 * DAY

interface Held {
  readonly id: string
  readonly token: string
}

const lease = async (broker: ClockedBroker, over: object = {}): Promise<Held> => {
  const { status, body } = await broker.request({ access: [WAREHOUSE], ...over })
  if (status !== 201) throw new Error(`No lease: ${status} ${JSON.stringify(body)}`)
  return body as Held
}
const beat = async (broker: ClockedBroker, { id, token }: Held): Promise<number> =>
  (await broker.call('POST', `/v1/leases/${id}/heartbeat`, { token })).status
const complete = (broker: ClockedBroker, { id, token }: Held): Promise<Answered> =>
  broker.call('POST', `/v1/leases/${id}/complete`, { token, body: { outcome: 'success' } })
const accept = (broker: ClockedBroker): Promise<Answered> =>
  broker.call('POST', '/v1/clock/accept', { token: broker.operator('admin') })
const stateOf = async (broker: ClockedBroker, { id }: Held): Promise<string> => {
  const { body } = await readLease(broker, { lease: id })
  return body.outcome === null ? body.state : `${body.state} (${body.outcome})`
}
const unready = async (broker: ClockedBroker): Promise<string> =>
  (await broker.call('GET', '/readyz')).body.reasons.join()

describe('a clock that jumps ahead', () => {
  for (const [what, jumpMs] of [
    ['an hour', HOUR],
    ['ten years', TEN_YEARS],
  ] as const) {
    it(`by ${what} ends leases at their next use, closes none, and grants nothing until it is right again`, async () => {
      await using broker = await startClockedBroker()
      const held = await lease(broker)
      broker.clocks.jump(jumpMs)
      expect(await beat(broker, held), 'a use').to.equal(409)
      expect((await broker.request({ task: 'run-2' })).status, 'a new one').to.equal(503)
      expect(await unready(broker)).to.match(/clock is ahead/)
      await broker.pass(MINUTE)
      expect(await stateOf(broker, held), 'no mass closing').to.equal('active')
      expect(broker.upstream.live(), 'what an upstream made').to.have.length(1)
      broker.clocks.setRight()
      await broker.pass(1000)
      expect(await beat(broker, held), 'nobody had ended it').to.equal(200)
      expect((await broker.request({ task: 'run-2' })).status).to.equal(201)
    })

    it(`by ${what} still lets what was granted end when it should`, async () => {
      await using broker = await startClockedBroker()
      const held = await lease(broker)
      broker.clocks.jump(jumpMs)
      await broker.pass(301_000)
      expect(await stateOf(broker, held)).to.equal('closed (expired)')
      expect(broker.upstream.live()).to.deep.equal([])
    })

    it(`by ${what}, once an operator accepts it, is the time, and everything that is due by it is closed`, async () => {
      await using broker = await startClockedBroker()
      const held = await lease(broker)
      broker.clocks.sleep(jumpMs)
      expect((await accept(broker)).status).to.equal(200)
      await broker.pass(0)
      expect(await stateOf(broker, held)).to.equal('closed (expired)')
      expect(broker.upstream.live()).to.deep.equal([])
      expect((await broker.request({ task: 'run-2' })).status).to.equal(201)
    })
  }

  it('makes no credential count as ended by itself: what could not be taken back yet still is', async () => {
    await using broker = await startClockedBroker()
    const held = await lease(broker)
    broker.upstream.script({ revoke: 'unreachable' })
    await complete(broker, held)
    await broker.pass(0)
    broker.clocks.jump(TEN_YEARS)
    for (let step = 0; step < 4; step += 1) await broker.pass(20_000)
    expect(await stateOf(broker, held), 'ten years later by a clock that nobody believes').to.equal(
      'closing (completed)',
    )
    expect(orphans(broker.folder, broker.upstream)).to.deep.equal([])
    broker.clocks.setRight()
    broker.upstream.script({ revoke: 'ok' })
    await broker.pass(20_000)
    expect(await stateOf(broker, held), 'and no retry waits for ten years').to.equal('closed (completed)')
    expect(broker.upstream.live()).to.deep.equal([])
  })

  it('holds up no revocation: one that is asked for meanwhile reaches the upstream at once', async () => {
    await using broker = await startClockedBroker()
    const held = await lease(broker)
    broker.clocks.jump(TEN_YEARS)
    await complete(broker, held)
    await broker.pass(0)
    expect(broker.upstream.live()).to.deep.equal([])
    expect(await stateOf(broker, held)).to.equal('closed (completed)')
  })

  it('puts off no revocation that is asked for meanwhile and cannot be done yet', async () => {
    await using broker = await startClockedBroker()
    const held = await lease(broker)
    broker.clocks.jump(TEN_YEARS)
    broker.upstream.script({ revoke: 'unreachable' })
    const revoked = await broker.call('POST', `/v1/leases/${held.id}/revoke`, {
      token: broker.operator('operator'),
      body: { reason: 'Because' },
    })
    expect(revoked.status).to.equal(200)
    await broker.pass(0)
    broker.clocks.setRight()
    broker.upstream.script({ revoke: 'ok' })
    await broker.pass(20_000)
    expect(await stateOf(broker, held)).to.equal('closed (revoked)')
    expect(broker.upstream.live()).to.deep.equal([])
  })

  it('makes nobody immortal who said meanwhile that it is alive, and loses nobody who did', async () => {
    await using broker = await startClockedBroker()
    const [silent, alive] = [
      await lease(broker, { ttl: 900, heartbeat: 60 }),
      await lease(broker, { ttl: 900, heartbeat: 60 }),
    ]
    await broker.pass(50_000)
    broker.clocks.jump(TEN_YEARS)
    await beat(broker, silent)
    await beat(broker, alive)
    await broker.pass(50_000)
    broker.clocks.setRight()
    await broker.pass(50_000)
    expect(await stateOf(broker, silent), 'heard of 100 s ago').to.equal('active')
    await beat(broker, alive)
    await broker.pass(50_000)
    expect(await stateOf(broker, silent), 'heard of 150 s ago').to.equal('closed (lost)')
    expect(await stateOf(broker, alive), 'heard of 50 s ago').to.equal('active')
  })

  it('lets nobody approve what would then begin in ten years', async () => {
    await using broker = await startClockedBroker()
    const intent = { goal: 'Refund order 1234', purpose: 'ask', autonomy: 'supervised', origin: 'user' }
    const { body: asked } = await broker.request({ intent, access: [WAREHOUSE] })
    broker.clocks.jump(10 * MINUTE)
    const { id, digest } = asked.approval
    const yes = { token: broker.operator('approver'), body: { digest } }
    expect((await broker.call('POST', `/v1/approvals/${id}/approve`, yes)).status).to.equal(503)
    broker.clocks.setRight()
    expect((await broker.call('POST', `/v1/approvals/${id}/approve`, yes)).status).to.equal(200)
    const { body } = await readLease(broker, { lease: asked.id })
    expect(Date.parse(body.expires_at)).to.equal(broker.clocks.truth() + 300_000)
  })

  it('is found after a stop of more than a week, too', async () => {
    const clocks = twoClocks()
    await using first = await startClockedBroker({ clocks })
    const held = await lease(first)
    await first.pass(1000)
    await first.app[Symbol.asyncDispose]()
    clocks.jump(8 * DAY)
    await using second = await startClockedBroker({ clocks, folder: first.folder, upstreams: [first.upstream] })
    await second.pass(0)
    expect(await stateOf(second, held)).to.equal('active')
    expect(await beat(second, held), 'a use counts the clock at once').to.equal(409)
    expect((await second.request({ task: 'run-2' })).status).to.equal(503)
    await accept(second)
    await second.pass(0)
    expect(await stateOf(second, held)).to.equal('closed (expired)')
  })
})

describe('a clock that jumps back', () => {
  for (const [what, jumpMs] of [
    ['an hour', HOUR],
    ['ten years', TEN_YEARS],
  ] as const) {
    it(`by ${what} revives nothing and grants nothing, and leases end when they should`, async () => {
      await using broker = await startClockedBroker()
      const [ended, due, open] = [
        await lease(broker, { ttl: 60 }),
        await lease(broker, { ttl: 90 }),
        await lease(broker),
      ]
      await broker.pass(61_000)
      expect(await stateOf(broker, ended)).to.equal('closed (expired)')
      broker.clocks.pass(30_000)
      expect(await beat(broker, due), 'over, and not swept yet').to.equal(409)
      broker.clocks.jump(-jumpMs)
      expect(await beat(broker, due), 'and not revived').to.equal(409)
      expect(await beat(broker, open)).to.equal(200)
      expect((await broker.request({ task: 'run-2' })).status).to.equal(503)
      expect(await unready(broker)).to.match(/clock is behind/)
      await broker.pass(209_000)
      expect(await stateOf(broker, due)).to.equal('closed (expired)')
      expect(await stateOf(broker, open)).to.equal('closed (expired)')
      expect(broker.upstream.live()).to.deep.equal([])
      broker.clocks.setRight()
      expect((await broker.request({ task: 'run-2' })).status).to.equal(201)
    })

    it(`by ${what} during a stop revives nothing either`, async () => {
      const clocks = twoClocks()
      await using first = await startClockedBroker({ clocks })
      const due = await lease(first, { ttl: 60 })
      clocks.pass(61_000)
      expect(await beat(first, due), 'over, and not swept').to.equal(409)
      await first.app[Symbol.asyncDispose]()
      clocks.jump(-jumpMs)
      await using second = await startClockedBroker({ clocks, folder: first.folder, upstreams: [first.upstream] })
      expect(await beat(second, due)).to.equal(409)
      await second.pass(1000)
      expect(await stateOf(second, due)).to.equal('closed (expired)')
      expect(second.upstream.live()).to.deep.equal([])
    })
  }

  it('by ten years, accepted, ends what was granted in years that have not come, and puts off no revocation', async () => {
    const upstream = scriptedUpstream({ leastLifeMs: 30 * DAY })
    await using broker = await startClockedBroker({ upstreams: [upstream] })
    broker.clocks.jump(TEN_YEARS)
    await accept(broker)
    const [open, ending] = [await lease(broker), await lease(broker)]
    upstream.script({ revoke: 'permanent' })
    await complete(broker, ending)
    await broker.pass(0)
    broker.clocks.setRight()
    await broker.pass(0)
    expect((await broker.request({ task: 'run-2' })).status).to.equal(503)
    expect((await accept(broker)).status).to.equal(200)
    upstream.script({ revoke: 'ok' })
    await broker.pass(0)
    expect(await beat(broker, open)).to.equal(409)
    await broker.pass(HOUR)
    expect(await stateOf(broker, open)).to.equal('closed (expired)')
    expect(await stateOf(broker, ending)).to.equal('closed (completed)')
    expect(upstream.live()).to.deep.equal([])
    expect((await broker.request({ task: 'run-2' })).status).to.equal(201)
  })
})

describe('a process that was stopped for half an hour', () => {
  it('refuses what ended meanwhile at its first use, and closes it with its first sweep', async () => {
    await using broker = await startClockedBroker()
    const [over, open] = [await lease(broker), await lease(broker, { ttl: 900 })]
    broker.clocks.pass(14 * MINUTE)
    expect(await beat(broker, over), 'before anything was swept').to.equal(409)
    expect(await beat(broker, open)).to.equal(200)
    await broker.pass(16 * MINUTE)
    expect(await stateOf(broker, over)).to.equal('closed (expired)')
    expect(await stateOf(broker, open)).to.equal('closed (expired)')
    expect(broker.upstream.live()).to.deep.equal([])
    expect((await broker.request({ task: 'run-2' })).status, 'half an hour that the monotonic clock saw').to.equal(201)
  })

  it('asks first, where its machine slept and the monotonic clock with it', async () => {
    await using broker = await startClockedBroker()
    const held = await lease(broker)
    broker.clocks.sleep(30 * MINUTE)
    await broker.pass(0)
    expect(await stateOf(broker, held)).to.equal('active')
    expect(await beat(broker, held)).to.equal(409)
    await accept(broker)
    await broker.pass(0)
    expect(await stateOf(broker, held)).to.equal('closed (expired)')
  })
})

describe('the change to summer time and back', () => {
  for (const [what, at] of [
    ['to summer time', '2027-03-28T00:59:30Z'],
    ['to winter time', '2027-10-31T00:59:30Z'],
  ] as const) {
    it(`is no jump (${what})`, async () => {
      const before = process.env['TZ']
      process.env['TZ'] = 'Europe/Berlin'
      try {
        await using broker = await startClockedBroker({ clocks: twoClocks(Date.parse(at)) })
        const hour = (): number => new Date(broker.clocks.wall()).getHours()
        const [shown, held] = [hour(), await lease(broker, { ttl: 90 })]
        await broker.pass(60_000)
        expect(hour(), 'the control: the local clock has changed').to.not.equal((shown + 1) % 24)
        expect(await unready(broker)).to.equal('')
        expect(await beat(broker, held)).to.equal(200)
        await broker.pass(31_000)
        expect(await stateOf(broker, held)).to.equal('closed (expired)')
      } finally {
        if (before === undefined) delete process.env['TZ']
        else process.env['TZ'] = before
      }
    })
  }
})

describe('the controls of all this', () => {
  it('a broker that believes its wall clock closes everything after a jump ahead', async () => {
    const clocks = twoClocks()
    await using broker = await startClockedBroker({ clocks: { ...clocks, monotonic: clocks.wall } })
    const held = await lease(broker)
    clocks.jump(HOUR)
    await broker.pass(0)
    expect(await stateOf(broker, held)).to.equal('closed (expired)')
  })

  it('a broker that forgets what it believed revives what had ended', async () => {
    const clocks = twoClocks()
    await using first = await startClockedBroker({ clocks })
    const due = await lease(first, { ttl: 60 })
    clocks.pass(61_000)
    expect(await beat(first, due)).to.equal(409)
    await first.app[Symbol.asyncDispose]()
    clocks.jump(-HOUR)
    const forgetful = (store: SqliteStore): SqliteStore => ({
      ...store,
      reads: { ...store.reads, clockMark: () => null },
    })
    const app = { decorate: { store: forgetful } }
    await using second = await startClockedBroker({ clocks, app, folder: first.folder, upstreams: [first.upstream] })
    expect(await beat(second, due)).to.equal(200)
  })
})
