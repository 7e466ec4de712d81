import { expect } from 'chai'
import { writeFile } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import { callAt, identityOf, ORDINARY, settingsOf, worldIn } from '../../support/broker.ts'
import { COMPILED } from '../../support/broker-process.ts'
import { brokenChains, readLedger, undone } from '../../support/ledger-file.ts'
import { runMayfly, spawnMayfly, startMayfly } from '../../support/mayfly-process.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { until } from '../../support/until.ts'

const KILLS = 6

describe('mayfly serve, killed', function () {
  this.timeout(120_000)

  it('loses no lease that it answered, brings none back, and its audit verifies', async () => {
    await using folder = await temporaryFolder()
    const world = await worldIn(folder.path)
    const settings = settingsOf(world)
    // Tokens name who issued them: the address would be another one after each start.
    const server = { ...(settings['server'] as object), public_url: 'https://mayfly.test' }
    const limits = { leases_per_agent: 100_000, lease_requests_per_minute: 1_000_000 }
    await writeFile(folder.at('mayfly.yaml'), JSON.stringify({ ...settings, server, limits }))
    const identity = identityOf(world, Date.now)
    const answered = { active: new Map<string, string>(), ended: new Set<string>() }

    /** Asks and completes, until the connection breaks. */
    async function keepBusy(call: ReturnType<typeof callAt>): Promise<void> {
      for (;;) {
        const { status, body } = await call('POST', '/v1/leases', { token: identity(), body: ORDINARY })
        expect(status).to.equal(201)
        answered.active.set(body.id, body.credentials[0].value.access_token)
        if (Math.random() < 0.5) continue
        answered.active.delete(body.id)
        const done = { token: body.token, body: { outcome: 'success' } }
        const { status: ended } = await call('POST', `/v1/leases/${body.id}/complete`, done)
        if (ended === 200) answered.ended.add(body.id)
      }
    }

    let before = undefined as ReturnType<typeof readLedger> | undefined
    for (let kill = 0; kill <= KILLS; kill += 1) {
      await using broker = await startMayfly(['serve', '--config', 'mayfly.yaml'], { cwd: folder.path, env: COMPILED })
      const call = callAt(broker.url)
      await until('the broker is ready', async () => (await call('GET', '/readyz')).status === 200)
      const isActive = async ([id, token]: readonly [string, string]): Promise<boolean> => {
        const answer = await fetch(`${broker.url}/oauth/introspect`, {
          method: 'POST',
          headers: { authorization: `Bearer ${world.pep.token}` },
          body: new URLSearchParams({ token }),
        })
        const { active } = (await answer.json()) as { readonly active: boolean }
        return active && !answered.ended.has(id)
      }
      const some = [...answered.active].slice(-20)
      expect(await Promise.all(some.map(isActive)), 'what was answered').to.deep.equal(some.map(() => true))
      if (kill === KILLS) {
        const env = { MAYFLY_URL: broker.url, MAYFLY_TOKEN: world.operators.viewer.token }
        const exported = await runMayfly(['audit', 'export'], { cwd: folder.path, env })
        await writeFile(folder.at('audit.jsonl'), exported.stdout)
        const verified = await runMayfly(['audit', 'verify', 'audit.jsonl'], { cwd: folder.path })
        expect(verified.stdout).to.include('The chains are whole')
        break
      }

      const busy = Promise.allSettled([keepBusy(call), keepBusy(call), keepBusy(call)])
      await wait(50 + Math.random() * 200)
      broker.kill('SIGKILL')
      expect((await broker.ended).signal).to.equal('SIGKILL')
      for (const each of await busy) expect(each).to.have.property('reason').instanceOf(TypeError)

      const ledger = readLedger(folder.path)
      for (const id of answered.active.keys()) expect(ledger.leases.get(id)?.state).to.equal('active')
      for (const id of answered.ended)
        expect(ledger.leases.get(id)).to.include({ state: 'closed', outcome: 'completed' })
      expect(brokenChains(ledger)).to.deep.equal([])
      expect(before ? undone(before, ledger) : []).to.deep.equal([])
      before = ledger
    }
    expect(answered.active.size, 'leases').to.be.greaterThan(KILLS)
    expect(answered.ended.size, 'completions').to.be.greaterThan(0)
  })

  it('starts again, at whatever moment of its first start it was killed', async () => {
    await using folder = await temporaryFolder()
    const world = await worldIn(folder.path)
    await writeFile(folder.at('mayfly.yaml'), JSON.stringify(settingsOf(world)))
    const serve = ['serve', '--config', 'mayfly.yaml']
    for (const afterMs of [150, 250, 350, 450, 550]) {
      await using broker = spawnMayfly(serve, { cwd: folder.path, env: COMPILED })
      await wait(afterMs)
      broker.kill('SIGKILL')
    }
    await using broker = await startMayfly(serve, { cwd: folder.path, env: COMPILED })
    const call = callAt(broker.url)
    await until('the broker is ready', async () => (await call('GET', '/readyz')).status === 200)
    const { status } = await call('POST', '/v1/leases', { token: identityOf(world, Date.now)(), body: ORDINARY })
    expect(status).to.equal(201)
    expect(brokenChains(readLedger(folder.path))).to.deep.equal([])
  })
})
