import { expect } from 'chai'
import { ALLOW_ALL, evaluate } from '../providers/aws-sts/support/evaluate.ts'
import { agentAws, awsAhead } from './support/agent-aws.ts'
import { credentialOf, leaseOf, startRealBroker, type RealBroker } from './support/real-broker.ts'
import { BUCKET_ACCESS, upstreamsOfSuite } from './support/real-upstreams.ts'
import { works } from './support/what-works.ts'

/** STS makes nothing that lives for less. */
const STS_LEAST_MS = 900_000

/** What STS was asked for a session, as it went over the wire. */
function askedOfSts({ toAws }: RealBroker, handle: string): URLSearchParams {
  const bodies = toAws.exchanges.map(({ request }) => new URLSearchParams(request.body))
  const asked = bodies.find((body) => body.get('RoleSessionName') === handle)
  if (!asked) throw new Error(`STS was never asked for ${handle}`)
  return asked
}

describe('an AWS session of a lease that is shorter than STS can make one', function () {
  this.timeout(30_000)
  const upstreams = upstreamsOfSuite()

  it('says so in each of its three times', async () => {
    await using broker = await startRealBroker(upstreams())
    const before = broker.clock.now()
    const lease = await leaseOf(broker, { access: [BUCKET_ACCESS], ttl: 60 })
    const session = credentialOf(lease, 'orders-bucket')
    const [deadline, leaseEnd, hard] = [session.expires_at, lease.expires_at, session.hard_expires_at].map(Date.parse)
    // IAM's clock has whole seconds, so the session's promise may be up to one second short of the lease's.
    expect(deadline).to.be.within(before + 58_000, leaseEnd!)
    expect(Date.parse(session.value.Expiration), 'by which SDKs refresh').to.equal(deadline)
    expect(hard, "STS's own end").to.be.within(before + STS_LEAST_MS - 2_000, before + STS_LEAST_MS + 60_000)
    expect(askedOfSts(broker, session.id).get('DurationSeconds')).to.equal('900')
    const { body } = await broker.call('GET', `/v1/leases/${lease.id}`, { token: lease.token })
    for (const time of ['expires_at', 'hard_expires_at']) expect(body.credentials[0][time]).to.equal(session[time])
  })

  it('may do exactly what was asked until its deadline, and nothing from then on: by an evaluator of IAM', async () => {
    await using broker = await startRealBroker(upstreams())
    const lease = await leaseOf(broker, { access: [BUCKET_ACCESS], ttl: 60 })
    const session = credentialOf(lease, 'orders-bucket')
    const sessionPolicy = askedOfSts(broker, session.id).get('Policy') ?? ''
    const deadline = Date.parse(session.expires_at)
    const may = (at: number, resource = 'arn:aws:s3:::orders/1234/note.txt', action = 's3:GetObject') =>
      evaluate({ handle: session.id, action, resource, at, sessionPolicy, rolePolicies: [ALLOW_ALL] })
    expect(await may(deadline - 60_000)).to.be.true
    expect(await may(deadline - 1_000)).to.be.true
    expect(await may(deadline), 'at the deadline it is over').to.be.false
    expect(await may(deadline + 1_000)).to.be.false
    expect(await may(deadline + STS_LEAST_MS - 61_000), 'while STS would still take it').to.be.false
    expect(await may(deadline - 30_000, 'arn:aws:s3:::orders/9999/note.txt')).to.be.false
    expect(await may(deadline - 30_000, 'arn:aws:s3:::orders/1234/note.txt', 's3:PutObject')).to.be.false
    expect(await may(deadline - 30_000, 'arn:aws:iam::123456789012:role/agent-orders', 'sts:AssumeRole')).to.be.false
  })

  it('is refused after its deadline, at an STS that would go on for another 13 minutes', async function () {
    await using broker = await startRealBroker(upstreams())
    const [short, long] = await Promise.all([
      leaseOf(broker, { access: [BUCKET_ACCESS], ttl: 60 }),
      leaseOf(broker, { access: [BUCKET_ACCESS], ttl: 900 }),
    ])
    const [ends, goesOn] = [short, long].map((lease) => credentialOf(lease, 'orders-bucket'))
    const { ministack } = upstreams()
    {
      await using _ = await awsAhead(this, ministack, 45_000)
      expect(await works(upstreams(), ends)).to.be.true
    }
    await using _ = await awsAhead(this, ministack, 70_000)
    expect(await works(upstreams(), ends)).to.be.false
    expect(await works(upstreams(), goesOn), 'a control: a longer lease goes on').to.be.true
    await using aws = await agentAws(this, ministack, ends.value)
    expect(await aws.run('sts', 'get-caller-identity', '--query', 'Arn', '--output', 'text')).to.include(ends.id)
    expect(await aws.run('s3', 'cp', 's3://orders/1234/note.txt', '-')).to.match(/Forbidden|AccessDenied/)
  })
})
