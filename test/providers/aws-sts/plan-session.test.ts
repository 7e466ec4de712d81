import { expect } from 'chai'
import fc from 'fast-check'
import type { UpstreamOrder } from '../../../src/broker/provider-port.ts'
import type { AwsGrant, JwtGrant } from '../../../src/core/catalogue.ts'
import type { CredentialId } from '../../../src/core/id.ts'
import { planSession, type PlannedSession } from '../../../src/providers/aws-sts/plan-session.ts'
import { sessionTags } from '../../../src/providers/aws-sts/session-tags.ts'
import { ORDERS, orderOf } from './support/orders.ts'

const NOW = Date.parse('2026-11-25T10:00:00.400Z')

/** An order with these members of its access, grant and lease changed. */
function changed(over: {
  readonly access?: Partial<UpstreamOrder['access']>
  readonly grant?: Partial<AwsGrant>
  readonly lease?: Partial<UpstreamOrder['lease']>
}): UpstreamOrder {
  const order = orderOf(NOW)
  return {
    ...order,
    access: { ...order.access, ...over.access },
    grant: { ...ORDERS, ...over.grant },
    lease: { ...order.lease, ...over.lease },
  }
}

function planned(order: UpstreamOrder): PlannedSession {
  const plan = planSession(order)
  if (!plan.ok) throw new Error(plan.error.detail)
  return plan.value
}

const refusal = (order: UpstreamOrder): string | null => {
  const plan = planSession(order)
  return plan.ok ? null : plan.error.detail
}

const policyOf = (order: UpstreamOrder) => JSON.parse(planned(order).request.policy)

