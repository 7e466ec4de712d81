import { expect } from 'chai'

import { approve, deny } from '../support/approvals.ts'
import { readAudit, recordsOf } from '../support/audit.ts'
import type { Answered, OperatorName, TestBroker } from '../support/broker.ts'
import { expectCredential } from '../support/expect-lease.ts'
import { errorPaths, expectProblem } from '../support/expect-problem.ts'
import { later } from '../support/later.ts'
import { orphans, startUpstreamBroker, WAREHOUSE, type UpstreamBroker } from '../support/upstream-broker.ts'

/** Two admins: giving up on a credential takes both. `ada@example.com` and `ops@example.com`. */
const twoAdmins = ({ operators, ...settings }: Record<string, unknown>) => ({
  ...settings,
  operators: (operators as { id: string; role: string }[]).map((operator) =>
    operator.id === 'ops@example.com' ? { ...operator, role: 'admin' } : operator,
  ),
})

const granted = async (broker: UpstreamBroker, over: object = {}) => {
  const { status, body } = await broker.request({ access: [WAREHOUSE], ...over })
  expect(status, JSON.stringify(body)).to.equal(201)
  return body
}

/** A completed lease whose one credential the upstream refuses to take back. */
const stuck = async (
  broker: UpstreamBroker,
  over: object = {},
): Promise<{ lease: string; id: string; token: string }> => {
  const lease = await granted(broker, over)
  broker.upstream.script({ revoke: 'permanent' })
  await broker.call('POST', `/v1/leases/${lease.id}/complete`, { token: lease.token, body: { outcome: 'success' } })
  await broker.app.sweep()
  return { lease: lease.id, id: lease.credentials[0].id, token: lease.token }
}

const credentials = async (broker: TestBroker, query = '') => {
  const { status, body } = await broker.call('GET', `/v1/credentials${query}`, { token: broker.operator('viewer') })
  expect(status, JSON.stringify(body)).to.equal(200)
  return body
}
const ids = (body: { readonly items: readonly { readonly id: string }[] }) => body.items.map(({ id }) => id)
const retry = (broker: TestBroker, id: string, as: OperatorName = 'operator'): Promise<Answered> =>
  broker.call('POST', `/v1/credentials/${id}/retry`, { token: broker.operator(as) })
const abandon = (broker: TestBroker, id: string, as: OperatorName = 'admin', body: object = { reason: 'It is gone' }) =>
  broker.call('POST', `/v1/credentials/${id}/abandon`, { token: broker.operator(as), body })
const asked = ({ body }: Answered) => ({ approval: body.id as string, digest: body.digest as string })

