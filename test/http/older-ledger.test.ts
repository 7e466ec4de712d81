import { expect } from 'chai'
import { cp, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'

import { readAudit, recordsOf } from '../support/audit.ts'
import { startTestBroker, type TestBroker } from '../support/broker.ts'
import { expectProblem } from '../support/expect-problem.ts'
import { later } from '../support/later.ts'
import { acknowledge, beginRecovery, recoveryOf } from '../support/recovery.ts'

/** Files of the ledger's database: its journal is empty after an orderly stop. */
const DATABASE = ['mayfly.db', 'mayfly.db-wal', 'mayfly.db-shm'] as const

/** A broker that stopped, went on for some minutes, and stopped again; what it was made of at both stops. */
async function twoStops(between: (broker: TestBroker) => Promise<unknown> = () => Promise.resolve()) {
  const first = await startTestBroker()
  await first.request()
  await later(first, 120)
  await first.app[Symbol.asyncDispose]()
  const kept = join(first.folder, 'kept')
  await cp(join(first.folder, 'data'), kept, { recursive: true })
  const ahead = first.clock.now() - Date.now()
  const second = await startTestBroker({ folder: first.folder, ahead })
  await second.request({ task: 'run-2' })
  await between(second)
  await later(second, 120)
  await second.app[Symbol.asyncDispose]()
  const data = join(first.folder, 'data')
  return {
    data,
    kept,
    start: () => startTestBroker({ folder: first.folder, ahead: second.clock.now() - Date.now() }),
    [Symbol.asyncDispose]: () => first[Symbol.asyncDispose](),
  }
}

const putBack = async ({ data, kept }: { readonly data: string; readonly kept: string }): Promise<void> => {
  for (const name of DATABASE) await rm(join(data, name), { force: true })
  for (const name of await readdir(kept)) if (/^mayfly\.db/.test(name)) await cp(join(kept, name), join(data, name))
}

describe('a ledger that somebody put back by hand', () => {
  it('is noticed at the start: it is older than the checkpoint beside it', async () => {
    await using world = await twoStops()
    await putBack(world)
    await using broker = await world.start()
    const recovery = await recoveryOf(broker)
    expect(recovery).to.include({ state: 'waiting', cause: 'rolled_back' })
    expect(recovery.detail).to.match(/^its ledger is older than the checkpoint of .* beside it, or another one/)
    expectProblem(await broker.request({ task: 'run-3' }), 'unavailable')
    const [record] = recordsOf(await readAudit(broker, 'operations'), 'recovery.required')
    expect(record?.subject['outcome']).to.equal('rolled_back')
    await beginRecovery(broker)
    expect((await acknowledge(broker)).status).to.equal(200)
    expect((await broker.request({ task: 'run-3' })).status).to.equal(201)
  })

  it('is noticed from one orderly stop to the next, however soon it comes', async () => {
    await using first = await startTestBroker()
    await first.app[Symbol.asyncDispose]()
    const [data, kept] = [join(first.folder, 'data'), join(first.folder, 'kept')]
    await cp(data, kept, { recursive: true })
    const second = await startTestBroker({ folder: first.folder })
    await second.request()
    await second.app[Symbol.asyncDispose]()
    await putBack({ data, kept })
    await using broker = await startTestBroker({ folder: first.folder })
    expect(await recoveryOf(broker)).to.include({ state: 'waiting', cause: 'rolled_back' })
  })

  it('is noticed once: after the recovery it is the ledger', async () => {
    await using world = await twoStops()
    await putBack(world)
    let ahead: number
    {
      await using broker = await world.start()
      await beginRecovery(broker)
      await acknowledge(broker)
      await later(broker, 120)
      ahead = broker.clock.now() - Date.now()
    }
    await using broker = await startTestBroker({ folder: join(world.data, '..'), ahead })
    expect((await recoveryOf(broker)).state).to.equal('none')
  })

  it('is no longer noticed without the checkpoint (a control)', async () => {
    await using world = await twoStops()
    await putBack(world)
    await rm(join(world.data, 'checkpoint'))
    await using broker = await world.start()
    expect((await recoveryOf(broker)).state).to.equal('none')
  })

  it('is noticed where it is another one of the same length', async () => {
    await using world = await twoStops()
    await using other = await twoStops()
    for (const name of DATABASE) await rm(join(world.data, name), { force: true })
    await cp(join(other.data, 'mayfly.db'), join(world.data, 'mayfly.db'))
    await using broker = await world.start()
    expect((await recoveryOf(broker)).state).to.equal('waiting')
  })

  it('is none where everything is as it was left (a control)', async () => {
    await using world = await twoStops()
    await using broker = await world.start()
    expect((await recoveryOf(broker)).state).to.equal('none')
    expect((await broker.request({ task: 'run-3' })).status).to.equal(201)
  })
})

describe('a signing key that is missing', () => {
  const rotate = (broker: TestBroker) => broker.call('POST', '/v1/keys/rotate', { token: broker.operator('admin') })
  const keyFile = async (data: string, use: 'access' | 'audit'): Promise<string> => {
    const names = await readdir(join(data, 'keys'))
    return join(data, 'keys', names.find((name) => name.startsWith(use)) ?? '')
  }

  it('is noticed at the start, and a recovery puts new ones in its place', async () => {
    await using world = await twoStops(rotate)
    await rm(await keyFile(world.data, 'access'))
    await using broker = await world.start()
    expect(await recoveryOf(broker)).to.include({ state: 'waiting', cause: 'key_lost' })
    const [lost] = recordsOf(await readAudit(broker, 'operations'), 'key.lost')
    expect(lost?.subject).to.include({ outcome: 'lost' })
    await beginRecovery(broker)
    expect((await acknowledge(broker)).status).to.equal(200)
    expect((await broker.request({ task: 'run-3' })).status).to.equal(201)
  })

  it('is noticed where all of them are gone, and the checkpoint is signed by none that is there', async () => {
    await using world = await twoStops()
    for (const name of await readdir(join(world.data, 'keys')))
      if (name.endsWith('.json')) await rm(join(world.data, 'keys', name))
    await using broker = await world.start()
    const recovery = await recoveryOf(broker)
    expect(recovery).to.include({ state: 'waiting', cause: 'rolled_back' })
    expect(recovery.detail).to.match(/the checkpoint beside its ledger does not hold/)
    expect(recordsOf(await readAudit(broker, 'operations'), 'key.lost')).to.have.length(4)
  })

  it('is not noticed where it came back before the start (a control)', async () => {
    await using world = await twoStops(rotate)
    const file = await keyFile(world.data, 'access')
    await rename(file, `${file}.elsewhere`)
    await rename(`${file}.elsewhere`, file)
    await using broker = await world.start()
    expect((await recoveryOf(broker)).state).to.equal('none')
  })
})
