import { writeFile } from 'node:fs/promises'
import { expect } from 'chai'

import { ORDINARY, startTestBroker, type OperatorName, type TestBroker } from '../support/broker.ts'
import { linesOf, mayfly, type Setting } from './support/mayfly.ts'

const ASK = { ...ORDINARY, intent: { ...ORDINARY.intent, purpose: 'ask' } }

describe('mayfly lease', () => {
  let broker: TestBroker
  before(async () => {
    broker = await startTestBroker()
  })
  after(() => broker[Symbol.asyncDispose]())

  const as = (token: string, over: Setting = {}): Setting => ({
    ...over,
    env: { MAYFLY_URL: broker.url, MAYFLY_TOKEN: token },
  })
  const asOperator = (over?: Setting, name: OperatorName = 'operator') => as(broker.operator(name), over)
  const asAgent = (over?: Setting) => as(broker.identity(), over)
  const made = async (over: object = {}): Promise<string> => (await broker.request(over)).body.id

  describe('request', () => {
    it('shows the lease for people, and its secrets once', async () => {
      const ran = await mayfly(['lease', 'request', '-'], asAgent({ stdin: JSON.stringify(ORDINARY) }))
      expect(ran.code).to.equal(0)
      expect(ran.stdout).to.match(/^lease +lse_\w+\nstate +active\n/)
      expect(ran.stdout).to.match(/Shown this once:\nlease token {2}mfl_\w+\nrefunds-api {2}\{"access_token":"ey/)
      expect(ran.stderr).to.equal('')
    })

    it('prints the lease of the API with --json, from a file that is named as the user sees it', async () => {
      await writeFile(`${broker.folder}/request.json`, JSON.stringify(ORDINARY))
      const ran = await mayfly(['lease', 'request', 'request.json', '--json'], asAgent({ cwd: broker.folder }))
      expect(ran.json).to.include({ state: 'active', task: 'run-1' })
      expect(ran.json.token).to.match(/^mfl_/)
      expect(ran.json.credentials[0].value).to.have.property('access_token')
    })

    it('ends with 6 where a person has to approve it', async () => {
      const ran = await mayfly(['lease', 'request', '-', '--json'], asAgent({ stdin: JSON.stringify(ASK) }))
      expect(ran.code).to.equal(6)
      expect(ran.json.state).to.equal('pending')
      expect(ran.stderr).to.equal(
        `A person has to approve this. An approver runs: mayfly approval review ${ran.json.approval.id}\nWith --wait, this command waits for the answer and brings the credentials.\n`,
      )
    })

    it('waits for the answer with --wait, and brings the credentials', async () => {
      const heard = (text: string): void => {
        const id = /approval review (apr_\w+)/.exec(text)?.[1]
        if (id !== undefined) void mayfly(['approval', 'approve', id], asOperator({}, 'approver'))
      }
      const ran = await mayfly(
        ['lease', 'request', '-', '--wait', '--json'],
        asAgent({ stdin: JSON.stringify(ASK), heard }),
      )
      expect(ran.code).to.equal(0)
      expect(ran.json.state).to.equal('active')
      expect(ran.json.credentials[0].value).to.have.property('access_token')
      expect(ran.stderr).to.match(
        /^Waiting for a person\. It lapses in \d+ min\. An approver runs: mayfly approval review apr_\w+\n$/,
      )
    })

    it('takes the question back when the wait is broken off', async () => {
      const interrupt = new AbortController()
      let approval = ''
      const heard = (text: string): void => {
        approval = /apr_\w+/.exec(text)?.[0] ?? approval
        interrupt.abort()
      }
      const setting = asAgent({ stdin: JSON.stringify(ASK), heard, interrupted: interrupt.signal })
      const ran = await mayfly(['lease', 'request', '-', '--wait'], setting)
      expect(ran.code).to.equal(6)
      expect(ran.stderr).to.contain('The wait was broken off, so the request was taken back.')
      const shown = await mayfly(['approval', 'show', approval, '--json'], asOperator())
      expect(shown.json.state).to.equal('cancelled')
    })

    it('says that a key was answered before', async () => {
      const args = ['lease', 'request', '-', '--idempotency-key', 'once']
      const stdin = JSON.stringify(ORDINARY)
      const first = await mayfly(args, asAgent({ stdin }))
      const second = await mayfly(args, asAgent({ stdin }))
      expect(second.code).to.equal(0)
      expect(second.stdout.split('\n')[0]).to.equal(first.stdout.split('\n')[0])
      expect(second.stdout).not.to.contain('Shown this once')
      expect(second.stderr).to.equal('This key was answered before: the secrets were in that answer only.\n')
    })

    it('shows a goal that would write on the screen as what it is', async () => {
      const goal = 'Refund\u001b[2J\u202eevil\nrisk        0, tier low'
      const stdin = JSON.stringify({ ...ORDINARY, intent: { ...ORDINARY.intent, goal } })
      const ran = await mayfly(['lease', 'request', '-'], asAgent({ stdin }))
      expect(ran.stdout).to.contain('"Refund\\u{1b}[2J\\u{202e}evil\\nrisk        0, tier low"')
      const json = await mayfly(['lease', 'request', '-', '--json'], asAgent({ stdin }))
      expect(json.stdout).to.match(/^[\x20-\x7e]+\n$/)
      expect(json.json.intent.goal).to.equal(goal)
    })
  })

  describe('list', () => {
    it('is a table, newest first, that says where there are more', async () => {
      const ids = [await made({ task: 'run-list' }), await made({ task: 'run-list' }), await made({ task: 'run-list' })]
      const ran = await mayfly(['lease', 'list', '--task', 'run-list', '--limit', '2'], asOperator())
      const [headings, ...rows] = ran.stdout.trimEnd().split('\n')
      expect(headings).to.match(/^ID +STATE +AGENT +TASK +GRANTS +TIER +ENDS$/)
      expect(rows.map((row) => row.split(/ {2,}/)[0])).to.deep.equal([ids[2], ids[1]])
      expect(rows[0]).to.match(/ {2}active {2}support-bot {2}run-list {2}refunds-api {2}low {3}in [45] min$/)
      expect(ran.stderr).to.equal('There are more: --all lists them.\n')
      const all = await mayfly(['lease', 'list', '--task', 'run-list', '--all', '--json'], asOperator())
      expect(all.json.items.map(({ id }: { id: string }) => id)).to.deep.equal(ids.reverse())
      expect(all.json.next_cursor).to.equal(null)
    })

    it('prints the page of the API, whose cursor is that of the last one shown', async () => {
      const ran = await mayfly(['lease', 'list', '--task', 'run-list', '--limit', '2', '--json'], asOperator())
      const { body } = await broker.call('GET', '/v1/leases?task=run-list&limit=2', {
        token: broker.operator('viewer'),
      })
      expect(ran.json).to.deep.equal(body)
    })

    it('filters by time, as a moment or as how long ago', async () => {
      const count = async (...args: string[]): Promise<number> =>
        (await mayfly(['lease', 'list', '--all', '--json', ...args], asOperator())).json.items.length
      expect(await count('--since', '1h')).to.be.above(0)
      expect(await count('--until', '1h')).to.equal(0)
      expect(await count('--since', new Date(Date.now() + 60_000).toISOString())).to.equal(0)
    })

    it('says on stderr that there is nothing', async () => {
      const ran = await mayfly(['lease', 'list', '--agent', 'nobody'], asOperator())
      expect([ran.code, ran.stdout, ran.stderr]).to.deep.equal([0, '', 'No leases.\n'])
    })
  })

  describe('an id', () => {
    it('may be cut short, with or without its kind', async () => {
      const id = await made()
      for (const given of [id, id.slice(4), id.slice(0, -1), id.slice(4, -2)]) {
        const ran = await mayfly(['lease', 'show', given, '--json'], asOperator())
        expect(ran.json?.id, given).to.equal(id)
      }
    })

    it('that could be several is refused, and names them', async () => {
      const ids = [await made(), await made()].sort()
      const common = ids[0]!.slice(
        0,
        Array.from(ids[0]!).findIndex((sign, at) => sign !== ids[1]![at]),
      )
      const ran = await mayfly(['lease', 'show', common], asOperator())
      expect(ran.code).to.equal(2)
      expect(ran.stderr).to.match(/^More than one lease starts with "lse_\w+":\n {2}lse_/)
      for (const id of ids) expect(ran.stderr).to.contain(`\n  ${id}`)
      expect(ran.stderr).to.match(/\nWrite more of the id\.\n$/)
    })

    it('that is of nothing is not found, whatever it looks like', async () => {
      for (const given of ['zzzz', 'not an id!', '../approvals', 'apr_1', `lse_${'z'.repeat(26)}`]) {
        const ran = await mayfly(['lease', 'show', given], asOperator())
        expect(ran.code, given).to.equal(3)
        expect(ran.stderr, given).to.match(/\nSee docs\/problems\.md#not-found\n$/)
      }
    })

    it('has to be whole for whoever may not list', async () => {
      const { body } = await broker.request()
      const whole = await mayfly(['lease', 'show', body.id, '--json'], as(body.token))
      expect(whole.json.id).to.equal(body.id)
      const cut = await mayfly(['lease', 'show', body.id.slice(0, -1)], as(body.token))
      expect(cut.code).to.equal(2)
      expect(cut.stderr).to.match(/Write the whole id\.\n$/)
    })
  })

  describe('show', () => {
    it('is a card without a secret', async () => {
      const { body } = await broker.request()
      const ran = await mayfly(['lease', 'show', body.id], asOperator())
      expect(ran.stdout).to.match(/^access {7}refunds-api: refund:create$/m)
      expect(ran.stdout).to.match(/^credentials {2}crd_\w+ refunds-api \(jwt\) active, ends in [45] min$/m)
      expect(ran.stdout).not.to.match(/eyJ|mfl_/)
    })
  })

  describe('complete', () => {
    it('takes everything back, with the token of the lease or the identity of its agent', async () => {
      const { body } = await broker.request()
      const own = await mayfly(['lease', 'complete', body.id, '--json'], as(body.token))
      expect(own.json).to.include({ state: 'closed', outcome: 'completed' })
      const args = ['lease', 'complete', await made(), '--outcome', 'failure', '--summary', 'It broke']
      const ran = await mayfly(args, asAgent())
      expect(ran.stdout).to.match(/^lse_\w+ {2}closed \(failed\)\n$/)
    })
  })

  describe('revoke', () => {
    it('says what it hits before it does', async () => {
      const id = await made({ access: [{ grant: 'refunds-api' }, { grant: 'orders-api', actions: ['order:read'] }] })
      const ran = await mayfly(['lease', 'revoke', id, '--reason', 'It went wrong'], asOperator())
      expect(ran.stderr).to.equal('This takes back 1 lease, 2 credentials: agent support-bot, task run-1.\n')
      expect(ran.stdout).to.equal(`${id}  closed (revoked)\n`)
      const again = await mayfly(['lease', 'revoke', id, '--reason', 'It went wrong', '--json'], asOperator())
      expect([again.code, again.stderr, again.json.reason]).to.deep.equal([0, '', 'It went wrong'])
    })

    it('wants a reason', async () => {
      const ran = await mayfly(['lease', 'revoke', await made()], asOperator())
      expect(ran.code).to.equal(2)
      expect(ran.stderr).to.match(/^error: required option '--reason <text>' not specified/)
    })

    it('is refused to whoever may only look', async () => {
      const ran = await mayfly(['lease', 'revoke', await made(), '--reason', 'x'], asOperator({}, 'viewer'))
      expect(ran.code).to.equal(4)
      expect(ran.stderr).to.match(/See docs\/problems\.md#forbidden\n$/)
    })
  })

  describe('watch', () => {
    it('tells of each open lease and each change, until it is interrupted', async () => {
      const [first, interrupt] = [await made({ task: 'run-watch' }), new AbortController()]
      let second = ''
      const seen: string[] = []
      const steps: Readonly<Record<string, () => void>> = {
        [`${first} active`]: () => void made({ task: 'run-watch' }).then((id) => (second = id)),
        'new active': () => void mayfly(['lease', 'revoke', second, '--reason', 'Enough'], asOperator()),
        'new closed': () => interrupt.abort(),
      }
      const heard = (text: string): void => {
        for (const { id, task, state } of linesOf(text)) {
          if (task !== 'run-watch') continue
          const what = `${id === first ? first : 'new'} ${state}`
          seen.push(what)
          steps[what]?.()
        }
      }
      const ran = await mayfly(['lease', 'watch', '--json'], asOperator({ heard, interrupted: interrupt.signal }))
      expect(ran.code).to.equal(0)
      expect(seen).to.deep.equal([`${first} active`, 'new active', 'new closed'])
    })
  })
})