describe('the list of credentials', () => {
  let broker: UpstreamBroker
  /** Oldest first. */
  const made: { readonly id: string; readonly lease: string; readonly grant: string; readonly state: string }[] = []
  before(async () => {
    broker = await startUpstreamBroker()
    const note = async (state: string, access: readonly object[], task: string) => {
      const lease = await granted(broker, { access, task })
      for (const { id, grant } of lease.credentials) made.push({ id, lease: lease.id, grant, state })
      await later(broker, 1)
      return lease
    }
    const end = (lease: { id: string; token: string }) =>
      broker.call('POST', `/v1/leases/${lease.id}/complete`, { token: lease.token, body: { outcome: 'success' } })
    await end(await note('closed', [WAREHOUSE], 'run-closed'))
    await broker.app.sweep()
    await note('active', [{ grant: 'refunds-api' }], 'run-signed')
    await note('active', [WAREHOUSE], 'run-active')
    broker.upstream.script({ revoke: ['permanent', 'unknown'] })
    for (const name of ['run-stuck', 'run-failing']) {
      await end(await note('revoking', [WAREHOUSE], name))
      await broker.app.sweep()
    }
  })
  after(() => broker[Symbol.asyncDispose]())

  const expected = (keep: (one: (typeof made)[number]) => boolean): readonly string[] =>
    made
      .filter(keep)
      .map(({ id }) => id)
      .reverse()

  it('is every credential, newest first, whole and without a secret', async () => {
    const body = await credentials(broker)
    expect(Object.keys(body)).to.have.members(['items', 'next_cursor'])
    expect(ids(body)).to.deep.equal(expected(() => true))
    for (const credential of body.items) expectCredential(credential)
    expect(JSON.stringify(body)).to.not.match(/canary|eyJ/)
  })

  for (const state of ['active', 'revoking', 'closed', 'minting'])
    it(`can be of one state: ${state}`, async () => {
      expect(ids(await credentials(broker, `?state=${state}`))).to.deep.equal(expected((one) => one.state === state))
    })

  it('can be of those that are stuck, or are not', async () => {
    const body = await credentials(broker, '?stuck=true')
    expect(body.items).to.have.length(1)
    expect(body.items[0]).to.include({ state: 'revoking', stuck: true, attempts: 1 })
    const [{ id }] = body.items
    expect(ids(await credentials(broker, '?stuck=false'))).to.deep.equal(expected((one) => one.id !== id))
  })

  it('can be of a grant, of a lease, and of both', async () => {
    expect(ids(await credentials(broker, '?grant=up-warehouse'))).to.deep.equal(
      expected(({ grant }) => grant === 'up-warehouse'),
    )
    const [{ lease } = { lease: '' }] = made
    expect(ids(await credentials(broker, `?lease=${lease}`))).to.deep.equal(expected((one) => one.lease === lease))
    expect(ids(await credentials(broker, `?lease=${lease}&grant=refunds-api`))).to.deep.equal([])
    expect(ids(await credentials(broker, '?grant=nowhere'))).to.deep.equal([])
  })

  it('is read a page at a time, by a cursor of its own filters', async () => {
    const all: string[] = []
    for (let cursor = ''; ;) {
      const body = await credentials(broker, `?grant=up-warehouse&limit=2${cursor}`)
      expect(body.items.length).to.be.within(1, 2)
      all.push(...ids(body))
      if (body.next_cursor === null) break
      cursor = `&cursor=${body.next_cursor as string}`
    }
    expect(all).to.deep.equal(expected(({ grant }) => grant === 'up-warehouse'))
    const { next_cursor: cursor } = await credentials(broker, '?limit=1')
    const token = broker.operator('viewer')
    const other = await broker.call('GET', `/v1/credentials?state=active&cursor=${cursor as string}`, { token })
    expect(errorPaths(expectProblem(other, 'invalid-request'))).to.deep.equal(['/cursor'])
  })

  it('takes the filters that there are, and values that fit', async () => {
    const token = broker.operator('viewer')
    for (const [query, path] of [
      ['state=odd', '/state'],
      ['stuck=yes', '/stuck'],
      ['lease=run-1', '/lease'],
      ['agent=support-bot', '/agent'],
      ['limit=0', '/limit'],
      ['limit=201', '/limit'],
    ] as const)
      expect(
        errorPaths(expectProblem(await broker.call('GET', `/v1/credentials?${query}`, { token }), 'invalid-request')),
      ).to.deep.equal([path])
  })

  it('is for operators', async () => {
    const { token } = await granted(broker, { task: 'run-own' })
    for (const proof of [token, broker.identity(), broker.pep])
      expectProblem(await broker.call('GET', '/v1/credentials', { token: proof }), 'forbidden')
  })
})

