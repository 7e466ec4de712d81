import { PassThrough } from 'node:stream'
import { expect } from 'chai'

import { startTestBroker, type OperatorName, type TestBroker } from '../support/broker.ts'
import { mayfly, type Ran, type Setting } from './support/mayfly.ts'

let broker: TestBroker

const as = (name: OperatorName, over: Setting = {}): Setting => ({
  ...over,
  env: { MAYFLY_URL: broker.url, MAYFLY_TOKEN: broker.operator(name) },
})
const run = (line: string, over?: Setting, name: OperatorName = 'operator'): Promise<Ran> =>
  mayfly(line.split(' '), as(name, over))
const made = async (over: object = {}, agent?: string): Promise<string> =>
  (await broker.request(over, agent === undefined ? {} : { agent })).body.id
const read = async (id: string) =>
  (await broker.call('GET', `/v1/leases/${id}`, { token: broker.operator('viewer') })).body
const stateOf = async (id: string): Promise<string> => (await read(id)).state

/** A terminal with somebody at it, who answers the one question with this key and Enter. */
function withSomebody(key: string): Setting {
  const [input, output] = [new PassThrough(), new PassThrough()]
  output.on('data', (shown: Buffer) => {
    if (/◆[^◇]*\?/.test(shown.toString())) setImmediate(() => input.write(key))
  })
  return { interactive: true, questions: { input, output } }
}

