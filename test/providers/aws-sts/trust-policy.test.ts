import { expect } from 'chai'
import { ORDERS } from './support/orders.ts'
import { checkTrust } from '../../../src/providers/aws-sts/check/check-trust.ts'

const USER = { arn: 'arn:aws:iam::123456789012:user/mayfly-broker', account: '123456789012' }
const SESSION = { arn: 'arn:aws:sts::123456789012:assumed-role/mayfly/i-0abc', account: '123456789012' }
const ALL = ['sts:AssumeRole', 'sts:TagSession', 'sts:SetSourceIdentity']

type Statement = Readonly<Record<string, unknown>>

const allow = (over: Statement = {}): Statement => ({
  Effect: 'Allow',
  Principal: { AWS: USER.arn },
  Action: ALL,
  ...over,
})
const when = (Condition: unknown, over: Statement = {}): Statement => allow({ Condition, ...over })

/** The actions that a trust policy refuses the broker. */
function refused(
  statements: Statement | readonly Statement[],
  { caller = USER, grant = ORDERS }: { readonly caller?: typeof USER; readonly grant?: typeof ORDERS } = {},
): readonly string[] {
  const findings = checkTrust({ Version: '2012-10-17', Statement: statements }, grant, caller)
  return ALL.filter((_, at) => findings[at]?.ok === false)
}

