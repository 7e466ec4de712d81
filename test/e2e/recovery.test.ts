import { expect } from 'chai'
import { randomBytes } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import { createLocalJWKSet, jwtVerify } from 'jose'

import { callAt, identityOf, ORDINARY, settingsOf, worldIn, type Answered } from '../support/broker.ts'
import { COMPILED } from '../support/broker-process.ts'
import { brokenChains, readLedger } from '../support/ledger-file.ts'
import { runMayfly, startMayfly, type RunningBroker } from '../support/mayfly-process.ts'
import { recoveryIn } from '../support/recovery.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { until } from '../support/until.ts'
import { ALL_ACCESS, GRANTS, realSettings, upstreamsOfSuite } from './support/real-upstreams.ts'
import { workingOf } from './support/what-works.ts'

/** How long after it was asked to recover the broker is killed: from before it has begun until it may have been through. */
const KILLS_MS = [0, 30, 60, 120, 250, 500, 1000]

describe('a broker that was lost and restored from its backup, by the real command', function () {
  this.timeout(180_000)
  const upstreams = upstreamsOfSuite()

  it('takes everything back that was handed out since, killed in the middle of it or not, and then mints again', async () => {
    await using folder = await temporaryFolder()
    const world = await worldIn(folder.path)
    const { vault, ministack, account } = upstreams()
    const real = await realSettings(upstreams(), { vaultAddress: vault.bao.url, awsEndpoint: ministack.url })
    const settings = settingsOf(world)
    const server = { ...(settings['server'] as object), public_url: 'https://mayfly.test' }
    const written = real({ ...settings, server, keys: { seal_key_file: './seal.key' } })
    await writeFile(folder.at('mayfly.yaml'), JSON.stringify(written))
    await writeFile(folder.at('seal.key'), randomBytes(32).toString('base64'), { mode: 0o600 })
    const identity = identityOf(world, Date.now)
    const data = folder.at('data')

    const serve = async (): Promise<RunningBroker> =>
      startMayfly(['serve', '--config', 'mayfly.yaml'], { cwd: folder.path, env: COMPILED })
    const mayfly = ({ url }: Pick<RunningBroker, 'url'>, ...args: readonly string[]) =>
      runMayfly(args, {
        cwd: folder.path,
        env: { ...COMPILED, MAYFLY_URL: url, MAYFLY_TOKEN: world.operators.admin.token },
      })
    const request = ({ url }: Pick<RunningBroker, 'url'>, task: string): Promise<Answered> =>
      callAt(url)('POST', '/v1/leases', {
        token: identity(),
        body: { ...ORDINARY, task, access: [...ORDINARY.access, ...ALL_ACCESS] },
      })
    const lease = async (broker: RunningBroker, task: string) => {
      await until('the broker is ready', async () => (await callAt(broker.url)('GET', '/readyz')).status === 200)
      const { status, body } = await request(broker, task)
      expect(status, JSON.stringify(body)).to.equal(201)
      return body
    }
    const kill = async (broker: RunningBroker): Promise<void> => {
      broker.kill('SIGKILL')
      await broker.ended
    }

    await using first = await serve()
    const known = await lease(first, 'run-1')
    const backup = await mayfly(first, 'backup', 'nightly.backup', '--config', 'mayfly.yaml')
    expect(backup.code, backup.stderr).to.equal(0)
    const forgotten = await lease(first, 'run-2')
    await kill(first)
    await rm(data, { recursive: true })
    for (const each of [known, forgotten])
      expect(await workingOf(upstreams(), each), 'it outlives the broker that made it').to.have.members(GRANTS)

    const restored = await mayfly(first, 'restore', 'nightly.backup', '--config', 'mayfly.yaml')
    expect(restored.code, restored.stderr).to.equal(0)
    {
      await using broker = await serve()
      const health = await mayfly(broker, 'health')
      expect(health.code).to.equal(75)
      expect(health.stderr).to.match(/in recovery, because its ledger was restored from the backup of 20/)
      expect((await request(broker, 'run-3')).status).to.equal(503)
      expect(await workingOf(upstreams(), forgotten), 'nobody is cut off before it is begun').to.have.members(GRANTS)
      await kill(broker)
    }

    let begun = 0
    for (const ms of KILLS_MS) {
      await using broker = await serve()
      const recovering = mayfly(broker, 'recover', '--reason', 'The machine burnt down')
      if (ms > 0) await until('it is asked to', async () => (await stateAt(broker)) !== 'waiting')
      await wait(ms)
      await kill(broker)
      await recovering
      const state = recoveryIn(folder.path)
      expect(state, 'it is still in recovery').not.to.equal(undefined)
      if (state?.begun) begun += 1
      expect(brokenChains(readLedger(folder.path))).to.deep.equal([])
    }
    expect(begun, 'kills after it had begun').to.be.greaterThan(3)

    await using broker = await serve()
    await until('it is carried out', async () => (await stateAt(broker)) === 'carried_out')
    expect((await request(broker, 'run-3')).status, 'not before somebody answers for it').to.equal(503)
    const done = await mayfly(broker, 'recover', '--acknowledge', '--reason', 'The old machine is ash')
    expect(done.code, done.stderr).to.equal(0)
    expect(done.stderr).to.match(/vault-main +done: .*\n +ended: Parents at /)
    expect(done.stderr).to.match(/aws-prod +done: .*\n +ended: Sessions of .*agent-orders that were opened before/)
    expect(await account.rolePolicy('MayflyCutOff')).to.match(/DateLessThan.*aws:TokenIssueTime/)

    for (const each of [known, forgotten]) expect(await workingOf(upstreams(), each)).to.deep.equal([])
    const keys = createLocalJWKSet(
      (await callAt(broker.url)('GET', '/.well-known/jwks.json')).body as Parameters<typeof createLocalJWKSet>[0],
    )
    for (const { credentials } of [known, forgotten])
      expect(await jwtVerify(credentials[0].value.access_token, keys).catch(() => 'refused')).to.equal('refused')

    const anew = await lease(broker, 'run-3')
    await jwtVerify(anew.credentials[0].value.access_token, keys)
    expect(await workingOf(upstreams(), anew)).to.have.members(GRANTS)
    const exported = await mayfly(broker, 'audit', 'export', '--out', 'audit.jsonl')
    expect(exported.code, exported.stderr).to.equal(0)
    const verified = await mayfly(broker, 'audit', 'verify', 'audit.jsonl')
    expect(verified.stdout).to.include('The chains are whole')

    async function stateAt({ url }: Pick<RunningBroker, 'url'>): Promise<string> {
      const call = { token: world.operators.viewer.token }
      return (await callAt(url)('GET', '/v1/recovery', call)).body.state as string
    }
  })
})
