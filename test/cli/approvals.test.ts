import { PassThrough } from 'node:stream'
import { expect } from 'chai'

import { ORDINARY, startTestBroker, type OperatorName, type TestBroker } from '../support/broker.ts'
import { linesOf, mayfly, type Setting } from './support/mayfly.ts'

describe('mayfly approval', () => {
  let broker: TestBroker
  beforeEach(async () => {
    broker = await startTestBroker()
  })
  afterEach(() => broker[Symbol.asyncDispose]())

  const as = (name: OperatorName, over: Setting = {}): Setting => ({
    ...over,
    env: { MAYFLY_URL: broker.url, MAYFLY_TOKEN: broker.operator(name) },
  })
  const asked = async (purpose = 'ask', goal = 'Refund order 1234'): Promise<{ approval: string; lease: string }> => {
    const { body } = await broker.request({ intent: { ...ORDINARY.intent, purpose, goal } })
    return { approval: body.approval.id, lease: body.id }
  }
  const lease = async (id: string) =>
    (await broker.call('GET', `/v1/leases/${id}`, { token: broker.operator('viewer') })).body

  /** A terminal with somebody at it, who types the next of these keys whenever a question is asked. */
  const withSomebody = (...keys: readonly string[]): Setting => {
    const [input, output, left] = [new PassThrough(), new PassThrough(), [...keys]]
    output.on('data', (shown: Buffer) => {
      // A question is drawn once with its mark and its text; after that only what changes is.
      if (!/◆[^◇]*\?/.test(shown.toString())) return
      const next = left.shift() ?? '\u0003'
      for (const key of next) setImmediate(() => input.write(key))
    })
    return { interactive: true, questions: { input, output } }
  }

  it('lists what waits for an answer, or everything', async () => {
    const nothing = await mayfly(['approval', 'list'], as('viewer'))
    expect([nothing.code, nothing.stdout, nothing.stderr]).to.deep.equal([0, '', 'Nothing waits for an answer.\n'])
    const { approval } = await asked()
    const list = await mayfly(['approval', 'list'], as('viewer'))
    expect(list.stdout.split('\n')[1]).to.match(
      new RegExp(`^${approval} {2}pending {2}support-bot {2}run-1 {2}refunds-api {2}1 person {2}in 1[45] min$`),
    )
    await mayfly(['approval', 'deny', approval, '--reason', 'Not today'], as('approver'))
    expect((await mayfly(['approval', 'list', '--json'], as('viewer'))).json.items).to.deep.equal([])
    const all = await mayfly(['approval', 'list', '--state', 'all', '--json'], as('viewer'))
    expect(all.json.items.map(({ id }: { id: string }) => id)).to.deep.equal([approval])
  })

  it('shows who asks for what, why, and how risky it is', async () => {
    const { approval, lease: id } = await asked('ask', 'Refund\nrisk  none\u001b[1A')
    const card = await mayfly(['approval', 'show', approval], as('viewer'))
    const digest = (await mayfly(['approval', 'show', approval, '--json'], as('viewer'))).json.digest
    expect(card.stdout.replace(/in 1[45] min/, 'in 15 min')).to.equal(`\
approval     ${approval}, pending, lapses in 15 min
agent        support-bot, owned by dana@example.com
task         run-1
wants        refunds-api: refund:create
for          5 min
why          "Refund\\nrisk  none\\u{1b}[1A"
             purpose ask; supervised; asked by a person
             (the agent's words, not verified)
asked by     asks: It was asked to ask
risk         0, tier low
task so far  1 open lease
needs        1 person
lease        ${id}
digest       ${digest}
`)
  })

  it('approves what was shown, and says what came of it', async () => {
    const { approval, lease: id } = await asked()
    const ran = await mayfly(['approval', 'approve', approval.slice(0, -1), '--reason', 'Fine'], as('approver'))
    expect(ran.code).to.equal(0)
    expect(ran.stderr).to.match(/^approval {5}apr_/)
    expect(ran.stdout).to.match(new RegExp(`^${approval} {2}approved: lease ${id} is active, ends in [45] min\n$`))
  })

  it('approves less', async () => {
    const { approval, lease: id } = await asked()
    const narrow = JSON.stringify({ access: [{ grant: 'refunds-api', actions: ['refund:create'] }] })
    const args = ['approval', 'approve', approval, '--ttl', '60', '--narrow', '-', '--json']
    const ran = await mayfly(args, as('approver', { stdin: narrow }))
    expect(ran.json.state).to.equal('approved')
    const { created_at: from, expires_at: to } = await lease(id)
    expect(Date.parse(to) - Date.parse(from)).to.be.below(70_000)
  })

  it('says how many more people it needs', async () => {
    const { approval } = await asked('ask-two')
    const ran = await mayfly(['approval', 'approve', approval], as('approver'))
    expect(ran.stdout).to.equal(`${approval}  pending, needs 2 people; amy@example.com said yes\n`)
    const twice = await mayfly(['approval', 'approve', approval], as('approver'))
    expect(twice.code).to.equal(7)
  })

  it('answers nothing but what the digest covers', async () => {
    const { approval, lease: id } = await asked()
    for (const verb of [['approve'], ['deny', '--reason', 'No']]) {
      const ran = await mayfly(['approval', ...verb, approval, '--digest', `sha256:${'0'.repeat(64)}`], as('approver'))
      expect(ran.code).to.equal(7)
    }
    expect((await lease(id)).state).to.equal('pending')
  })

  it('denies with a reason that the agent reads', async () => {
    const { approval, lease: id } = await asked()
    expect((await mayfly(['approval', 'deny', approval], as('approver'))).code).to.equal(2)
    const ran = await mayfly(['approval', 'deny', approval, '--reason', 'Not today'], as('approver'))
    expect(ran.stdout).to.equal(`${approval}  denied: lease ${id} is closed (denied)\n`)
    expect((await lease(id)).reason).to.equal('Not today')
  })

  it("does not let an agent's owner approve", async () => {
    const ran = await mayfly(['approval', 'approve', (await asked()).approval], as('owner'))
    expect(ran.code).to.equal(4)
    expect(ran.stderr).to.contain('You own the agent')
  })

  it('asks before it answers, where somebody is there to ask', async () => {
    const { approval, lease: id } = await asked()
    const no = await mayfly(['approval', 'approve', approval], as('approver', withSomebody('n')))
    expect([no.code, no.stdout]).to.deep.equal([1, ''])
    expect(no.stderr).to.match(/Nothing was done\.\n$/)
    expect((await lease(id)).state).to.equal('pending')
    const yes = await mayfly(['approval', 'approve', approval], as('approver', withSomebody('y')))
    expect(yes.code).to.equal(0)
    expect((await lease(id)).state).to.equal('active')
  })

  it('asks before a lease is revoked too, and takes --yes for an answer', async () => {
    const { lease: id } = await asked()
    const revoke = ['lease', 'revoke', id, '--reason', 'Enough']
    expect((await mayfly(revoke, as('operator', withSomebody('\r')))).code).to.equal(1)
    expect((await lease(id)).state).to.equal('pending')
    expect((await mayfly([...revoke, '--yes'], as('operator', withSomebody()))).code).to.equal(0)
    expect((await lease(id)).outcome).to.equal('revoked')
  })

  describe('review', () => {
    it('goes through what waits, the longest first, and takes an answer to each', async () => {
      const [first, second, third] = [await asked(), await asked('ask', 'Another'), await asked('ask', 'A third')]
      const DOWN = '\u001b[B'
      const ran = await mayfly(
        ['approval', 'review'],
        as('approver', withSomebody('\r', `${DOWN}\r`, 'Not this one\r', `${DOWN}${DOWN}\r`)),
      )
      expect(ran.code).to.equal(0)
      const states = await Promise.all([first, second, third].map(async ({ lease: id }) => (await lease(id)).state))
      expect(states).to.deep.equal(['active', 'closed', 'pending'])
      expect((await lease(second.lease)).reason).to.equal('Not this one')
      expect(ran.stdout.match(/^approval .*$/gm)).to.have.length(3)
    })

    it('goes on where one is not yours to answer', async () => {
      await asked()
      const other = await broker.request({ intent: { ...ORDINARY.intent, purpose: 'ask' } }, { agent: 'other-bot' })
      const ran = await mayfly(['approval', 'review'], as('owner', withSomebody('\r', '\r')))
      expect(ran.code).to.equal(0)
      expect(ran.stderr).to.contain('You own the agent')
      expect((await lease(other.body.id)).state).to.equal('active')
    })

    it('only shows where nobody can answer', async () => {
      const { approval } = await asked()
      const all = await mayfly(['approval', 'review'], as('approver'))
      const one = await mayfly(['approval', 'review', approval], as('approver'))
      expect(all.stdout).to.equal(one.stdout)
      expect(linesOf((await mayfly(['approval', 'review', '--json'], as('approver'))).stdout)[0].id).to.equal(approval)
      const none = await mayfly(['approval', 'approve', approval], as('approver')).then(() =>
        mayfly(['approval', 'review'], as('approver')),
      )
      expect([none.code, none.stdout, none.stderr]).to.deep.equal([0, '', 'Nothing waits for an answer.\n'])
    })
  })
})