describe('reading a trust policy as IAM does', () => {
  const taken: readonly (readonly [string, Statement | readonly Statement[]])[] = [
    ['the broker by name', [allow()]],
    ['one statement without its list', allow()],
    ['one action each', ALL.map((Action) => allow({ Action }))],
    ['actions by a pattern, in any case', [allow({ Action: 'STS:*' })]],
    ['the account', [allow({ Principal: { AWS: '123456789012' } })]],
    ["the account's root", [allow({ Principal: { AWS: 'arn:aws:iam::123456789012:root' } })]],
    ['anybody', [allow({ Principal: '*' })]],
    ['anybody of AWS', [allow({ Principal: { AWS: ['arn:aws:iam::999999999999:root', '*'] } })]],
    ['sessions of its name', [when({ StringLike: { 'sts:RoleSessionName': ['x', 'crd_*'] } })]],
    ['its source identity', [when({ StringLike: { 'sts:SourceIdentity': 'crd_??????????????????????????' } })]],
    [
      'its tags and no others',
      [when({ 'ForAllValues:StringEquals': { 'aws:TagKeys': ['agent', 'lease', 'task', 'x'] } })],
    ],
    [
      'tags that have to be there',
      [when({ Null: { 'aws:RequestTag/lease': 'false', 'aws:RequestTag/task': 'false' } })],
    ],
    ['any agent', [when({ StringLike: { 'aws:RequestTag/agent': '*' } })]],
    ['transitive tags', [when({ 'ForAnyValue:StringEquals': { 'sts:TransitiveTagKeys': 'lease' } })]],
    ['no external id', [when({ Null: { 'sts:ExternalId': 'true' } })]],
    ['an external id only where there is one', [when({ StringEqualsIfExists: { 'sts:ExternalId': 'x' } })]],
    ['everybody but others', [when({ StringNotEquals: { 'aws:PrincipalAccount': '999999999999' } })]],
    ['its own ARN', [when({ ArnLike: { 'aws:PrincipalArn': 'arn:aws:iam::*:user/mayfly-*' } })]],
    ['a deny of others', [allow(), allow({ Effect: 'Deny', Principal: { AWS: 'arn:aws:iam::123456789012:user/x' } })]],
    [
      'a deny of other names',
      [allow(), when({ StringNotLike: { 'sts:RoleSessionName': 'crd_*' } }, { Effect: 'Deny' })],
    ],
    // What cannot be known beforehand is not called a fault.
    ['a condition on the address', [when({ IpAddress: { 'aws:SourceIp': '192.0.2.0/24' } })]],
    ['a condition on one agent', [when({ StringEquals: { 'aws:RequestTag/agent': 'support-bot' } })]],
    ['an operator of the future', [when({ StringSounds: { 'sts:RoleSessionName': 'x' } })]],
  ]
  for (const [what, statements] of taken) {
    it(`takes ${what}`, () => {
      expect(refused(statements)).to.deep.equal([])
    })
  }

  const no: readonly (readonly [string, Statement | readonly Statement[], readonly string[]])[] = [
    ['nobody', [], ALL],
    ['somebody else', [allow({ Principal: { AWS: `${USER.arn}-2` } })], ALL],
    ['a service', [allow({ Principal: { Service: 'ec2.amazonaws.com' } })], ALL],
    ['another account', [allow({ Principal: { AWS: 'arn:aws:iam::999999999999:root' } })], ALL],
    ['the broker without tags', [allow({ Action: ['sts:AssumeRole', 'sts:SetSourceIdentity'] })], ['sts:TagSession']],
    ['the broker without source identity', [allow({ Action: ALL.slice(0, 2) })], ['sts:SetSourceIdentity']],
    ['the broker alone', [allow({ Action: 'sts:AssumeRole' })], ALL.slice(1)],
    ['sessions of another name', [when({ StringLike: { 'sts:RoleSessionName': 'session-*' } })], ALL],
    ['names in another case', [when({ StringLike: { 'sts:RoleSessionName': 'CRD_*' } })], ALL],
    ['a name that is no pattern', [when({ StringEquals: { 'sts:RoleSessionName': 'crd_*' } })], ALL],
    ['an external id that it lacks', [when({ StringEquals: { 'sts:ExternalId': 'x' } })], ALL],
    ['fewer tags', [when({ 'ForAllValues:StringEquals': { 'aws:TagKeys': ['lease', 'task'] } })], ALL],
    [
      'one of two conditions',
      [when({ StringLike: { 'sts:RoleSessionName': 'crd_*', 'sts:SourceIdentity': 'x' } })],
      ALL,
    ],
    ['whom it denies', [allow(), allow({ Effect: 'Deny', Action: 'sts:Tag*', Principal: '*' })], ['sts:TagSession']],
    ['tags that it denies', [allow(), when({ Null: { 'aws:TagKeys': 'false' } }, { Effect: 'Deny' })], ALL],
  ]
  for (const [what, statements, actions] of no) {
    it(`finds ${actions.join(', ')} refused by one for ${what}`, () => {
      expect(refused(statements)).to.deep.equal(actions)
    })
  }

  it('compares the external id of the grant', () => {
    const external = [when({ StringEquals: { 'sts:ExternalId': 'partner-7' } })]
    expect(refused(external, { grant: { ...ORDERS, externalId: 'partner-7' } })).to.deep.equal([])
    expect(refused(external, { grant: { ...ORDERS, externalId: 'partner-8' } })).to.deep.equal(ALL)
  })

  it('knows a broker that is itself a role, by its role or by its session', () => {
    for (const name of [
      'arn:aws:iam::123456789012:role/mayfly',
      'arn:aws:iam::123456789012:role/a/b/mayfly',
      SESSION.arn,
    ])
      expect(refused([allow({ Principal: { AWS: name } })], { caller: SESSION }), name).to.deep.equal([])
    for (const name of ['arn:aws:iam::123456789012:role/not-mayfly', 'arn:aws:iam::999999999999:role/mayfly', USER.arn])
      expect(refused([allow({ Principal: { AWS: name } })], { caller: SESSION }), name).to.deep.equal(ALL)
  })

  it('takes nothing from what is no policy', () => {
    for (const policy of [null, 'x', [], {}, { Statement: 'x' }, { Statement: [null, 1, { Effect: 'Allow' }] }])
      expect(checkTrust(policy, ORDERS, USER).every(({ ok }) => !ok)).to.be.true
  })
})
