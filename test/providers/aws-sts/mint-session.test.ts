import { inspect } from 'node:util'
import { expect } from 'chai'
import type { UpstreamMinted, UpstreamOrder } from '../../../src/broker/provider-port.ts'
import type { JsonObject } from '../../../src/core/json.ts'
import { denyPolicy } from '../../../src/providers/aws-sts/deny-policy.ts'
import { ACCOUNT, ministackOfSuite, type Ministack } from '../../support/backends/ministack.ts'
import type { AccessKey } from '../../support/backends/signed-request.ts'
import { skipBecause } from '../../support/skip-because.ts'
import { call, keyIn, ROLE, ROLE_ARN, shipped } from './support/aws-account.ts'
import { startAwsWorld, type AwsWorld } from './support/aws-world.ts'
import { keyOf, ORDERS, orderOf } from './support/orders.ts'

const assumes = ({ body }: { readonly body: string }) => body.includes('Action=AssumeRole&')

async function mint(
  { provider }: AwsWorld,
  order: UpstreamOrder,
  recorded: JsonObject[] = [],
): Promise<UpstreamMinted> {
  const plan = provider.plan(order)
  if (!plan.ok) throw new Error(plan.error.detail)
  const record = (needed: JsonObject): Promise<void> => Promise.resolve(void recorded.push(needed))
  return await provider.mint(order, plan.value, record, AbortSignal.timeout(5_000))
}

const failureOf = (minting: Promise<unknown>): Promise<string> =>
  minting.then(
    () => expect.fail('it was minted'),
    (error: unknown) => inspect(error, { depth: 12, showHidden: true }),
  )

