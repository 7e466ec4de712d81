import { expect } from 'chai'

import { createClient, type Client } from '../../src/client/create-client.ts'
import { LeaseUnusable } from '../../src/client/lease-unusable.ts'
import type { MayflyProblem } from '../../src/client/mayfly-problem.ts'
import { MayflyUnreachable } from '../../src/client/mayfly-unreachable.ts'
import type { ApprovalLink, LeaseRequest } from '../../src/client/resources.ts'
import { ORDINARY, startTestBroker, type TestBroker } from '../support/broker.ts'
import { rejectionOf } from './support/rejection.ts'

const REQUEST = ORDINARY as LeaseRequest
const ASK: LeaseRequest = {
  ...REQUEST,
  intent: { ...REQUEST.intent, purpose: 'ask' },
  access: [...REQUEST.access!, { grant: 'orders-api', actions: ['order:read'], resources: ['orders/1234'] }],
}

describe('waiting for a lease', () => {
  let broker: TestBroker
  let agent: Client
  let approver: Client
  before(async () => {
    broker = await startTestBroker()
    agent = createClient({ url: broker.url, token: () => broker.identity() })
    approver = createClient({ url: broker.url, token: broker.operator('approver') })
  })
  after(() => broker[Symbol.asyncDispose]())

  const approve = ({ id, digest }: ApprovalLink) => approver.approvals.approve(id, { digest })
  const deny = ({ id, digest }: ApprovalLink) => approver.approvals.deny(id, { digest, reason: 'Not today' })

  it('ends when a person has said yes', async () => {
    const asked = await agent.leases.request(ASK)
    const waiting = agent.leases.waitForLease(asked.id)
    await approve(asked.approval!)
    expect((await waiting).state).to.equal('active')
  })

  it('ends at once where there is nothing to wait for', async () => {
    const { id } = await agent.leases.request(REQUEST)
    expect((await agent.leases.waitForLease(id)).state).to.equal('active')
  })

  it('goes on over a broker that is away for a moment', async () => {
    const asked = await agent.leases.request(ASK)
    const faults = [
      () => Promise.reject(new TypeError('fetch failed')),
      () => Promise.resolve(new Response('', { status: 502 })),
      () => Promise.resolve(new Response('', { status: 429, headers: { 'retry-after': '0' } })),
    ]
    const shaky = createClient({
      url: broker.url,
      token: asked.token!,
      fetch: (url, init) => (faults.shift() ?? (() => fetch(url, init)))(),
    })
    const waiting = shaky.leases.waitForLease(asked.id)
    await approve(asked.approval!)
    expect((await waiting).state).to.equal('active')
    expect(faults).to.deep.equal([])
  })

  it('gives up on a broker that stays away', async () => {
    const gone = createClient({ url: broker.url, fetch: () => Promise.reject(new TypeError('fetch failed')) })
    const error = await rejectionOf(gone.leases.waitForLease('lse_x', { patienceMs: 300 }))
    expect(error).to.be.instanceOf(MayflyUnreachable)
  })

  it('does not ask again what the broker refused', async () => {
    let asked = 0
    const counting = createClient({ url: broker.url, fetch: (url, init) => (asked++, fetch(url, init)) })
    const error = await rejectionOf(counting.leases.waitForLease(`lse_${'0'.repeat(26)}`))
    expect((error as MayflyProblem).slug).to.equal('unauthenticated')
    expect(asked).to.equal(1)
  })

  it('can be given up', async () => {
    const { id } = await agent.leases.request(ASK)
    const giveUp = new AbortController()
    const waiting = rejectionOf(agent.leases.waitForLease(id, { signal: giveUp.signal }))
    giveUp.abort('enough')
    expect(await waiting).to.equal('enough')
  })

  describe('from the request to the credentials', () => {
    it('gives a granted lease at once, its secrets apart from it', async () => {
      const { lease, token, credentials } = await agent.obtainLease(REQUEST)
      expect(lease.state).to.equal('active')
      expect(JSON.stringify(lease)).not.to.contain(token).and.not.to.contain('access_token')
      expect(credentials.map(({ grant, value }) => [grant, Object.keys(value)])).to.deep.equal([
        ['refunds-api', ['access_token', 'token_type', 'expires_in']],
      ])
    })

    it('waits for a person, and fetches a credential for each grant', async () => {
      const shown: string[] = []
      const obtained = await agent.obtainLease(ASK, {
        onPending: (approval, { state }) => {
          shown.push(state)
          void approve(approval)
        },
      })
      expect(shown).to.deep.equal(['pending'])
      expect(obtained.lease.state).to.equal('active')
      expect(obtained.credentials.map(({ grant }) => grant)).to.deep.equal(['refunds-api', 'orders-api'])
    })

    it('says why a person said no', async () => {
      const error = await rejectionOf(agent.obtainLease(ASK, { onPending: (approval) => void deny(approval) }))
      expect(error).to.be.instanceOf(LeaseUnusable)
      expect((error as LeaseUnusable).lease.outcome).to.equal('denied')
      expect((error as LeaseUnusable).message)
        .to.contain('denied')
        .and.to.contain('Not today')
    })

    it('takes the question back when it is given up', async () => {
      const giveUp = new AbortController()
      let approval: ApprovalLink | undefined
      const obtaining = agent.obtainLease(ASK, {
        signal: giveUp.signal,
        onPending: (opened) => {
          approval = opened
          giveUp.abort('enough')
        },
      })
      expect(await rejectionOf(obtaining)).to.equal('enough')
      expect((await approver.approvals.get(approval!.id)).state).to.equal('cancelled')
    })

    it('takes the lease back when a credential cannot be fetched', async () => {
      let id = ''
      const unlucky = createClient({
        url: broker.url,
        token: () => broker.identity(),
        fetch: (url, init) =>
          url.endsWith('/credentials') ? Promise.resolve(new Response('', { status: 502 })) : fetch(url, init),
      })
      const obtaining = unlucky.obtainLease(ASK, {
        onPending: (approval, lease) => {
          id = lease.id
          void approve(approval)
        },
      })
      expect(((await rejectionOf(obtaining)) as MayflyProblem).status).to.equal(502)
      expect((await approver.leases.get(id)).outcome).to.equal('failed')
    })

    it('cannot be done with an answer that was given before', async () => {
      await agent.leases.request(REQUEST, { idempotencyKey: 'lost' })
      const error = await rejectionOf(agent.obtainLease(REQUEST, { idempotencyKey: 'lost' }))
      expect(error).to.be.instanceOf(LeaseUnusable)
    })
  })
})
