import Database from 'better-sqlite3'
import { expect } from 'chai'
import { join } from 'node:path'
import { startBrokerProcess, type ProcessBroker } from '../../support/broker-process.ts'
import { crashWorld, type CrashWorld } from '../../support/crash-world.ts'
import { end } from '../../support/kill-acts.ts'
import type { Commit } from '../../support/kill-points.ts'

type Act = (world: CrashWorld, broker: ProcessBroker) => Promise<unknown>

/** A broker that forgets one kind of commit is killed after the act. What is wrong right after it. */
async function faultsOf(world: CrashWorld, forget: Commit, act: Act): Promise<readonly string[]> {
  await using process = await startBrokerProcess()
  const broker = await world.startIn(process, { forget })
  await act(world, broker)
  await process.kill()
  return world.faults()
}

/** Somebody writes into the ledger of a broker that is gone. */
async function faultsAfter(sql: string): Promise<readonly string[]> {
  await using world = await crashWorld()
  await using process = await startBrokerProcess()
  const broker = await world.startIn(process)
  const [kept, over] = [await world.grant(broker), await world.grant(broker)]
  expect(await end({ world, broker }, over, 'complete')).to.equal(200)
  await process.kill()
  expect(world.faults()).to.deep.equal([])
  using db = opened(join(world.folder, 'data', 'mayfly.db'))
  db.exec(sql.replaceAll('KEPT', `'${kept.id}'`).replaceAll('OVER', `'${over.id}'`))
  return world.faults()
}

function opened(path: string): Disposable & { readonly exec: (sql: string) => unknown } {
  const db = new Database(path)
  return { exec: (sql) => db.exec(sql), [Symbol.dispose]: () => void db.close() }
}

describe('what the tests of kills look for (controls)', function () {
  this.timeout(60_000)

  it('sees the orphan of a broker that mints before its intent is on the disk', async () => {
    await using world = await crashWorld()
    const faults = await faultsOf(world, 'intent', async (_, broker) => {
      await broker.arm({ step: 'mint', when: 'after' })
      world.grant(broker).catch(() => undefined)
      await broker.reached
    })
    expect(faults).to.have.length(1)
    expect(faults[0]).to.match(/^h-crd_\w+ is alive, and no open row knows of it$/)
    // Nor does it go away: the next broker knows nothing of it.
    await using next = await startBrokerProcess()
    await world.startIn(next)
    expect(world.leftBehind()).to.deep.equal(world.upstream.live()).and.to.have.length(1)
  })

  it('sees an end that was answered and not kept', async () => {
    await using world = await crashWorld()
    const faults = await faultsOf(world, 'close', async (_, broker) => {
      expect(await end({ world, broker }, await world.grant(broker), 'complete')).to.equal(200)
    })
    expect(faults).to.have.length(1)
    expect(faults[0]).to.match(/^lease lse_\w+ was answered to have ended and has not$/)
  })

  it('sees what was answered and is lost, what comes back to life, what is gone, and what was changed in the record', async () => {
    const faults = await Promise.all(
      [
        "update lease set state = 'closed', outcome = 'not_minted' where id = KEPT",
        "update lease set state = 'active' where id = OVER",
        "update credential set state = 'active' where lease = OVER",
        'delete from credential where lease = KEPT; delete from lease where id = KEPT',
        "delete from audit where stream = 'operations' and seq = (select max(seq) from audit where stream = 'operations')",
        "update audit set record = replace(record, 'support-bot', 'other-bot') where stream = 'approved' and seq = 1",
      ].map(faultsAfter),
    )
    const found = faults.map((each) => each.join('\n'))
    expect(found[0]).to.match(/lease lse_\w+ was answered and is lost/)
    expect(found[1]).to.match(/lease lse_\w+ was (closing|closed) and is active again/)
    expect(found[2]).to.match(/credential crd_\w+ was (revoking|closed) and is active again/)
    expect(found[3]).to.match(/lease lse_\w+ was active and is gone/)
    expect(found[4]).to.match(/record \d+ of operations is not what it was/)
    expect(found[5]).to.include('the chain of approved is broken')
  })
})
