import { expect } from 'chai'
import fc from 'fast-check'
import type { CutOff, UpstreamMinted } from '../../../src/broker/provider-port.ts'
import { cutOffPolicy } from '../../../src/providers/aws-sts/cut-off.ts'
import { sessionPolicy } from '../../../src/providers/aws-sts/session-policy.ts'
import type { SeenRequest } from '../../support/backends/fault-proxy.ts'
import { ministackOfSuite } from '../../support/backends/ministack.ts'
import { skipBecause } from '../../support/skip-because.ts'
import { ROLE_ARN } from './support/aws-account.ts'
import { startAwsWorld, type AwsWorld, type AwsWorldOptions } from './support/aws-world.ts'
import { ALLOW_ALL, evaluate } from './support/evaluate.ts'
import { keyOf, ORDERS, orderOf } from './support/orders.ts'

const CUT_OFF = 'MayflyCutOff'
const EARLY = { ...ORDERS, earlyRevocation: true }
const OWN = "The broker's own AWS credentials work on: replace them if anybody else may have them"
const puts = ({ body }: SeenRequest): boolean => body.includes('Action=PutRolePolicy&')

describe('cutting off the older sessions of AWS roles', () => {
  const ministack = ministackOfSuite()

  /** Whose waits cost no time, and are remembered. */
  async function start(options: AwsWorldOptions = {}): Promise<AwsWorld & { readonly paused: readonly number[] }> {
    const paused: number[] = []
    const pause = (ms: number): Promise<void> => Promise.resolve(void paused.push(ms))
    return Object.assign(await startAwsWorld(ministack(), { pause, ...options }), { paused })
  }
  const cutOff = ({ provider }: AwsWorld, before: number): Promise<CutOff> => {
    if (!provider.cutOff) throw new Error('The provider cannot cut off')
    return provider.cutOff(before, AbortSignal.timeout(9_000))
  }
  const cutIn = (policy: string | undefined): number =>
    Date.parse(JSON.parse(policy ?? '').Statement[0].Condition.DateLessThan['aws:TokenIssueTime'])

  it('writes one policy on each role that it may write to, and reads it back', async () => {
    await using world = await start({ grants: [EARLY, { ...EARLY, name: 'orders-too' }] })
    const before = world.clock() - 60_000
    const { ended, remains } = await cutOff(world, before)
    const policy = await world.account.rolePolicy(CUT_OFF)
    expect(policy).to.equal(cutOffPolicy(cutIn(policy)))
    expect(cutIn(policy) - before, 'rounded up, whatever part of a second the clocks differ by').to.be.within(1, 4_000)
    expect(ended).to.deep.equal([
      `Sessions of ${ROLE_ARN} that were opened before ${new Date(cutIn(policy)).toISOString()} are denied everything`,
    ])
    expect(remains).to.deep.equal([OWN])
    expect(world.faults.exchanges.filter(({ request }) => puts(request))).to.have.length(1)
    expect(world.paused, 'that moment is long over').to.deep.equal([])
  })

  it('ends every session that was opened before, whoever knows of it, and none that is opened afterwards', async () => {
    // Waits as it is asked to: the emulator goes by its own clock.
    await using world = await startAwsWorld(ministack(), { grants: [EARLY] })
    const open = async () => {
      const order = orderOf(world.clock(), { grant: EARLY })
      const plan = world.provider.plan(order)
      if (!plan.ok) throw new Error(plan.error.detail)
      return world.provider.mint(order, plan.value, () => Promise.resolve(), AbortSignal.timeout(5_000))
    }
    const reads = async (minted: UpstreamMinted): Promise<number> =>
      (await ministack().s3(keyOf(minted), 'GET', '/orders/1234/note.txt')).status
    const [one, other] = [await open(), await open()]
    expect([await reads(one), await reads(other)]).to.deep.equal([200, 200])
    await cutOff(world, world.clock())
    const after = await open()
    expect([await reads(one), await reads(other), await reads(after)]).to.deep.equal([403, 403, 200])
  })

  it('waits until AWS has left the second behind, so that no session of after it is cut off', async () => {
    await using world = await start({ grants: [EARLY] })
    await cutOff(world, world.clock())
    expect(world.paused).to.have.length(1)
    expect(world.paused[0]).to.be.within(1_000, 5_000)
  })

  it('goes by the clock of AWS', async function () {
    if (!ministack().movable)
      skipBecause(this, 'libfaketime is not installed: the clock of the emulator cannot be moved')
    await using world = await start({ grants: [EARLY] })
    await ministack().setAhead(120_000)
    const before = world.clock() - 60_000
    await cutOff(world, before)
    expect(cutIn(await world.account.rolePolicy(CUT_OFF)) - before).to.be.within(119_000, 124_000)
  })

  it('may be repeated, and done again later', async () => {
    await using world = await start({ grants: [EARLY] })
    const before = world.clock() - 60_000
    await cutOff(world, before)
    const first = cutIn(await world.account.rolePolicy(CUT_OFF))
    await cutOff(world, before)
    expect(cutIn(await world.account.rolePolicy(CUT_OFF)) - first).to.be.within(-1_000, 1_000)
    await cutOff(world, before + 30_000)
    expect(cutIn(await world.account.rolePolicy(CUT_OFF)) - first).to.be.within(29_000, 31_000)
  })

  it('leaves the policy of ended sessions as it is', async () => {
    await using world = await start({ grants: [EARLY] })
    await world.account.putRolePolicy('MayflyEndedSessions', ALLOW_ALL)
    await cutOff(world, world.clock() - 60_000)
    expect(await world.account.rolePolicy('MayflyEndedSessions')).to.equal(ALLOW_ALL)
  })

  it('says until when sessions work on that it cannot cut off, and touches nothing of theirs', async () => {
    const foreign = 'arn:aws:iam::111111111111:role/agent-orders'
    await using world = await start({
      grants: [
        { ...ORDERS, earlyRevocation: false, maxTtlSeconds: 900 },
        { ...ORDERS, name: 'longer', earlyRevocation: false, maxTtlSeconds: 3600 },
        { ...EARLY, name: 'elsewhere', roleArn: foreign, maxTtlSeconds: 600 },
      ],
    })
    const before = world.clock()
    const state = await world.account.state()
    const { ended, remains } = await cutOff(world, before)
    expect(ended).to.deep.equal([])
    const until = (seconds: number): string => new Date(before + seconds * 1000).toISOString()
    const tail = 'no grant of it allows early revocation, or it is in another account'
    expect(remains).to.deep.equal([
      `Sessions of ${ROLE_ARN} work on until their deadline, at the latest at ${until(3600)}: ${tail}`,
      `Sessions of ${foreign} work on until their deadline, at the latest at ${until(600)}: ${tail}`,
      OWN,
    ])
    expect(await world.account.state()).to.equal(state)
  })

  it('fails where the broker may not write it, and says of which role and how', async () => {
    await using world = await start({ grants: [EARLY] })
    await world.account.allowBroker(['broker-policy'])
    const failure: unknown = await cutOff(world, world.clock()).catch((error: unknown) => error)
    expect(failure).to.be.instanceOf(Error)
    expect(String(failure)).to.include(`${ROLE_ARN}: iam:PutRolePolicy: AccessDenied`)
    expect(await world.account.rolePolicy(CUT_OFF)).to.equal(undefined)
  })

  it('fails where nobody answers, and is done where the role is gone', async () => {
    await using world = await start({ grants: [EARLY] })
    {
      using _ = world.faults.inject({ kind: 'cut-request' }, puts)
      expect(await cutOff(world, world.clock()).catch(() => 'failed')).to.equal('failed')
    }
    await using other = await start({ grants: [{ ...EARLY, roleArn: ROLE_ARN.replace('orders', 'gone') }] })
    expect((await cutOff(other, other.clock() - 60_000)).ended).to.have.length(1)
  })

  it('has nothing to say where no grant names it', async () => {
    await using world = await start({ grants: [] })
    expect(await cutOff(world, world.clock())).to.deep.equal({ ended: [], remains: [] })
    expect(world.faults.exchanges).to.have.length(0)
  })
})

describe('the policy that cuts off', () => {
  const CUT = Date.parse('2027-03-01T12:00:02Z')
  const ORDER = { action: 's3:GetObject', resource: 'arn:aws:s3:::orders/1234/note.txt' }

  const allowed = (issuedAt: number, rolePolicies: readonly string[]): Promise<boolean> =>
    evaluate({
      ...ORDER,
      handle: 'crd_01hqzv0000000000000000000a',
      at: CUT + 60_000,
      issuedAt,
      sessionPolicy: sessionPolicy({
        actions: [ORDER.action],
        resources: ['arn:aws:s3:::orders/1234/*'],
        deadline: CUT + 900_000,
      }),
      rolePolicies: [ALLOW_ALL, ...rolePolicies],
    })

  it('denies exactly the sessions that were opened before, by an evaluator of IAM', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: -800, max: 60 }), async (seconds) => {
        expect(await allowed(CUT + seconds * 1000, [cutOffPolicy(CUT)])).to.equal(seconds >= 0)
      }),
      { numRuns: 200 },
    )
  })

  it('is what denies them (a control)', async () => {
    expect(await allowed(CUT - 60_000, [])).to.equal(true)
  })
})