describe('commands that stop things', () => {
  beforeEach(async () => {
    broker = await startTestBroker()
  })
  afterEach(() => broker[Symbol.asyncDispose]())

  const BOTH = { access: [{ grant: 'refunds-api' }, { grant: 'orders-api' }] }
  const SCOPES = [
    { name: 'task run-1', args: 'task run-1' },
    { name: 'agent support-bot', args: 'agent support-bot' },
    { name: 'owner dana@example.com', args: 'owner dana@example.com' },
  ] as const

  for (const { name, args } of SCOPES) {
    const [kind = '', value = ''] = args.split(' ')

    it(`${kind} revoke says what it hits before it does, and restore lets it go on`, async () => {
      const ids = [await made(BOTH), await made()]
      const ran = await run(`${kind} revoke ${value} --reason Wrong`)
      expect(ran.code).to.equal(0)
      expect(ran.stderr).to.equal(
        `This takes back 2 leases, 3 credentials, 1 agent: ${name}. New leases are refused until it is restored.\n`,
      )
      expect(ran.stdout).to.equal(`${name}  revoked: 2 leases, 3 credentials\n`)
      for (const id of ids) expect(await read(id)).to.include({ state: 'closed', outcome: 'revoked', reason: 'Wrong' })
      const again = await run(`${kind} revoke ${value} --reason Wrong --json`)
      expect(again.json).to.deep.equal({ leases: 0, credentials: 0, already: true })

      const restored = await run(`${kind} restore ${value} --reason Fine`)
      expect([restored.code, restored.stdout, restored.stderr]).to.deep.equal([0, `${name}  restored\n`, ''])
      expect((await run(`${kind} restore ${value} --reason Fine`)).stdout).to.equal(`${name}  was not revoked\n`)
      expect((await run(`${kind} restore ${value} --reason Fine --json`)).json).to.deep.equal({ already: true })
    })

    it(`${kind} revoke asks somebody who sits there, and does nothing without a yes`, async () => {
      const id = await made()
      const no = await run(`${kind} revoke ${value} --reason Wrong`, withSomebody('n'))
      expect([no.code, no.stdout]).to.deep.equal([1, ''])
      expect(no.stderr).to.match(/\nNothing was done\.\n$/)
      expect(await stateOf(id)).to.equal('active')
      const yes = await run(`${kind} revoke ${value} --reason Wrong`, withSomebody('y'))
      expect(yes.code).to.equal(0)
      expect(await stateOf(id)).to.equal('closed')
      const told = await run(`${kind} revoke ${value} --reason Wrong --yes`, { interactive: true })
      expect(told.code, 'nobody is asked').to.equal(0)
    })

    it(`${kind} revoke and restore want a reason, a name that there is, and the role operator`, async () => {
      await made()
      for (const verb of ['revoke', 'restore']) {
        const without = await run(`${kind} ${verb} ${value}`)
        expect(without.code).to.equal(2)
        expect(without.stderr).to.match(/^error: required option '--reason <text>' not specified/)
        expect((await run(`${kind} ${verb} --reason x`)).code).to.equal(2)
        expect((await run(`${kind} ${verb} nobody --reason x`)).code).to.equal(3)
        expect((await run(`${kind} ${verb} .. --reason x`)).code).to.equal(3)
        expect((await run(`${kind} ${verb} ${value} --reason x`, {}, 'viewer')).code).to.equal(4)
      }
    })
  }

  it('task revoke says whose tasks there are, and takes --agent', async () => {
    const [mine, theirs] = [await made(), await made({}, 'other-bot')]
    const both = await run('task revoke run-1 --reason Wrong')
    expect(both.code).to.equal(7)
    expect(both.stderr).to.match(/\n {2}agent other-bot\n {2}agent support-bot\n/)
    const one = await run('task revoke run-1 --agent other-bot --reason Wrong')
    expect(one.stdout).to.equal('task run-1 of other-bot  revoked: 1 lease, 1 credential\n')
    expect([await stateOf(mine), await stateOf(theirs)]).to.deep.equal(['active', 'closed'])
    expect((await run('task restore run-1 --agent other-bot --reason Fine')).stdout).to.equal(
      'task run-1 of other-bot  restored\n',
    )
  })

  it('a refusal by a revocation ends with 4 and says how to restore it', async () => {
    await made()
    await run('agent revoke support-bot --reason Wrong')
    const env = { MAYFLY_URL: broker.url, MAYFLY_IDENTITY_TOKEN: broker.identity() }
    const stdin = JSON.stringify({ task: 'run-1', intent: { goal: 'x' }, access: [{ grant: 'refunds-api' }] })
    const ran = await mayfly(['lease', 'request', '-'], { env, stdin })
    expect(ran.code).to.equal(4)
    expect(ran.stderr).to.contain('mayfly agent restore support-bot --reason')
  })

  describe('freeze', () => {
    const FROZEN = [
      {
        args: '--all',
        scope: 'everything',
        reach: '2 leases, 3 credentials, 1 agent',
        hits: '2 leases, 3 credentials',
      },
      {
        args: '--agent support-bot',
        scope: 'agent support-bot',
        reach: '2 leases, 3 credentials, 1 agent',
        hits: '2 leases, 3 credentials',
      },
      {
        args: '--owner Dana@example.com',
        scope: 'owner Dana@example.com',
        reach: '2 leases, 3 credentials, 1 agent',
        hits: '2 leases, 3 credentials',
      },
      {
        args: '--task run-1',
        scope: 'task run-1',
        reach: '1 lease, 2 credentials, 1 agent',
        hits: '1 lease, 2 credentials',
      },
      {
        args: '--task run-1 --agent support-bot',
        scope: 'task run-1 of support-bot',
        reach: '1 lease, 2 credentials, 1 agent',
        hits: '1 lease, 2 credentials',
      },
      {
        args: '--grant orders-api',
        scope: 'grant orders-api',
        reach: '1 lease, 2 credentials, 1 agent',
        hits: '1 lease, 1 credential',
      },
      {
        args: '--provider tokens',
        scope: 'provider tokens',
        reach: 'every credential of it',
        hits: '2 leases, 3 credentials',
      },
    ] as const
    for (const { args, scope, reach, hits } of FROZEN) {
      it(`${args} says what it stops, and unfreeze gives it back`, async () => {
        await made(BOTH)
        await made({ task: 'run-2' })
        const ran = await run(`freeze ${args} --reason Odd`)
        expect(ran.code).to.equal(0)
        expect(ran.stderr).to.match(new RegExp(`^This stops ${scope}: ${reach}\\.\\n.* keep working there`))
        expect(ran.stdout).to.match(new RegExp(`^frz_\\w+ {2}\\S.* {2}frozen: ${hits}\\n$`))
        const list = await run('freezes')
        expect(list.stdout.split('\n')[0]).to.match(/^ID +SCOPE +BY +SINCE +REASON$/)
        expect(list.stdout.split('\n')[1]).to.match(/^frz_\w+ {2}\S.* {2}ops@example\.com {2}\d+ s ago {2}Odd$/)
        const lifted = await run(`unfreeze ${args} --reason Fine`)
        expect(lifted.code).to.equal(0)
        expect(lifted.stdout).to.match(/^frz_\w+ {2}\S.* {2}lifted\n$/)
        const none = await run('freezes')
        expect([none.code, none.stdout, none.stderr]).to.deep.equal([0, '', 'Nothing is frozen.\n'])
        const gone = await run(`unfreeze ${args} --reason Fine`)
        expect(gone.code).to.equal(3)
        expect(gone.stderr).to.match(/^There is no freeze of /)
      })
    }

    it('--lease takes the beginning of an id, and so does unfreeze', async () => {
      const id = await made(BOTH)
      const ran = await run(`freeze --lease ${id.slice(0, -2)} --reason Odd --json`)
      expect(ran.stderr).to.match(new RegExp(`^This stops lease ${id}: 2 credentials, agent support-bot\\.\n`))
      expect(ran.json).to.deep.include({ scope: { lease: id }, reason: 'Odd', hits: { leases: 1, credentials: 2 } })
      expect(await read(id)).to.include({ frozen: true })
      const lifted = await run(`unfreeze ${ran.json.id.slice(4, -1)} --reason Fine --json`)
      expect(lifted.json.id).to.equal(ran.json.id)
      expect(await read(id)).to.include({ frozen: false })
    })

    it('asks somebody who sits there', async () => {
      await made()
      const no = await run('freeze --all --reason Odd', withSomebody('n'))
      expect([no.code, no.stdout]).to.deep.equal([1, ''])
      expect((await run('freezes --json')).json.items).to.deep.equal([])
      const yes = await run('freeze --all --reason Odd', withSomebody('y'))
      expect(yes.code).to.equal(0)
      expect((await run('freezes --json')).json.items).to.have.length(1)
    })

    it('makes a request end with 9', async () => {
      await made()
      await run('freeze --all --reason Odd')
      const env = { MAYFLY_URL: broker.url, MAYFLY_IDENTITY_TOKEN: broker.identity() }
      const stdin = JSON.stringify({ task: 'run-1', intent: { goal: 'x' }, access: [{ grant: 'refunds-api' }] })
      const ran = await mayfly(['lease', 'request', '-'], { env, stdin })
      expect(ran.code).to.equal(9)
      expect(ran.stderr).to.match(/\nSee docs\/problems\.md#frozen\n$/)
    })

    it('and unfreeze want one scope, a reason, something that is there, and the role operator', async () => {
      await made()
      for (const verb of ['freeze', 'unfreeze']) {
        expect((await run(`${verb} --all`)).code).to.equal(2)
        expect((await run(`${verb} --reason x`)).stderr).to.match(/^No scope is named\.\nName one: /)
        const two = await run(`${verb} --all --grant refunds-api --reason x`)
        expect([two.code, two.stderr.split('\n')[0]]).to.deep.equal([2, 'More than one scope is named.'])
        expect((await run(`${verb} --agent nobody --reason x`)).code).to.equal(3)
        expect((await run(`${verb} --lease zzzz --reason x`)).code).to.equal(3)
      }
      expect((await run('freeze --all --reason x', {}, 'viewer')).code).to.equal(4)
      const frozen = await run('freeze --all --reason x --json')
      expect((await run('unfreeze --all --reason x', {}, 'viewer')).code).to.equal(4)
      expect((await run(`unfreeze ${frozen.json.id} --reason x`)).code).to.equal(0)
      expect((await run(`unfreeze frz_${'0'.repeat(26)} --reason x`)).code).to.equal(3)
    })

    it('of a task that two agents have is lifted for the one that is named', async () => {
      await made()
      await made({}, 'other-bot')
      for (const agent of ['support-bot', 'other-bot'])
        expect((await run(`freeze --task run-1 --agent ${agent} --reason Odd`)).code).to.equal(0)
      const both = await run('unfreeze --task run-1 --reason Fine')
      expect(both.code).to.equal(2)
      expect(both.stderr).to.match(/^There are 2 freezes of task run-1\.\n.*--agent/)
      const one = await run('unfreeze --task run-1 --agent other-bot --reason Fine --json')
      expect(one.json.scope).to.deep.equal({ task: 'run-1', agent: 'other-bot' })
    })

    it('is listed with --json as the API lists it', async () => {
      await made()
      await run('freeze --all --reason Odd')
      await run('freeze --agent support-bot --reason Odd')
      const ran = await run('freezes --limit 1 --json')
      const { body } = await broker.call('GET', '/v1/freezes?limit=1', { token: broker.operator('viewer') })
      expect(ran.json).to.deep.equal(body)
      expect(ran.stderr).to.equal('There are more: --limit shows them.\n')
    })

    it('shows a reason that would write on the screen as what it is', async () => {
      await mayfly(['freeze', '--all', '--reason', 'Odd\u001b[2J'], as('operator'))
      expect((await run('freezes')).stdout).to.contain('Odd\\u{1b}[2J')
    })
  })
})