describe('retrying a credential', () => {
  it('tries one that is stuck now, and not in an hour', async () => {
    await using broker = await startUpstreamBroker()
    const { id, lease } = await stuck(broker)
    expect((await credentials(broker, '?stuck=true')).items).to.have.length(1)
    broker.upstream.script({ revoke: 'ok' })
    await later(broker, 60)
    expect(broker.upstream.live(), 'the control').to.have.length(1)
    const { status, body } = await retry(broker, id)
    expect(status).to.equal(200)
    expectCredential(body)
    expect(body).to.include({ id, lease, state: 'revoking', stuck: false })
    await broker.app.sweep()
    expect(broker.upstream.live()).to.deep.equal([])
    expect((await credentials(broker, `?lease=${lease}`)).items[0]).to.include({ state: 'closed', outcome: 'revoked' })
  })

  it('that still cannot be taken back is stuck again', async () => {
    await using broker = await startUpstreamBroker()
    const { id } = await stuck(broker)
    await retry(broker, id)
    await broker.app.sweep()
    expect((await credentials(broker, '?stuck=true')).items[0]).to.include({ id, attempts: 2 })
  })

  it('is a conflict for one that is not being taken back, and not found for none', async () => {
    await using broker = await startUpstreamBroker()
    const lease = await granted(broker)
    const [{ id }] = lease.credentials
    expect(expectProblem(await retry(broker, id), 'conflict').state).to.equal('active')
    await broker.call('POST', `/v1/leases/${lease.id}/complete`, { token: lease.token, body: { outcome: 'success' } })
    await broker.app.sweep()
    expect(expectProblem(await retry(broker, id), 'conflict').state).to.equal('closed')
    for (const none of [`crd_${'0'.repeat(26)}`, 'crd_1', lease.id])
      expectProblem(await retry(broker, none), 'not-found')
  })

  it('is for the role operator', async () => {
    await using broker = await startUpstreamBroker()
    const { id, token } = await stuck(broker)
    for (const as of ['viewer', 'approver'] as const) expectProblem(await retry(broker, id, as), 'forbidden')
    expectProblem(await broker.call('POST', `/v1/credentials/${id}/retry`, { token }), 'forbidden')
    expect((await retry(broker, id, 'admin')).status).to.equal(200)
  })
})

