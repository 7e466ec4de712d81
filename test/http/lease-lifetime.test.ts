import { expect } from 'chai'

import { startTestBroker, TEST_RULES, type TestBrokerOptions } from '../support/broker.ts'
import { expectProblem } from '../support/expect-problem.ts'
import { withPurpose } from '../support/requests.ts'

const withGrantTtl = (seconds: number): TestBrokerOptions => ({
  configure: ({ grants, ...settings }) => ({
    ...settings,
    grants: (grants as object[]).map((grant) => ({ ...grant, max_ttl: seconds })),
  }),
})

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the answer is what is being tested
const secondsOf = (lease: any): number => (Date.parse(lease.expires_at) - Date.parse(lease.created_at)) / 1000

describe('the lifetime of a lease', () => {
  it('is what was asked, and 300 s where nothing was', async () => {
    await using broker = await startTestBroker()
    for (const [ttl, seconds] of [
      [5, 5],
      [299, 299],
      [undefined, 300],
      [900, 900],
    ] as const)
      expect(secondsOf((await broker.request({ ttl })).body), String(ttl)).to.equal(seconds)
  })

  it('is never longer than the cap of the tier', async () => {
    await using broker = await startTestBroker()
    expect(secondsOf((await broker.request({ ttl: 86_400 })).body)).to.equal(900)
  })

  it('is never longer than the limit of the configuration', async () => {
    const limits = { max_ttl: 120 }
    await using broker = await startTestBroker({ configure: (settings) => ({ ...settings, limits }) })
    expect(secondsOf((await broker.request({ ttl: 86_400 })).body)).to.equal(120)
    expect(secondsOf((await broker.request({ ttl: 60 })).body)).to.equal(60)
  })

  it('is cut off at the limit where the tier has no cap, whatever is asked', async () => {
    await using broker = await startTestBroker({ rules: TEST_RULES.replace(', max_ttl: 900', '') })
    expect(secondsOf((await broker.request({ ttl: 86_400 })).body)).to.equal(3600)
  })

  it('has an end that no renewal can pass, counted from its activation', async () => {
    await using broker = await startTestBroker()
    const { body: lease } = await broker.request()
    expect(Date.parse(lease.max_expires_at) - Date.parse(lease.created_at)).to.equal(28_800_000)
  })

  it('is refused where the caps leave less than 5 s', async () => {
    // No configuration can say so little; a parent that is about to end will.
    await using broker = await startTestBroker({
      change: ({ configuration, ...rest }) => ({
        ...rest,
        configuration: { ...configuration, limits: { ...configuration.limits, maxTtlSeconds: 3 } },
      }),
    })
    expect(expectProblem(await broker.request(), 'invalid-request').detail).to.include('Only 3 s are left')
  })
})

describe('the lifetime of a credential', () => {
  it('is never longer than the grant says', async () => {
    await using broker = await startTestBroker(withGrantTtl(60))
    const { body: lease } = await broker.request()
    const [credential] = lease.credentials
    expect(credential.value.expires_in).to.equal(60)
    expect(Date.parse(credential.expires_at) / 1000).to.equal(Math.floor(Date.parse(credential.issued_at) / 1000) + 60)
  })

  it('is never longer than its lease, to the second', async () => {
    await using broker = await startTestBroker(withGrantTtl(3600))
    const { body: lease } = await broker.request({ ttl: 7 })
    const [credential] = lease.credentials
    const end = Date.parse(lease.expires_at)
    expect(Date.parse(credential.expires_at)).to.equal(Math.floor(end / 1000) * 1000)
    expect(credential).to.include({ hard_expires_at: null, offline_until: credential.expires_at })
  })

  it('begins after an approval: nothing is minted for a lease that waits', async () => {
    await using broker = await startTestBroker()
    const { body: lease } = await broker.request({ ttl: 60, ...withPurpose('ask') })
    const { id, digest } = lease.approval
    broker.clock.advance(600_000)
    await broker.app.sweep()
    await broker.call('POST', `/v1/approvals/${id}/approve`, { token: broker.operator('approver'), body: { digest } })
    const { body: active } = await broker.call('GET', `/v1/leases/${lease.id}`, { token: lease.token })
    expect(active).to.include({ state: 'active' })
    expect(active.credentials).to.deep.equal([])
    expect(Math.round(secondsOf(active))).to.be.within(660, 662)
  })
})
