import { expect } from 'chai'
import { writeFile } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'

import { callAt, identityOf, ORDINARY, settingsOf, worldIn } from '../../support/broker.ts'
import { COMPILED } from '../../support/broker-process.ts'
import { brokenChains, readLedger, undone } from '../../support/ledger-file.ts'
import { startMayfly } from '../../support/mayfly-process.ts'
import { acknowledge, beginRecovery, recoveryIn, recoveryOf } from '../../support/recovery.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { until } from '../../support/until.ts'

const LEASES = 400
const KILLS = 4

describe('mayfly serve, killed in the middle of a recovery', function () {
  this.timeout(120_000)

  it('goes on with it after every start: nothing of before is good again, and nothing is minted until it is acknowledged', async () => {
    await using folder = await temporaryFolder()
    const world = await worldIn(folder.path)
    const settings = settingsOf(world)
    const server = { ...(settings['server'] as object), public_url: 'https://mayfly.test' }
    const limits = { leases_per_agent: 100_000, lease_requests_per_minute: 1_000_000 }
    await writeFile(folder.at('mayfly.yaml'), JSON.stringify({ ...settings, server, limits }))
    const identity = identityOf(world, Date.now)
    const start = () => startMayfly(['serve', '--config', 'mayfly.yaml'], { cwd: folder.path, env: COMPILED })
    const at = (url: string) => ({
      call: callAt(url),
      operator: (name: 'viewer' | 'admin') => world.operators[name].token,
    })
    const request = (url: string) => callAt(url)('POST', '/v1/leases', { token: identity(), body: ORDINARY })
    const tokens: string[] = []
    const active = async (url: string): Promise<number> => {
      const some = tokens.filter((_, index) => index % 20 === 0)
      const answers = await Promise.all(
        some.map(async (token) => {
          const headers = { authorization: `Bearer ${world.pep.token}` }
          const body = new URLSearchParams({ token })
          return (await (await fetch(`${url}/oauth/introspect`, { method: 'POST', headers, body })).json()) as object
        }),
      )
      return answers.filter((answer) => 'active' in answer && answer.active === true).length
    }

    let before = undefined as ReturnType<typeof readLedger> | undefined
    const openAtKill: number[] = []
    for (let kill = 0; kill < KILLS; kill += 1) {
      await using broker = await start()
      const { url } = broker
      if (kill === 0) {
        await until('the broker is ready', async () => (await callAt(url)('GET', '/readyz')).status === 200)
        while (tokens.length < LEASES) {
          const made = await Promise.all(Array.from({ length: 20 }, () => request(url)))
          tokens.push(...made.map(({ body }) => String(body.credentials[0].value.access_token)))
        }
        expect(await active(url), 'a control').to.equal(LEASES / 20)
        await beginRecovery(at(url) as Parameters<typeof beginRecovery>[0])
      }
      expect((await request(url)).status).to.equal(503)
      expect(await active(url)).to.equal(0)
      if (kill > 0) await wait(Math.random() * 60)
      broker.kill('SIGKILL')
      expect((await broker.ended).signal).to.equal('SIGKILL')

      expect(recoveryIn(folder.path)?.begun?.reason).to.equal('A laptop was stolen')
      const ledger = readLedger(folder.path)
      openAtKill.push([...ledger.leases.values()].filter(({ state }) => state === 'active').length)
      expect(brokenChains(ledger)).to.deep.equal([])
      expect(before ? undone(before, ledger) : []).to.deep.equal([])
      before = ledger
    }

    await using broker = await start()
    const caller = at(broker.url) as Parameters<typeof acknowledge>[0]
    await until('it is carried out', async () => (await recoveryOf(caller)).state === 'carried_out')
    expect((await acknowledge(caller)).status).to.equal(200)
    await until('the broker is ready', async () => (await callAt(broker.url)('GET', '/readyz')).status === 200)
    expect((await request(broker.url)).status).to.equal(201)
    expect(await active(broker.url)).to.equal(0)
    expect(openAtKill[0], 'leases that the first kill found open').to.be.greaterThan(0)
    const { leases } = readLedger(folder.path)
    const ended = [...leases.values()].filter(({ outcome }) => outcome === 'revoked')
    expect(ended).to.have.length(LEASES)
    expect(recoveryIn(folder.path)).to.equal(undefined)
  })
})