describe('the plan of a session', () => {
  it('is named after the credential, aims at the role, and says how it can be taken back', () => {
    const order = changed({ lease: { expiresAt: NOW + 60_000 } })
    expect(planned(order).plan).to.deep.equal({
      handle: order.credential,
      target: ORDERS.roleArn,
      notAfter: NOW + 960_000,
      revocation: 'propagating',
    })
    expect(planned(changed({ grant: { earlyRevocation: false } })).plan.revocation).to.equal('at_expiry')
  })

  it('allows what the entry names, denies everything at the deadline, and denies every way out', () => {
    expect(policyOf(changed({ lease: { expiresAt: NOW + 60_000 } }))).to.deep.equal({
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Action: ['s3:GetObject'], Resource: ['arn:aws:s3:::orders/1234/*'] },
        {
          Effect: 'Deny',
          Action: '*',
          Resource: '*',
          Condition: { DateGreaterThanEquals: { 'aws:CurrentTime': '2026-11-25T10:01:00Z' } },
        },
        {
          Effect: 'Deny',
          Action: ['sts:AssumeRole', 'sts:TagSession', 'sts:SetSourceIdentity', 'iam:*', 'organizations:*'],
          Resource: '*',
        },
      ],
    })
  })

  it('means all resources only where the grant names none', () => {
    const all = changed({ access: { resources: [] }, grant: { resources: [] } })
    expect(policyOf(all).Statement[0].Resource).to.deep.equal(['*'])
    expect(refusal(changed({ access: { resources: [] } }))).to.match(/none of the resources/)
  })

  it('writes the prefix of a service in lower case, and the same thing once', () => {
    const order = changed({
      access: { actions: ['S3:GetObject', 's3:GetObject'] },
      grant: { actions: ['S3:GetObject'] },
    })
    expect(policyOf(order).Statement[0].Action).to.deep.equal(['s3:GetObject'])
  })

  const lives: readonly (readonly [number, number, number])[] = [
    // milliseconds the lease has left, the session's seconds at STS, milliseconds to the deadline
    [1_000, 900, 600],
    [60_000, 900, 59_600],
    [899_999, 900, 899_600],
    [900_000, 900, 899_600],
    [901_000, 901, 900_600],
    [3_600_000, 3_600, 3_599_600],
    [43_200_000, 43_200, 43_199_600],
  ]
  for (const [left, seconds, toDeadline] of lives) {
    it(`asks STS for ${seconds} s where the lease has ${left} ms left, and ends it at the deadline all the same`, () => {
      const order = changed({ lease: { expiresAt: NOW + left }, grant: { maxTtlSeconds: 86_400 } })
      const { request, plan } = planned(order)
      expect(request.durationSeconds).to.equal(seconds)
      expect(request.deadline).to.equal(NOW + toDeadline)
      expect(plan.notAfter).to.equal(NOW + seconds * 1000 + 60_000)
    })
  }

  it('never lasts longer than the grant lets it, or AWS', () => {
    const long = { lease: { expiresAt: NOW + 43_202_000 } }
    expect(planned(changed({ ...long, grant: { maxTtlSeconds: 120 } })).request.deadline).to.equal(NOW + 119_600)
    expect(refusal(changed({ ...long, grant: { maxTtlSeconds: 86_400 } }))).to.match(/longest session is 43200 s/)
    expect(refusal(changed({ lease: { expiresAt: NOW + 500 } }))).to.match(/ends within the second/)
  })

  it('is never the whole role: an action that is missing, unknown or a pattern refuses', () => {
    const actions = [
      '',
      's3',
      's3:',
      ':GetObject',
      's3:*',
      's3:Get*',
      's3:Get?bject',
      '*',
      '*:*',
      's3:GetObject ',
      's3:Get\nObject',
    ]
    for (const action of [...actions, 's3:${aws:username}', 's3:GetObject","iam:*']) {
      const asked = changed({ access: { actions: [action] }, grant: { actions: [action] } })
      expect(refusal(asked), action).to.be.a('string')
    }
    expect(refusal(changed({ access: { actions: [] } }))).to.match(/whole role/)
    expect(refusal(changed({ access: { actions: ['s3:GetObject', 's3:DeleteObject'] } }))).to.match(/not an action of/)
    expect(refusal(changed({ access: { actions: ['s3:getobject'] } }))).to.match(/not an action of/)
  })

  it('grants nothing that could edit what holds the session back, even where the grant lists it', () => {
    for (const action of [
      'iam:PutRolePolicy',
      'IAM:PassRole',
      'sts:AssumeRole',
      'sts:TagSession',
      'organizations:CreateAccount',
    ]) {
      const asked = changed({ access: { actions: [action] }, grant: { actions: [action] } })
      expect(refusal(asked), action).to.match(/never for an agent/)
    }
  })

  const resources = [
    'arn:aws:s3:::orders/1?34',
    'arn:aws:s3:::orders/*/note.txt',
    'arn:aws:s3:::orders/12*',
    'arn:aws:s3:::orders/${aws:username}',
    'arn:aws:s3:::orders/../salaries/1',
    'arn:aws:s3:::orders/\u0000',
    'arn:aws:s3:::orders/\u3042',
    'arn:aws:s3:::orders/a b',
    'arn:aws:s3:::salaries/1',
    'arn:aws:s3:::orders',
    'arn:aws:s3:::*',
    'arn:aws:*',
    'orders/1234',
    '*',
    '',
  ]
  for (const resource of resources) {
    it(`refuses ${JSON.stringify(resource)} of a grant for arn:aws:s3:::orders/*`, () => {
      expect(refusal(changed({ access: { resources: ['arn:aws:s3:::orders/1234', resource] } }))).to.be.a('string')
    })
  }

  it('takes everything only where the grant itself says so', () => {
    const every = (resource: string) => changed({ access: { resources: [resource] }, grant: { resources: [resource] } })
    expect(policyOf(every('*')).Statement[0].Resource).to.deep.equal(['*'])
    expect(policyOf(every('arn:aws:s3:::*')).Statement[0].Resource).to.deep.equal(['arn:aws:s3:::*'])
    expect(refusal(every('arn:aws:*'))).to.match(/not one exact ARN/)
    expect(refusal(changed({ grant: { resources: [] } }))).to.match(/no resources to choose from/)
  })

  it('refuses a role that is not one role, and a grant that is not of AWS', () => {
    const roles = [
      'agent-orders',
      'arn:aws:iam::000000000000:user/a',
      'arn:aws:iam::000000000000:role/agent-*',
      'arn:aws:iam::0:role/a',
    ]
    for (const roleArn of roles) expect(refusal(changed({ grant: { roleArn } })), roleArn).to.match(/one role/)
    const partition = 'arn:aws-us-gov:iam::000000000000:role/team/agents/orders'
    expect(planned(changed({ grant: { roleArn: partition } })).plan.target).to.equal(partition)
    const { actions, resources: of, maxTtlSeconds, labels, dataClasses } = ORDERS
    const jwt: JwtGrant = {
      ...{ type: 'jwt', name: 'orders-api', provider: 'tokens', audience: 'https://orders.test', algorithm: 'EdDSA' },
      ...{ actions, resources: of, maxTtlSeconds, labels, dataClasses },
    }
    expect(refusal({ ...orderOf(NOW), grant: jwt })).to.match(/not a grant of AWS/)
  })

  it('refuses a name that STS would not take, or a deny policy would read as a pattern', () => {
    for (const credential of ['', 'a', 'crd_*', 'crd_?', 'crd_a b', 'crd_a:b', 'a'.repeat(65)])
      expect(refusal({ ...orderOf(NOW), credential: credential as CredentialId }), credential).to.be.a('string')
  })

  describe('sizes of the session policy', () => {
    const arn = (length: number, at: number): string =>
      'arn:aws:s3:::orders/'.padEnd(length - 3, 'x') + String(at).padStart(3, '0')
    const actions = ['s3:GetObject', 's3:PutObject', 's3:DeleteObject', 's3:GetObjectTagging', 's3:ListBucket']
    const sized = (count: number, length: number, these = actions) =>
      changed({
        access: { actions: these, resources: Array.from({ length: count }, (_, at) => arn(length, at)) },
        grant: { actions },
      })

    const sizes: readonly (readonly [number, number, number])[] = [
      // actions, ARNs of 57 characters, characters
      [1, 1, 411],
      [5, 1, 482],
      [5, 25, 1_922],
      [5, 27, 2_042],
    ]
    for (const [count, arns, length] of sizes) {
      it(`${count} actions and ${arns} ARNs of 57 characters come to ${length}`, () => {
        expect(planned(sized(arns, 57, actions.slice(0, count))).request.policy).to.have.length(length)
      })
    }

    it('takes 2,048 characters and not one more', () => {
      const filled = (length: number): UpstreamOrder => {
        const order = sized(27, 57)
        const more = { ...order.access, resources: order.access.resources.with(0, arn(57 + length - 2_042, 0)) }
        return { ...order, access: more }
      }
      expect(planned(filled(2_048)).request.policy).to.have.length(2_048)
      expect(refusal(filled(2_049))).to.match(/2049 characters, and AWS takes 2048/)
    })

    it('never drops a statement, however close it comes', () => {
      const counts = fc.record({ arns: fc.integer({ min: 1, max: 40 }), length: fc.integer({ min: 30, max: 200 }) })
      fc.assert(
        fc.property(counts, ({ arns, length }) => {
          const plan = planSession(sized(arns, length))
          if (!plan.ok) return
          const { Statement } = JSON.parse(plan.value.request.policy)
          expect(plan.value.request.policy.length).to.be.at.most(2_048)
          expect(Statement).to.have.length(3)
          expect(Statement[0].Resource).to.have.length(arns)
          expect(Statement[1].Condition.DateGreaterThanEquals).to.have.keys('aws:CurrentTime')
        }),
      )
    })
  })
})

describe('session tags', () => {
  it('say lease, task and agent in the letters that STS takes', () => {
    const lease = { ...orderOf(NOW).lease, task: 'run "1"\n<x>', agent: 'team/bot@prod' }
    expect(sessionTags(lease)).to.deep.equal([
      { Key: 'lease', Value: lease.id },
      { Key: 'task', Value: 'run _1___x_' },
      { Key: 'agent', Value: 'team/bot@prod' },
    ])
  })

  it('are never refused by STS, whatever a task is called', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 600 }), (task) => {
        for (const { Value } of sessionTags({ ...orderOf(NOW).lease, task })) {
          expect(Value).to.match(/^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u)
          expect(Array.from(Value).length).to.be.at.most(256)
        }
      }),
    )
  })
})
