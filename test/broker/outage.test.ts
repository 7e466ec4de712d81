import { expect } from 'chai'
import { startClockedBroker, seldom, type ClockedBroker } from '../support/clocked-broker.ts'
import { scriptedUpstream, type RevokeScript, type ScriptedUpstream } from '../support/scripted-upstream.ts'
import { readLedger } from '../support/ledger-file.ts'
import { grantOf, orphans } from '../support/upstream-broker.ts'

const [SECOND, MINUTE, HOUR, DAY] = [1000, 60_000, 3_600_000, 86_400_000]
const MANY = 1000
/** As the cron does it. */
const SWEEP_EVERY = 5 * SECOND

const unlimited = (settings: object) => ({
  ...seldom(settings),
  limits: { leases_per_agent: 5000, lease_requests_per_minute: 100_000 },
})

interface Held {
  readonly id: string
  readonly token: string
}

const lease = async (broker: ClockedBroker, upstream: ScriptedUpstream, over: object = {}): Promise<Held> => {
  const access = [{ grant: grantOf(upstream).name, actions: ['read'] }]
  const { status, body } = await broker.request({ access, ...over })
  if (status !== 201) throw new Error(`No lease: ${status} ${JSON.stringify(body)}`)
  return body as Held
}

/** So many leases, 20 at a time, that end within the next five minutes. */
async function leases(broker: ClockedBroker, upstream: ScriptedUpstream, count: number): Promise<void> {
  for (let made = 0; made < count; made += 20)
    await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        lease(broker, upstream, { task: `run-${made + at}`, ttl: 60 + ((made + at) % 240) }),
      ),
    )
}

/** Sweeps like the cron does for so long, or until it holds; returns how long that took. */
async function sweepFor(broker: ClockedBroker, ms: number, holds: () => boolean = () => false): Promise<number> {
  let gone = 0
  for (; gone < ms && !holds(); gone += SWEEP_EVERY) await broker.pass(SWEEP_EVERY)
  return gone
}

const notClosed = (broker: ClockedBroker): number =>
  [...readLedger(broker.folder).leases.values()].filter(({ state }) => state !== 'closed').length

/** An upstream that is down or not, by one word for all its calls, and when it was asked to take something back. */
function watched(upstream: ScriptedUpstream, clock: () => number) {
  const asked: number[] = []
  return {
    asked,
    answers: (word: RevokeScript): void => {
      upstream.script({
        revoke: () => {
          asked.push(clock())
          return word
        },
      })
    },
    /** The most calls within one minute since then. */
    mostAMinute: (since: number): number => {
      const calls = asked.filter((at) => at >= since)
      return Math.max(0, ...calls.map((from) => calls.filter((at) => at >= from && at < from + MINUTE).length))
    },
  }
}

