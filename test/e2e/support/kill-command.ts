import { expect } from 'chai'
import { setTimeout as wait } from 'node:timers/promises'
import { callAt, type TestBroker } from '../../support/broker.ts'
import { startMayfly } from '../../support/mayfly-process.ts'
import { until } from '../../support/until.ts'
import { faultsOf, leftBehind, type KillGround } from './kill-rounds.ts'
import type { KillWorld } from './kill-world.ts'
import { GRANTS } from './real-upstreams.ts'

/** Asks for leases of every kind and ends every second one, until the broker is gone. */
async function keepBusy(world: KillWorld, broker: Pick<TestBroker, 'call'>): Promise<void> {
  for (let turn = 0; ; turn += 1) {
    const grant = GRANTS[turn % GRANTS.length]
    if (grant === undefined) return
    try {
      const lease = await world.grant(broker, grant)
      if (turn % 2 === 1) await world.end(broker, lease, turn % 4 === 1 ? 'complete' : 'revoke')
    } catch {
      // It is being killed, or was: what nobody answered is nobody's.
      if ((await broker.call('GET', '/livez').catch(() => undefined)) === undefined) return
    }
  }
}

/** Kills the real command under load, at moments that nobody chose. */
export async function killCommand(ground: KillGround, times: number, random: () => number): Promise<void> {
  const [world] = ground.worlds
  if (!world) throw new Error('There is one world')
  const started = async (use: (broker: Pick<TestBroker, 'call'>) => Promise<void>): Promise<void> => {
    await using mayfly = await startMayfly(['serve', '--config', world.configFile], { cwd: '/' })
    const broker = { call: callAt(mayfly.url) }
    await until('it is ready', async () => (await broker.call('GET', '/readyz')).status === 200)
    await until('nothing is left behind', async () => (await leftBehind(ground)).length === 0)
    expect(await faultsOf(ground), 'after the restart').to.deep.equal([])
    await use(broker)
  }
  for (let killed = 0; killed < times; killed += 1) {
    const busy: Promise<void>[] = []
    await started(async (broker) => {
      busy.push(...[1, 2, 3].map(() => keepBusy(world, broker)))
      await wait(100 + random() * 400)
    })
    await Promise.all(busy)
    // What the upstreams were doing for the dead broker, they do.
    await wait(100)
    for (const { state, handle } of world.ledger().credentials.values())
      if (state === 'minting') ground.healing.add(handle)
    expect(await faultsOf(ground), 'right after the kill').to.deep.equal([])
  }
  await started(async (broker) => {
    await world.endAll(broker)
    await until('nothing works any more', async () => (await leftBehind(ground)).length === 0)
  })
}