describe('abandoning a credential', () => {
  it('opens an approval that shows what would be given up on', async () => {
    await using broker = await startUpstreamBroker({ configure: twoAdmins })
    const { id, lease } = await stuck(broker)
    const { status, body } = await abandon(broker, id)
    expect(status).to.equal(202)
    expect(body).to.include({
      kind: 'abandon',
      state: 'pending',
      lease,
      agent: 'support-bot',
      task: 'run-1',
      needed: 1,
    })
    expect(body.subject).to.deep.include({
      ...{ credential: id, lease, agent: 'support-bot', grant: 'up-warehouse', provider: 'up', handle: `h-${id}` },
      ...{ last_error: 'The upstream answered 403', asked_by: 'ada@example.com', reason: 'It is gone' },
    })
    expect(Date.parse(body.subject.ends_by_itself)).to.be.greaterThan(broker.clock.now())
    expect((await credentials(broker, '?stuck=true')).items, 'and gives up on nothing yet').to.have.length(1)
    const again = await abandon(broker, id)
    expect({ status: again.status, id: again.body.id }, 'asking again').to.deep.equal({ status: 202, id: body.id })
  })

  it('takes another admin: the lease is closed, and on record is what may live on', async () => {
    await using broker = await startUpstreamBroker({ configure: twoAdmins })
    const { id, lease } = await stuck(broker)
    const question = asked(await abandon(broker, id))
    expectProblem(await approve(broker, question, 'admin'), 'forbidden')
    for (const as of ['approver', 'owner'] as const) expectProblem(await approve(broker, question, as), 'forbidden')
    const { status, body } = await approve(broker, question, 'operator', { reason: 'I looked' })
    expect(status).to.equal(200)
    expect(body).to.deep.include({ kind: 'abandon', state: 'approved', approved_by: ['ops@example.com'] })
    const [credential] = (await credentials(broker, `?lease=${lease}`)).items
    expect(credential).to.include({ state: 'closed', outcome: 'abandoned', stuck: false })
    const shown = await broker.call('GET', `/v1/leases/${lease}`, { token: broker.operator('viewer') })
    expect(shown.body).to.include({ state: 'closed', outcome: 'completed' })
    const [closed] = recordsOf(await readAudit(broker, 'operations'), 'credential.closed')
    expect(closed).to.deep.include({ actor: { type: 'operator', id: 'ops@example.com' }, lease })
    expect(closed?.subject).to.include({ id, outcome: 'abandoned' })
    const [approved] = recordsOf(await readAudit(broker, 'approved'), 'approval.approved')
    expect(approved?.subject).to.deep.equal({ id: question.approval, outcome: 'approved', reason: 'I looked' })
    expect(broker.upstream.live(), 'nobody said that it was revoked').to.have.length(1)
    expect(orphans(broker.folder, broker.upstream), 'and it is the one orphan that two people made').to.have.length(1)
  })

  it('ends a wait for the lease', async () => {
    await using broker = await startUpstreamBroker({ configure: twoAdmins })
    const { id, lease } = await stuck(broker)
    const question = asked(await abandon(broker, id))
    const path = `/v1/leases/${lease}?wait=25&state=closing`
    const waiting = broker.call('GET', path, { token: broker.operator('viewer') })
    await approve(broker, question, 'operator')
    expect((await waiting).body.state).to.equal('closed')
  })

  it('that is denied leaves everything as it was', async () => {
    await using broker = await startUpstreamBroker({ configure: twoAdmins })
    const { id, lease } = await stuck(broker)
    const question = asked(await abandon(broker, id))
    expect((await deny(broker, question, 'operator')).body).to.include({ state: 'denied' })
    const shown = await broker.call('GET', `/v1/leases/${lease}`, { token: broker.operator('viewer') })
    expect(shown.body).to.include({ state: 'closing', outcome: 'completed' })
    broker.upstream.script({ revoke: 'ok' })
    await retry(broker, id)
    await broker.app.sweep()
    expect(broker.upstream.live()).to.deep.equal([])
    expect((await abandon(broker, id)).status, 'nothing is left to give up on').to.equal(409)
  })

  it('is moot once the credential has been taken back', async () => {
    await using broker = await startUpstreamBroker({ configure: twoAdmins })
    const { id, lease } = await stuck(broker)
    const question = asked(await abandon(broker, id))
    broker.upstream.script({ revoke: 'ok' })
    await retry(broker, id)
    await broker.app.sweep()
    await approve(broker, question, 'operator')
    expect((await credentials(broker, `?lease=${lease}`)).items[0]).to.include({ state: 'closed', outcome: 'revoked' })
  })

  it('lapses like any question, and may be asked again', async () => {
    await using broker = await startUpstreamBroker({ configure: twoAdmins })
    const { id } = await stuck(broker)
    const first = await abandon(broker, id)
    await later(broker, 901)
    expectProblem(await approve(broker, asked(first), 'operator'), 'gone')
    const [expired] = recordsOf(await readAudit(broker, 'operations'), 'approval.expired')
    expect(expired?.subject).to.include({ id: first.body.id, outcome: 'expired' })
  })

  it('is between operators: the lease’s own token neither sees nor cancels it', async () => {
    await using broker = await startUpstreamBroker({ configure: twoAdmins })
    const { id, lease, token } = await stuck(broker)
    const { body } = await abandon(broker, id)
    expectProblem(await broker.call('GET', `/v1/approvals/${body.id}`, { token }), 'not-found')
    expectProblem(await broker.call('POST', `/v1/approvals/${body.id}/cancel`, { token }), 'not-found')
    const shown = await broker.call('GET', `/v1/leases/${lease}`, { token: broker.operator('viewer') })
    expect(shown.body).to.include({ state: 'closing', outcome: 'completed' })
  })

  it('is for the role admin, says why, and is for what is being taken back', async () => {
    await using broker = await startUpstreamBroker({ configure: twoAdmins })
    const { id } = await stuck(broker)
    for (const as of ['viewer', 'approver'] as const) expectProblem(await abandon(broker, id, as), 'forbidden')
    for (const body of [{}, { reason: '' }, { reason: 'x', force: true }])
      expectProblem(await abandon(broker, id, 'admin', body), 'invalid-request')
    broker.upstream.script({ revoke: 'ok' })
    const [{ id: active }] = (await granted(broker, { task: 'run-2' })).credentials
    expect(expectProblem(await abandon(broker, active), 'conflict').state).to.equal('active')
    expectProblem(await abandon(broker, `crd_${'0'.repeat(26)}`), 'not-found')
  })
})