describe('minting a session of AWS', () => {
  const ministack = ministackOfSuite()

  it('asks STS for exactly what was planned, under one name', async () => {
    await using world = await startAwsWorld(ministack())
    const order = orderOf(world.clock(), { grant: { ...ORDERS, externalId: 'partner-7' } })
    await mint(world, order)
    const sent = Object.fromEntries(
      new URLSearchParams(world.faults.exchanges.find(({ request }) => assumes(request))?.request.body),
    )
    const { Policy, ...rest } = sent
    expect(rest).to.deep.equal({
      Action: 'AssumeRole',
      Version: '2011-06-15',
      RoleArn: ROLE_ARN,
      RoleSessionName: order.credential,
      SourceIdentity: order.credential,
      ExternalId: 'partner-7',
      DurationSeconds: '900',
      'Tags.member.1.Key': 'lease',
      'Tags.member.1.Value': order.lease.id,
      'Tags.member.2.Key': 'task',
      'Tags.member.2.Value': 'run-1',
      'Tags.member.3.Key': 'agent',
      'Tags.member.3.Value': 'support-bot',
      'TransitiveTagKeys.member.1': 'lease',
      'TransitiveTagKeys.member.2': 'task',
      'TransitiveTagKeys.member.3': 'agent',
    })
    const deadline = new Date(order.lease.expiresAt).toISOString().replace(/\.\d+/, '')
    expect(Policy).to.include(`{"DateGreaterThanEquals":{"aws:CurrentTime":"${deadline}"}}`)
  })

  it("promises the lease's deadline, says when STS ends it, and tells SDKs the promise", async () => {
    await using world = await startAwsWorld(ministack())
    const order = orderOf(world.clock())
    const minted = await mint(world, order)
    const deadline = Math.floor(order.lease.expiresAt / 1000) * 1000
    expect(minted.expiresAt).to.equal(deadline)
    expect(minted.hardExpiresAt).to.be.within(order.now + 898_000, order.now + 905_000)
    expect(keyOf(minted)).to.have.keys('AccessKeyId', 'SecretAccessKey', 'SessionToken', 'Expiration')
    expect(keyOf(minted).Expiration).to.equal(new Date(deadline).toISOString())
  })

  it('records that it can be taken back early, before anything exists, and nothing where it cannot', async () => {
    await using world = await startAwsWorld(ministack())
    const recorded: JsonObject[] = []
    const order = orderOf(world.clock())
    const { expiresAt } = await mint(world, order, recorded)
    expect(recorded).to.deep.equal([{ early_revocation: true, deadline: expiresAt }])
    await mint(world, orderOf(world.clock(), { grant: { ...ORDERS, earlyRevocation: false } }), recorded)
    expect(recorded).to.have.length(1)
  })

  it('cannot be used from its deadline on, although STS would let it live on', async function () {
    if (!ministack().movable) skipBecause(this, 'libfaketime is not installed: run scripts/backends install faketime')
    await using world = await startAwsWorld(ministack())
    const order = orderOf(world.clock())
    const key = keyOf(await mint(world, order))
    const reads = async (): Promise<number> => (await ministack().s3(key, 'GET', '/orders/1234/note.txt')).status
    const at = async (ms: number): Promise<number> => {
      await world.pass(order.lease.expiresAt + ms - world.clock())
      return await reads()
    }
    expect(await reads()).to.equal(200)
    expect(await at(-5_000), 'five seconds before').to.equal(200)
    expect(await at(0), 'at the deadline').to.equal(403)
    expect(await at(10_000), 'ten seconds after').to.equal(403)
    const denied = await (await ministack().s3(key, 'GET', '/orders/1234/note.txt')).text()
    expect(denied, 'it is the policy that ends it, not STS').to.match(/AccessDenied.*explicit deny/s)
    await world.pass(850_000)
    const ended = await (await ministack().s3(key, 'GET', '/orders/1234/note.txt')).text()
    expect(ended, 'and then STS').to.match(/ExpiredToken/)
  })

  it('is never the whole role: the role may write, and a session that was granted a read may not', async () => {
    await using world = await startAwsWorld(ministack())
    const reading = keyOf(await mint(world, orderOf(world.clock())))
    const writing = orderOf(world.clock())
    const both = { ...writing, access: { ...writing.access, actions: ['s3:GetObject', 's3:PutObject'] } }
    const write = async (key: Parameters<Ministack['s3']>[0]): Promise<number> =>
      (await ministack().s3(key, 'PUT', '/orders/1234/note.txt', 'changed')).status
    expect(await write(reading)).to.equal(403)
    expect(await write(keyOf(await mint(world, both))), 'a control').to.equal(200)
  })

  it('cannot edit the policy that ends it, even where its role may and the grant says so', async () => {
    await using world = await startAwsWorld(ministack())
    const role = (await shipped('role-policy')).replace('"s3:GetObject"', '"s3:GetObject", "iam:*"')
    await world.account.putRolePolicy('orders', role.replace('arn:aws:s3:::orders/*', '*'))
    await world.account.putRolePolicy('MayflyEndedSessions', denyPolicy(['crd_ended']))
    const edit = (key: AccessKey): Promise<Response> =>
      call(ministack(), key, 'iam', { Action: 'DeleteRolePolicy', RoleName: ROLE, PolicyName: 'MayflyEndedSessions' })

    const order = orderOf(world.clock())
    const grant = { ...ORDERS, actions: [...ORDERS.actions, 'iam:DeleteRolePolicy'] }
    const asked = { ...order, grant, access: { ...order.access, actions: ['iam:DeleteRolePolicy'] } }
    expect(world.provider.plan(asked).ok).to.be.false
    expect((await edit(keyOf(await mint(world, order)))).status).to.equal(403)
    expect(await world.account.rolePolicy('MayflyEndedSessions')).to.equal(denyPolicy(['crd_ended']))

    const bare = { Action: 'AssumeRole', RoleArn: ROLE_ARN, RoleSessionName: 'crd_control' }
    const answer = await (await call(ministack(), world.account.brokerKey, 'sts', bare)).text()
    expect((await edit(keyIn(answer))).status, 'a control: a session without a session policy').to.equal(200)
  })

  it('does not send an order that is not its plan', async () => {
    await using world = await startAwsWorld(ministack())
    const [order, other] = [orderOf(world.clock()), orderOf(world.clock())]
    const plan = world.provider.plan(other)
    if (!plan.ok) return expect.fail(plan.error.detail)
    const minting = world.provider.mint(order, plan.value, () => Promise.resolve(), AbortSignal.timeout(5_000))
    expect(await failureOf(minting)).to.include('not of this order')
    expect(world.faults.exchanges).to.deep.equal([])
  })

  describe('fails where what comes back', () => {
    const SECRET = 'wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY99'
    const TOKEN = 'FwoGZXIvYXdzEXAMPLETOKEN0123456789'
    interface Answered {
      readonly expiration?: string
      readonly arn?: string
      readonly source?: string
      readonly packed?: number
      readonly secret?: string
    }
    const answer = (handle: string, now: number, over: Answered): string => {
      const expiration = over.expiration ?? new Date(now + 900_000).toISOString()
      const arn = over.arn ?? `arn:aws:sts::${ACCOUNT}:assumed-role/${ROLE}/${handle}`
      return `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials><AccessKeyId>ASIAEXAMPLE0EXAMPLE0</AccessKeyId>${over.secret ?? `<SecretAccessKey>${SECRET}</SecretAccessKey>`}<SessionToken>${TOKEN}</SessionToken><Expiration>${expiration}</Expiration></Credentials><AssumedRoleUser><AssumedRoleId>AROAEXAMPLE:${handle}</AssumedRoleId><Arn>${arn}</Arn></AssumedRoleUser><SourceIdentity>${over.source ?? handle}</SourceIdentity><PackedPolicySize>${over.packed ?? 12}</PackedPolicySize></AssumeRoleResult></AssumeRoleResponse>`
    }
    async function minted(world: AwsWorld, over: (order: UpstreamOrder) => Answered): Promise<UpstreamMinted> {
      const order = orderOf(world.clock())
      const body = answer(order.credential, order.now, over(order))
      using _ = world.faults.inject({ kind: 'answer', status: 200, body }, assumes)
      return await mint(world, order)
    }

    let world: AwsWorld
    before(async () => {
      world = await startAwsWorld(ministack())
    })
    after(() => world[Symbol.asyncDispose]())

    const wrong: readonly (readonly [string, (order: UpstreamOrder) => Answered])[] = [
      ['ends later than planned', ({ now }) => ({ expiration: new Date(now + 961_000).toISOString() })],
      ['never ends', () => ({ expiration: '' })],
      ['ends at no time', () => ({ expiration: 'soon' })],
      ['is of another role', ({ credential }) => ({ arn: `arn:aws:sts::${ACCOUNT}:assumed-role/admin/${credential}` })],
      [
        'is of another account',
        ({ credential }) => ({ arn: `arn:aws:sts::999999999999:assumed-role/${ROLE}/${credential}` }),
      ],
      ['has another name', () => ({ arn: `arn:aws:sts::${ACCOUNT}:assumed-role/${ROLE}/crd_other` })],
      ['has another source identity', () => ({ source: 'crd_other' })],
      ['is larger than it may be', () => ({ packed: 101 })],
      ['has no secret', () => ({ secret: '' })],
      ['has an empty secret', () => ({ secret: '<SecretAccessKey></SecretAccessKey>' })],
    ]
    for (const [what, over] of wrong) {
      it(what, async () => {
        const failure = await failureOf(minted(world, over))
        expect(failure).to.not.include(SECRET).and.not.include(TOKEN)
        expect(failure).to.match(/STS answered|sts:AssumeRole/)
      })
    }

    it('and not where it is right: a control', async () => {
      const right = await minted(world, () => ({}))
      expect(keyOf(right).SecretAccessKey).to.equal(SECRET)
      expect(world.reports).to.deep.equal([])
    })

    it('but promises no more than STS does, where STS ends it before the deadline', async () => {
      const short = await minted(world, ({ now }) => ({ expiration: new Date(now + 30_000).toISOString() }))
      expect(short.expiresAt).to.equal(short.hardExpiresAt)
      expect(keyOf(short).Expiration).to.equal(new Date(short.hardExpiresAt).toISOString())
    })

    it('but reports a policy that nearly fills what STS takes', async () => {
      await minted(world, () => ({ packed: 80 }))
      expect(world.reports).to.deep.equal([])
      await minted(world, () => ({ packed: 81 }))
      expect(world.reports).to.have.length(1)
      expect(world.reports[0]).to.include({ check: 'packed-policy-size', ok: false })
      expect(world.reports[0]?.detail).to.include('81 %').and.include(ORDERS.name)
    })

    it('is an error that quotes the request, without quoting it again', async () => {
      const quoting = `<ErrorResponse><Error><Type>Sender</Type><Code>SignatureDoesNotMatch</Code><Message>The Canonical String should have been: x-amz-security-token:${TOKEN} ${SECRET}</Message></Error></ErrorResponse>`
      using _ = world.faults.inject({ kind: 'answer', status: 403, body: quoting }, assumes)
      const failure = await failureOf(mint(world, orderOf(world.clock())))
      expect(failure).to.include('SignatureDoesNotMatch').and.not.include(TOKEN).and.not.include(SECRET)
    })

    it('is an error whose code is a secret, without saying it', async () => {
      for (const code of [SECRET, TOKEN, `AKIA${'0'.repeat(16)}`]) {
        const body = `<ErrorResponse><Error><Code>${code}</Code><Message>no</Message></Error></ErrorResponse>`
        using _ = world.faults.inject({ kind: 'answer', status: 400, body }, assumes)
        expect(await failureOf(mint(world, orderOf(world.clock())))).to.not.include(code)
      }
    })

    it('is a refusal, and says which', async () => {
      await world.account.trustPolicy((await shipped('role-trust-policy')).replace('crd_*', 'session-*'))
      const failure = await failureOf(mint(world, orderOf(world.clock())))
      expect(failure).to.match(/sts:AssumeRole: AccessDenied \(HTTP 403/)
    })
  })
})
