import { expect } from 'chai'

import type { OperatorName } from '../support/broker.ts'
import { startUpstreamBroker, WAREHOUSE, type UpstreamBroker } from '../support/upstream-broker.ts'
import { mayfly, type Ran, type Setting } from './support/mayfly.ts'

/** Two admins: giving up on a credential takes both. */
const twoAdmins = ({ operators, ...settings }: Record<string, unknown>) => ({
  ...settings,
  operators: (operators as { id: string; role: string }[]).map((operator) =>
    operator.id === 'ops@example.com' ? { ...operator, role: 'admin' } : operator,
  ),
})

describe('mayfly credential', () => {
  let broker: UpstreamBroker
  beforeEach(async () => {
    broker = await startUpstreamBroker({ configure: twoAdmins })
  })
  afterEach(() => broker[Symbol.asyncDispose]())

  const run = (line: string, name: OperatorName = 'operator', over: Setting = {}): Promise<Ran> =>
    mayfly(line.split(' '), { ...over, env: { MAYFLY_URL: broker.url, MAYFLY_TOKEN: broker.operator(name) } })

  /** A completed lease whose one credential the upstream refuses to take back. */
  const stuck = async (): Promise<{ readonly id: string; readonly lease: string }> => {
    const { body } = await broker.request({ access: [WAREHOUSE] })
    broker.upstream.script({ revoke: 'permanent' })
    const end = { token: body.token as string, body: { outcome: 'success' } }
    await broker.call('POST', `/v1/leases/${body.id}/complete`, end)
    await broker.app.sweep()
    return { id: body.credentials[0].id, lease: body.id }
  }

  describe('list', () => {
    it('is a table that says what is stuck, and why', async () => {
      await broker.request({ task: 'run-2' })
      const { id, lease } = await stuck()
      const ran = await run('credential list', 'viewer')
      const [headings, first, second] = ran.stdout.split('\n')
      expect(headings).to.match(/^ID +STATE +GRANT +LEASE +ENDS +TRIED +NEXT +ERROR$/)
      expect(first).to.match(
        new RegExp(
          `^${id}  revoking \\(stuck\\)  up-warehouse +${lease}  in [45] min  1 +in (1 h|59 min)  The upstream answered 403$`,
        ),
      )
      expect(second).to.match(/^crd_\w+ {2}active {2,}refunds-api {2,}lse_\w+ {2}in [45] min {2}0$/)
      const only = await run('credential list --stuck --json', 'viewer')
      expect(only.json.items.map((each: { id: string }) => each.id)).to.deep.equal([id])
    })

    it('filters as the API does, and cuts ids short', async () => {
      const { id, lease } = await stuck()
      const { body: other } = await broker.request({ task: 'run-2' })
      const ids = async (args: string): Promise<readonly string[]> =>
        (await run(`credential list --json ${args}`)).json.items.map((each: { id: string }) => each.id)
      expect(await ids('--state revoking')).to.deep.equal([id])
      expect(await ids(`--lease ${lease.slice(4, -1)}`)).to.deep.equal([id])
      expect(await ids('--grant refunds-api')).to.deep.equal([other.credentials[0].id])
      expect(await ids('--limit 1')).to.deep.equal([other.credentials[0].id])
      expect(await ids('--all')).to.deep.equal([other.credentials[0].id, id])
      expect((await run('credential list --state odd')).code).to.equal(2)
      expect((await run('credential list --lease zzzz')).code).to.equal(3)
    })

    it('says on stderr that there is nothing', async () => {
      const none = await run('credential list')
      expect([none.code, none.stdout, none.stderr]).to.deep.equal([0, '', 'No credentials.\n'])
      expect((await run('credential list --stuck')).stderr).to.equal('Nothing is stuck.\n')
    })
  })

  describe('retry', () => {
    it('tries it now', async () => {
      const { id } = await stuck()
      broker.upstream.script({ revoke: 'ok' })
      const ran = await run(`credential retry ${id.slice(0, -2)}`)
      expect([ran.code, ran.stdout, ran.stderr]).to.deep.equal([0, `${id}  revoking, is tried now\n`, ''])
      await broker.app.sweep()
      expect(broker.upstream.live()).to.deep.equal([])
      const again = await run(`credential retry ${id}`)
      expect(again.code).to.equal(7)
      expect((await run('credential list --json')).json.items[0]).to.include({
        id,
        state: 'closed',
        outcome: 'revoked',
      })
    })

    it('is for the role operator, of one that there is', async () => {
      const { id } = await stuck()
      expect((await run(`credential retry ${id}`, 'approver')).code).to.equal(4)
      expect((await run('credential retry zzzz')).code).to.equal(3)
      expect((await run('credential retry')).code).to.equal(2)
      expect((await run(`credential retry ${id} --json`)).json).to.include({ id, stuck: false })
    })
  })

  describe('abandon', () => {
    it('asks another admin, who sees what would be given up on', async () => {
      const { id, lease } = await stuck()
      const asked = await mayfly(['credential', 'abandon', id, '--reason', 'The server is gone'], {
        env: { MAYFLY_URL: broker.url, MAYFLY_TOKEN: broker.operator('admin') },
      })
      expect(asked.code).to.equal(6)
      expect(asked.stdout).to.match(/^apr_\w+ {2}pending, lapses in 1[45] min\n$/)
      const [approval = ''] = /apr_\w+/.exec(asked.stdout) ?? []
      expect(asked.stderr).to.equal(
        `This asks to give up on credential ${id}: it may go on working, and nobody tries to end it any more.\n` +
          `Another admin has to approve this, who runs: mayfly approval review ${approval}\n`,
      )
      const list = await run('approval list')
      expect(list.stdout.split('\n')[1]).to.include(`  abandon ${id}  `)
      const card = await run(`approval show ${approval}`)
      expect(card.stdout).to.match(new RegExp(`^give up on +${id}, of grant up-warehouse\n +It may go on working`, 'm'))
      expect(card.stdout).to.match(/^last error +The upstream answered 403$/m)
      expect(card.stdout).to.match(/^asked by +ada@example\.com: The server is gone$/m)
      expect((await run(`approval approve ${approval}`, 'admin')).code, 'not the one who asked').to.equal(4)
      const yes = await run(`approval approve ${approval}`)
      expect(yes.code).to.equal(0)
      expect(yes.stdout).to.equal(`${approval}  approved: lease ${lease} is closed (completed)\n`)
      expect((await run('credential list --json')).json.items[0]).to.include({ id, outcome: 'abandoned' })
    })

    it('wants a reason, the role admin, and one that is being taken back', async () => {
      const { id } = await stuck()
      expect((await run(`credential abandon ${id}`)).code).to.equal(2)
      expect((await run(`credential abandon ${id} --reason x`, 'approver')).code).to.equal(4)
      expect((await run('credential abandon zzzz --reason x')).code).to.equal(3)
      const json = await run(`credential abandon ${id} --reason x --json`)
      expect([json.code, json.json.kind]).to.deep.equal([6, 'abandon'])
      broker.upstream.script({ revoke: 'ok' })
      const { body } = await broker.request({ task: 'run-2', access: [WAREHOUSE] })
      expect((await run(`credential abandon ${body.credentials[0].id} --reason x`)).code).to.equal(7)
    })
  })
})

describe('mayfly clock accept', () => {
  it('says what it does, and which time it is by now', async () => {
    await using broker = await startUpstreamBroker()
    const env = (name: OperatorName) => ({ MAYFLY_URL: broker.url, MAYFLY_TOKEN: broker.operator(name) })
    const ran = await mayfly(['clock', 'accept'], { env: env('admin') })
    expect(ran.code).to.equal(0)
    expect(ran.stderr).to.match(/^The clock of the broker's machine is believed from now on\. /)
    expect(ran.stdout).to.match(/^It is \d{4}-\d\d-\d\dT[\d:.]+Z\n$/)
    expect((await mayfly(['clock', 'accept', '--json'], { env: env('admin') })).json).to.have.all.keys('time')
    expect((await mayfly(['clock', 'accept'], { env: env('operator') })).code).to.equal(4)
  })
})