describe('an upstream that is down for an hour while a thousand leases end', () => {
  it('is asked at most four times a minute, and everything is taken back within two minutes of its return', async function () {
    this.timeout(60_000)
    // What it made would outlive all this by a month: nothing ends by itself.
    const up = scriptedUpstream({ leastLifeMs: 30 * DAY })
    const other = scriptedUpstream({ name: 'other', leastLifeMs: 30 * DAY })
    await using broker = await startClockedBroker({ upstreams: [up, other], configure: unlimited })
    await leases(broker, up, MANY)
    expect(up.live()).to.have.length(MANY)
    const target = watched(up, broker.clocks.truth)
    target.answers('unreachable')
    await sweepFor(broker, 2 * MINUTE)
    const parked = broker.clocks.truth()

    // What other upstreams made is taken back as if nothing were wrong.
    for (let quarter = 0; quarter < 4; quarter += 1) {
      await sweepFor(broker, 14.5 * MINUTE)
      const held = await lease(broker, other, { task: `other-${quarter}` })
      await broker.call('POST', `/v1/leases/${held.id}/complete?wait=5`, {
        token: held.token,
        body: { outcome: 'success' },
      })
      expect(other.live(), `in quarter ${quarter}`).to.deep.equal([])
    }
    expect(broker.clocks.truth() - parked).to.be.within(58 * MINUTE, HOUR)
    expect(target.mostAMinute(parked), 'probes a minute').to.be.within(1, 4)
    expect(up.live(), 'nothing could be taken back').to.have.length(MANY)
    expect(orphans(broker.folder, up, other), 'and nothing was forgotten').to.deep.equal([])
    const { credentials } = readLedger(broker.folder)
    expect(Math.max(...[...credentials.values()].map(({ attempts }) => attempts)), 'attempts used up').to.equal(0)

    target.answers('ok')
    const back = broker.clocks.truth()
    const took = await sweepFor(broker, 10 * MINUTE, () => notClosed(broker) === 0)
    expect(took, 'until all was closed').to.be.at.most(2 * MINUTE)
    expect(up.live()).to.deep.equal([])
    const drained = target.asked.filter((at) => at >= back)
    const perStep = Math.max(...drained.map((from) => drained.filter((at) => at === from).length))
    expect(perStep, 'and it was not knocked over again').to.be.at.most(50)
  })

  it('has nothing left to be asked for, where what it made has ended by itself: no probe is spent on that', async () => {
    const up = scriptedUpstream()
    await using broker = await startClockedBroker({ configure: unlimited, upstreams: [up] })
    await leases(broker, up, 200)
    const target = watched(up, broker.clocks.truth)
    target.answers('unreachable')
    await sweepFor(broker, 10 * MINUTE)
    expect(notClosed(broker)).to.equal(0)
    expect(target.asked.length).to.be.at.most(60)
    for (const { outcome } of readLedger(broker.folder).credentials.values()) expect(outcome).to.equal('expired')
  })

  it('the control: one that fails without being down is asked more often, uses up attempts, and takes longer', async function () {
    this.timeout(30_000)
    const up = scriptedUpstream({ leastLifeMs: 30 * DAY })
    await using broker = await startClockedBroker({ configure: unlimited, upstreams: [up] })
    await leases(broker, up, 100)
    const target = watched(up, broker.clocks.truth)
    target.answers('unknown')
    await sweepFor(broker, HOUR)
    expect(target.mostAMinute(broker.clocks.truth() - HOUR)).to.be.greaterThan(4)
    target.answers('ok')
    expect(await sweepFor(broker, 10 * MINUTE, () => notClosed(broker) === 0)).to.be.greaterThan(2 * MINUTE)
    expect(up.live()).to.deep.equal([])
  })
})

describe('an upstream that does not answer', () => {
  it('holds up no revocation at another one', async () => {
    const [up, other] = [scriptedUpstream(), scriptedUpstream({ name: 'other' })]
    await using broker = await startClockedBroker({ upstreams: [up, other] })
    const [held, quick] = [await lease(broker, up), await lease(broker, other)]
    const complete = ({ id, token }: Held, wait: number) =>
      broker.call('POST', `/v1/leases/${id}/complete?wait=${wait}`, { token, body: { outcome: 'success' } })
    up.script({ revoke: 'held' })
    await complete(held, 0)
    await up.reached('revoke')
    const before = performance.now()
    const { body } = await complete(quick, 5)
    expect(body.state).to.equal('closed')
    expect(performance.now() - before).to.be.below(1000)
    expect(up.live(), 'the control: the other one still waits for its answer').to.have.length(1)
    up.open()
    await broker.app.sweep()
    expect([...up.live(), ...other.live()]).to.deep.equal([])
  })

  it('for one credential only does not keep all others of it waiting', async () => {
    const up = scriptedUpstream({ leastLifeMs: 30 * DAY })
    await using broker = await startClockedBroker({ upstreams: [up], configure: unlimited })
    await leases(broker, up, 100)
    const [poison] = up.live()
    const before = broker.clocks.truth()
    up.script({ revoke: (handle) => (handle === poison ? 'unreachable' : 'ok') })
    await sweepFor(broker, 20 * MINUTE, () => up.live().length === 1)
    expect(up.live()).to.deep.equal([poison])
    expect(broker.clocks.truth() - before).to.be.at.most(5 * MINUTE + MINUTE)
    up.script({ revoke: 'ok' })
    await sweepFor(broker, MINUTE)
    expect(up.live()).to.deep.equal([])
  })
})
