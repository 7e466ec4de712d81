import { expect } from 'chai'
import { startBrokerProcess } from '../support/broker-process.ts'
import type { Commit } from '../support/kill-points.ts'
import { until } from '../support/until.ts'
import { ROLE_ARN } from '../providers/aws-sts/support/aws-account.ts'
import { brokersToKill, type KilledBrokers } from './support/kill-brokers.ts'
import { killCommand } from './support/kill-command.ts'
import { faultsOf, type KillGround } from './support/kill-rounds.ts'
import { killWorld } from './support/kill-world.ts'
import { livingInAws, livingInVault } from './support/living.ts'
import { upstreamsOfSuite } from './support/real-upstreams.ts'

const SIZE = { sideBySide: 20, rounds: 10 }

describe('a broker of real credentials that is killed', function () {
  this.timeout(240_000)
  const upstreams = upstreamsOfSuite()
  /** What was left without a handle, of all of these tests. */
  const healing = new Set<string>()
  const started = new AsyncDisposableStack()
  let ofVault: KilledBrokers
  before(async () => {
    ofVault = started.use(await brokersToKill(upstreams(), 'vault', SIZE, healing))
  })
  after(() => started.disposeAsync())

  async function ground(): Promise<KillGround & AsyncDisposable> {
    const world = await killWorld(upstreams(), ROLE_ARN)
    const ofAws = livingInAws(upstreams(), () => [world.toAws])
    const there = livingInVault(upstreams())
    const living = async () => new Set([...(await there()), ...(await ofAws.living())])
    return { worlds: [world], living, healing, [Symbol.asyncDispose]: () => world[Symbol.asyncDispose]() }
  }

  it('loses nothing and leaves nothing behind, at any moment under load: the real command', async () => {
    await using one = await ground()
    await killCommand(one, 4, Math.random)
  })

  it('loses nothing of a Vault, wherever it was: two hundred times', async () => {
    expect(await ofVault.kill()).to.equal(200)
  })

  it('loses no session of AWS and leaves none behind, wherever it was: two hundred times', async () => {
    await using ofAws = await brokersToKill(upstreams(), 'aws', SIZE)
    expect(await ofAws.kill()).to.equal(200)
    await ofAws.end()
  })

  it('leaves nothing behind at the Vault, not even what had no handle there', async () => {
    await ofVault.end()
  })

  describe('and that forgets', () => {
    /** What is seen to be wrong after the kill of a broker that answers for such commits and does not make them. */
    async function faultsAfter(forget: Commit, path: string): Promise<string> {
      await using one = await ground()
      const [world] = one.worlds
      await using process = await startBrokerProcess()
      if (!world) return ''
      const broker = await world.startIn(process, forget)
      using _ = world.toVault.inject({ kind: 'hang' }, (request) => request.path === path)
      const asked = world.grant(broker, 'orders-db').then((lease) => world.end(broker, lease, 'complete'))
      asked.catch(() => undefined)
      if (forget === 'close') await asked
      else
        await until('the Vault has answered', () =>
          world.toVault.exchanges.some(({ request, answer }) => request.path === path && answer !== null),
        )
      await process.kill()
      return (await faultsOf(one)).join()
    }

    it('what it means to mint is seen to leave a token of nobody: a control', async () => {
      expect(await faultsAfter('intent', '/v1/auth/token/create')).to.match(/crd_\w+ is in no ledger/)
    })

    it('that a lease has ended is seen to have lied: a control', async () => {
      expect(await faultsAfter('close', '')).to.match(/was answered to have ended and has not/)
    })
  })
})
