import { expect } from 'chai'
import { setTimeout as wait } from 'node:timers/promises'
import { startBrokerProcess, type BrokerProcess } from './broker-process.ts'
import { crashWorld, type CrashWorld } from './crash-world.ts'
import { keepBusy, type KillPlan, type Session } from './kill-acts.ts'
import { until } from './until.ts'

/** An orphan is gone within so much of the restart. */
const RECOVERED_MS = 5000

/** Starts a broker over every world, and waits until each has cleaned up after the one that was killed. */
export async function recover(process: BrokerProcess, worlds: readonly CrashWorld[]): Promise<readonly Session[]> {
  return Promise.all(
    worlds.map(async (world) => {
      const broker = await world.startIn(process)
      const ready = performance.now()
      await until('nothing is left behind', () => world.leftBehind().length === 0)
      expect(performance.now() - ready, 'ms until nothing was left behind').to.be.below(RECOVERED_MS)
      expect(world.faults(), `after the restart: ${process.log()}`).to.deep.equal([])
      return { world, broker }
    }),
  )
}

/** Brings a broker to the moment at which it is going to be killed. */
export async function bringTo({ world, broker }: Session, { what, act, moment }: KillPlan): Promise<void> {
  const deed = await act({ world, broker })
  const there = moment.when === 'during' ? world.upstream.reached(moment.step) : broker.reached
  if (moment.when === 'during') world.upstream.script({ [moment.step]: 'held' })
  else await broker.arm(moment)
  // Whoever asked hears nothing, or no more than a connection that breaks.
  deed().catch(() => undefined)
  const late = AbortSignal.timeout(10_000)
  await Promise.race([
    there,
    new Promise((_, reject) => {
      late.addEventListener('abort', () => {
        reject(new Error(`It was never reached: ${what}`))
      })
    }),
  ])
}

/** Kills them all at once, and looks at what is left before anybody cleans up. */
export async function killAll(process: BrokerProcess, sessions: readonly Session[], what: string): Promise<void> {
  await process.kill()
  expect(await process.ended).to.equal('SIGKILL')
  for (const { world } of sessions) {
    world.upstream.open()
    world.upstream.script({ mint: 'ok', revoke: 'ok' })
  }
  // What the upstream was doing for the dead broker, it does.
  await wait(1)
  for (const { world } of sessions) expect(world.faults(), `right after the kill: ${what}`).to.deep.equal([])
}

/** Processes one after the other; the next one loads while this one runs. */
export async function* processes(count: number): AsyncGenerator<BrokerProcess> {
  const started: Promise<BrokerProcess>[] = [startBrokerProcess()]
  try {
    for (let at = 0; at < count; at += 1) {
      const process = await started[at]
      if (at + 1 < count) started.push(startBrokerProcess())
      if (process) yield process
    }
  } finally {
    for (const each of started) await (await each)[Symbol.asyncDispose]()
  }
}

export interface Rounds {
  readonly count: number
  /** Brokers of one process: each stops where it was told to, and one SIGKILL ends them all. */
  readonly sideBySide: number
}

/** Kills brokers over the same ledgers again and again, at each moment of the plans in turn. Returns how many died. */
export async function killAtMoments(plans: readonly KillPlan[], { count, sideBySide }: Rounds): Promise<number> {
  await using worlds = new AsyncDisposableStack()
  const all = await Promise.all(Array.from({ length: sideBySide }, async () => worlds.use(await crashWorld())))
  // A broker that kills itself in the middle of a commit comes last: the others wait where they are.
  const held = plans.filter(({ moment }) => moment.when !== 'inside')
  const last = [...plans.filter(({ moment }) => moment.when === 'inside'), ...held]
  const planFor = (round: number, at: number): KillPlan | undefined =>
    at === sideBySide - 1 ? last[round % last.length] : held[(round * (sideBySide - 1) + at) % held.length]
  let round = 0
  for await (const process of processes(count)) {
    const sessions = await recover(process, all)
    const now = sessions.flatMap((session, at) => {
      const plan = planFor(round, at)
      return plan ? [{ session, plan }] : []
    })
    for (const { session, plan } of now) await bringTo(session, plan)
    await killAll(process, sessions, now.map(({ plan }) => plan.what).join('; '))
    round += 1
  }
  await using next = await startBrokerProcess()
  await recover(next, all)
  return round * sideBySide
}

/** Kills brokers under load, at moments that nobody chose. Returns how many died. */
export async function killUnderLoad({ count, sideBySide }: Rounds, random: () => number): Promise<number> {
  await using worlds = new AsyncDisposableStack()
  const all = await Promise.all(Array.from({ length: sideBySide }, async () => worlds.use(await crashWorld())))
  let killed = 0
  for await (const process of processes(count)) {
    const sessions = await recover(process, all)
    const load = sessions.map((session) => keepBusy(session))
    await wait(20 + random() * 300)
    await killAll(process, sessions, 'under load')
    await Promise.all(load)
    killed += sideBySide
  }
  await using next = await startBrokerProcess()
  await recover(next, all)
  return killed
}
