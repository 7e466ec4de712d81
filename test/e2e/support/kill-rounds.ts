import { expect } from 'chai'
import { setTimeout as wait } from 'node:timers/promises'
import type { BrokerProcess, ProcessBroker } from '../../support/broker-process.ts'
import { until } from '../../support/until.ts'
import { goesOver, said, type KillPlan } from './kill-plans.ts'
import type { KillWorld } from './kill-world.ts'
import type { Living } from './living.ts'

/** An orphan is gone within so much of the restart, unless it has no handle and heals itself. */
const RECOVERED_MS = 5_000

export interface KillSession {
  readonly world: KillWorld
  readonly broker: ProcessBroker
}

/** Worlds over one upstream, and what lives there. */
export interface KillGround {
  readonly worlds: readonly KillWorld[]
  readonly living: Living
  /** What was left behind without a handle, and heals itself. */
  readonly healing: Set<string>
}

/** What is wrong now. The ledgers are read first: what they know to be closed must not be alive any more. */
export async function faultsOf({ worlds, living, healing }: KillGround): Promise<readonly string[]> {
  const known = new Set([...healing, ...worlds.flatMap((world) => [...world.ledger().credentials.keys()])])
  const read = worlds.map((world) => world.read())
  const alive = await living()
  const strange = [...alive].filter((handle) => !known.has(handle)).map((handle) => `${handle} is in no ledger`)
  return [...strange, ...read.flatMap((faults) => faults(alive))]
}

/** What lives although its lease does not, and does not heal itself. */
export async function leftBehind({ worlds, living, healing }: KillGround): Promise<readonly string[]> {
  const good = new Set(
    worlds.flatMap((world) => {
      const { leases, credentials } = world.ledger()
      const usable = [...credentials.values()].filter(
        ({ state, lease }) => state === 'active' && leases.get(lease)?.state === 'active',
      )
      return usable.map(({ handle }) => handle)
    }),
  )
  return [...(await living())].filter((handle) => !good.has(handle) && !healing.has(handle))
}

/** Starts a broker over every world, and waits until each has cleaned up after the one that was killed. */
export async function restart(ground: KillGround, process: BrokerProcess): Promise<readonly KillSession[]> {
  const sessions = await Promise.all(
    ground.worlds.map(async (world) => ({ world, broker: await world.startIn(process) })),
  )
  const ready = performance.now()
  await until('nothing is left behind', async () => (await leftBehind(ground)).length === 0)
  expect(performance.now() - ready, 'ms until nothing was left behind').to.be.below(RECOVERED_MS)
  expect(await faultsOf(ground), 'after the restart').to.deep.equal([])
  return sessions
}

const STEP_MS = 50_000

type Deed = () => Promise<unknown>

/** What comes before is answered in peace; the deed itself may never be. */
async function prepare({ world, broker }: KillSession, { act, grant }: KillPlan): Promise<Deed> {
  if (act === 'grant') return () => world.grant(broker, grant)
  const lease = await world.grant(broker, grant, 300)
  switch (act) {
    case 'replace':
      return () => world.replace(broker, lease, grant)
    case 'expire':
      return () => broker.sweep()
    case 'complete':
    case 'revoke':
      return () => world.end(broker, lease, act)
  }
}

/** Lets the deed begin, and resolves when the broker has come to where it is going to be killed. */
async function bringTo({ world, broker }: KillSession, deed: Deed, plan: KillPlan): Promise<Disposable> {
  using stack = new DisposableStack()
  const { moment } = plan
  let reached: Promise<unknown>
  if ('wire' in moment) {
    const kind = moment.when === 'before' ? 'black-hole' : 'hang'
    const seen: (() => boolean)[] = []
    for (const proxy of [world.toVault, world.toAws]) {
      const from = proxy.exchanges.length
      stack.use(proxy.inject({ kind }, (request) => goesOver(moment.wire, request)))
      seen.push(() =>
        proxy.exchanges
          .slice(from)
          .some(({ request, answer }) => goesOver(moment.wire, request) && (kind === 'black-hole' || answer !== null)),
      )
    }
    reached = until(said(plan), () => seen.some((one) => one()))
  } else {
    await broker.arm(moment)
    reached = broker.reached
  }
  // Whoever asked hears nothing, or no more than a connection that breaks.
  deed().catch(() => undefined)
  const late = AbortSignal.timeout(15_000)
  const tooLate = new Promise((_, reject) => {
    late.addEventListener('abort', () => reject(new Error(`It was never reached: ${said(plan)}`)))
  })
  await Promise.race([reached, tooLate])
  return stack.move()
}

export interface Round {
  /** One for each world. */
  readonly plans: readonly KillPlan[]
  /** So much time passes between what comes before and the deed, by the clocks of the worlds. */
  readonly passesMs: number
  /** Lets it pass for the upstream, where that has a clock that can be moved. */
  readonly pass: () => Promise<void>
  /** Whether each broker has somebody else's lease too, which must come through. */
  readonly bystanders: boolean
}

/** One process with a broker over each world: restarted, brought to where each of its brokers dies, and killed. */
export async function killRound(ground: KillGround, process: BrokerProcess, round: Round): Promise<number> {
  const sessions = await restart(ground, process)
  const dying = await Promise.all(
    sessions.flatMap((session, index) => {
      const plan = round.plans[index]
      return plan ? [prepare(session, plan).then((deed) => ({ session, plan, deed }))] : []
    }),
  )
  if (round.bystanders)
    await Promise.all(dying.map(({ session, plan }) => session.world.grant(session.broker, plan.grant)))
  await round.pass()
  using held = new DisposableStack()
  const bring = async ({ session, plan, deed }: (typeof dying)[number]): Promise<void> => {
    // Armed first: the sweep comes by itself, and may see that the time is over before anybody asks it to.
    const later = async (): Promise<unknown> => {
      // In steps, as time does pass: what has ended for long needs no revocation, and OpenBao's time is real.
      for (let left = round.passesMs; left > 0; left -= STEP_MS) {
        await session.world.advance(session.broker, Math.min(left, STEP_MS))
        await session.broker.sweep()
      }
      return deed()
    }
    held.use(await bringTo(session, later, plan))
  }
  const isInside = ({ plan }: (typeof dying)[number]): boolean => plan.moment.when === 'inside'
  await Promise.all(dying.filter((each) => !isInside(each)).map(bring))
  await Promise.all(dying.filter(isInside).map(bring))

  await process.kill()
  expect(await process.ended).to.equal('SIGKILL')
  // What the upstream was doing for the dead brokers, it does.
  await wait(100)
  for (const { session, plan } of dying) {
    if (!plan.heals) continue
    const minting = [...session.world.ledger().credentials.values()].filter(({ state }) => state === 'minting')
    for (const { handle } of minting) ground.healing.add(handle)
  }
  expect(await faultsOf(ground), `right after the kill: ${round.plans.map(said).join('; ')}`).to.deep.equal([])
  return dying.length
}
