import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'chai'
import { approve, askFor, deny, readApproval, readLease } from '../support/approvals.ts'
import { startTestBroker, TEST_RULES, type TestBroker } from '../support/broker.ts'

type Settings = Record<string, unknown>
type Operator = Readonly<Record<string, unknown>>

/** Changes the operators of the configuration, each by its id. */
const withOperators =
  (change: (operator: Operator) => Operator) =>
  (settings: Settings): Settings => ({
    ...settings,
    operators: (settings['operators'] as readonly Operator[]).map(change),
  })

/** Puts other rules into force while the broker runs. */
async function putInForce(broker: TestBroker, rules: string): Promise<void> {
  await writeFile(join(broker.folder, 'rules.yaml'), rules)
  const { ok } = await broker.app.reload()
  expect(ok).to.equal(true)
}

const rulesWith = (rule: string): string => TEST_RULES.replace('tiers:', `  - ${rule}\ntiers:`)

describe('approving', () => {
  it('is not for viewers, nor for agents, PEPs or the lease itself', async () => {
    await using broker = await startTestBroker()
    const asked = await askFor(broker)
    for (const token of [broker.operator('viewer'), asked.token, broker.identity(), broker.pep]) {
      const path = `/v1/approvals/${asked.approval}/approve`
      const { status, body } = await broker.call('POST', path, { token, body: { digest: asked.digest } })
      expect(status).to.equal(403)
      expect(body.type).to.equal('urn:mayfly:problem:forbidden')
    }
    expect((await readApproval(broker, asked)).body.state).to.equal('pending')
  })

  it('needs the digest of what was shown', async () => {
    await using broker = await startTestBroker()
    const asked = await askFor(broker)
    const other = await askFor(broker, { task: 'run-2' })
    for (const verb of [approve, deny]) {
      const { body } = await verb(broker, { ...asked, digest: other.digest })
      expect(body).to.include({ status: 409, type: 'urn:mayfly:problem:conflict', state: 'pending' })
    }
    expect((await approve(broker, { ...asked, digest: asked.digest.toUpperCase() })).status).to.equal(400)
    expect((await approve(broker, asked, 'approver', { digest: undefined })).status, 'no digest').to.equal(400)
    expect((await readApproval(broker, asked)).body.state).to.equal('pending')
  })

  for (const [who, id] of [
    ['the agent’s owner', 'dana@example.com'],
    ['the owner in other letters', 'Dana@Example.COM'],
    ['the agent itself', 'Support-Bot'],
  ] as const) {
    it(`is refused to ${who}, and on record`, async () => {
      await using broker = await startTestBroker({
        configure: withOperators((one) => (one['id'] === 'dana@example.com' ? { ...one, id, role: 'admin' } : one)),
      })
      const asked = await askFor(broker)
      const { status, body } = await approve(broker, asked, 'owner')
      expect(status).to.equal(403)
      expect(body.type).to.equal('urn:mayfly:problem:forbidden')
      expect((await readLease(broker, asked)).body.state).to.equal('pending')
      const denied = await broker.call('GET', '/v1/audit/denied', { token: broker.operator('viewer') })
      expect(denied.body.items.at(-1)).to.deep.include({ kind: 'operator.refused', actor: { type: 'operator', id } })
      expect((await approve(broker, asked, 'approver')).status, 'somebody else may').to.equal(200)
    })
  }

  it('is for the group that the rule asks for', async () => {
    await using broker = await startTestBroker({
      configure: withOperators((one) => (one['id'] === 'ada@example.com' ? { ...one, groups: ['security'] } : one)),
      rules: TEST_RULES.replace('effect: ask, reason', 'effect: ask, approvers: security, reason'),
    })
    const asked = await askFor(broker)
    expect((await approve(broker, asked, 'approver')).status).to.equal(403)
    expect((await approve(broker, asked, 'admin')).status).to.equal(200)
  })

  it('takes as many different people as the rule wants', async () => {
    await using broker = await startTestBroker()
    const asked = await askFor(broker, {}, 'ask-two')
    const first = await approve(broker, asked, 'approver')
    expect(first.status).to.equal(200)
    expect(first.body).to.deep.include({ state: 'pending', needed: 2, approved_by: ['amy@example.com'] })
    expect((await readLease(broker, asked)).body.state).to.equal('pending')
    expect((await approve(broker, asked, 'approver')).body).to.include({ status: 409, state: 'pending' })
    expect((await approve(broker, asked, 'owner')).status, 'the owner counts for nothing').to.equal(403)
    const second = await approve(broker, asked, 'admin')
    expect(second.body).to.deep.include({ state: 'approved', approved_by: ['amy@example.com', 'ada@example.com'] })
    expect((await readLease(broker, asked)).body.state).to.equal('active')
  })

  it('after a first yes, one no is enough to end it', async () => {
    await using broker = await startTestBroker()
    const asked = await askFor(broker, {}, 'ask-two')
    await approve(broker, asked, 'approver')
    expect((await deny(broker, asked, 'admin')).body.state).to.equal('denied')
    expect((await readLease(broker, asked)).body).to.include({ state: 'closed', outcome: 'denied' })
  })

  it('judges the lease again: a rule that denies it by now closes it', async () => {
    await using broker = await startTestBroker()
    const asked = await askFor(broker)
    await putInForce(broker, rulesWith("{ id: stop, on: lease, when: 'true', effect: deny, reason: Stopped }"))
    expect((await approve(broker, asked)).body.state, 'the answer itself stands').to.equal('approved')
    expect((await readLease(broker, asked)).body).to.include({ state: 'closed', outcome: 'denied' })
  })

  it('answers only the asks that were shown: an ask by another rule opens a new approval', async () => {
    await using broker = await startTestBroker()
    const asked = await askFor(broker)
    await putInForce(broker, rulesWith("{ id: more, on: lease, when: 'true', effect: ask, reason: Ask again }"))
    expect((await approve(broker, asked)).body.state).to.equal('approved')
    const { body: lease } = await readLease(broker, asked)
    expect(lease.state).to.equal('pending')
    expect(lease.approval.id).to.not.equal(asked.approval)
    const again = { lease: asked.lease, approval: lease.approval.id, digest: lease.approval.digest }
    const { body: next } = await readApproval(broker, again)
    expect(next).to.include({ state: 'pending', lease: asked.lease })
    expect(next.subject.rules.map(({ id }: { id: string }) => id)).to.include('more')
    expect((await approve(broker, { ...again, digest: asked.digest })).status, 'the old digest').to.equal(409)
    expect((await approve(broker, again)).status).to.equal(200)
    expect((await readLease(broker, asked)).body.state).to.equal('active')
  })

  it('grants no longer than the rules allow by now', async () => {
    await using broker = await startTestBroker()
    const asked = await askFor(broker, { ttl: 600 })
    await putInForce(broker, TEST_RULES.replace('max_ttl: 900', 'max_ttl: 60'))
    await approve(broker, asked)
    const { body } = await readLease(broker, asked)
    expect(Date.parse(body.expires_at)).to.be.at.most(broker.clock.now() + 60_000)
  })

  it('does not count the lease that waits among the others of its task', async () => {
    const rules = rulesWith("{ id: one, on: lease, when: 'task.open_leases > 0', effect: deny, reason: One at a time }")
    await using broker = await startTestBroker({ rules })
    const asked = await askFor(broker)
    expect((await broker.request()).status, 'a second one of the task').to.equal(403)
    await approve(broker, asked)
    expect((await readLease(broker, asked)).body.state).to.equal('active')
  })

  it('of two who answer at once, one wins and the other hears of it', async () => {
    await using broker = await startTestBroker({
      configure: (settings) => ({ ...settings, approvals: { pending_per_agent: 100 } }),
    })
    for (let round = 0; round < 20; round += 1) {
      const asked = await askFor(broker, { task: `run-${round}` })
      const both = [() => approve(broker, asked, 'approver'), () => deny(broker, asked, 'admin')]
      const answers = await Promise.all((round % 2 === 0 ? both : both.toReversed()).map((answer) => answer()))
      const won = answers.filter(({ status }) => status === 200)
      expect(won, `round ${round}`).to.have.length(1)
      expect(
        answers.filter(({ status }) => status === 409),
        `round ${round}`,
      ).to.have.length(1)
      const [winner] = won
      expect((await readApproval(broker, asked)).body.state).to.equal(winner?.body.state)
      const { body: lease } = await readLease(broker, asked)
      expect(lease.state).to.equal(winner?.body.state === 'approved' ? 'active' : 'closed')
    }
  })
})
