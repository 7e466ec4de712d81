import { expect } from 'chai'
import type { RevokeAnswer, UpstreamMinted, UpstreamOrder } from '../../../src/broker/provider-port.ts'
import type { CredentialId } from '../../../src/core/id.ts'
import type { JsonObject } from '../../../src/core/json.ts'
import { denyPolicy, MAX_INLINE_POLICY } from '../../../src/providers/aws-sts/deny-policy.ts'
import type { SeenRequest } from '../../support/backends/fault-proxy.ts'
import { ministackOfSuite } from '../../support/backends/ministack.ts'
import { until } from '../../support/until.ts'
import { ROLE, ROLE_ARN, shipped } from './support/aws-account.ts'
import { startAwsWorld, type AwsWorld, type AwsWorldOptions } from './support/aws-world.ts'
import { keyOf, ORDERS, orderOf } from './support/orders.ts'

const asks = (action: string) => (request: SeenRequest) => request.body.includes(`Action=${action}&`)
const [puts, gets] = [asks('PutRolePolicy'), asks('GetRolePolicy')]

interface Minted {
  readonly order: UpstreamOrder
  readonly recorded: JsonObject | null
  readonly minted: UpstreamMinted
}

/** A world whose waits cost no time, and are remembered. */
interface Fast extends AwsWorld {
  readonly paused: readonly number[]
}

describe('taking a session of AWS back before its deadline', () => {
  const ministack = ministackOfSuite()

  async function start(options: AwsWorldOptions = {}): Promise<Fast> {
    const paused: number[] = []
    const pause = async (ms: number): Promise<void> => {
      paused.push(ms)
      await world.pass(ms)
    }
    const world = await startAwsWorld(ministack(), { pause, ...options })
    return Object.assign(world, { paused })
  }

  async function mint({ provider, clock, grants }: AwsWorld): Promise<Minted> {
    const order = orderOf(clock(), { grant: grants[0] ?? ORDERS })
    const plan = provider.plan(order)
    if (!plan.ok) throw new Error(plan.error.detail)
    let recorded: JsonObject | null = null
    const record = (needed: JsonObject): Promise<void> => Promise.resolve(void (recorded = needed))
    const minted = await provider.mint(order, plan.value, record, AbortSignal.timeout(5_000))
    return { order, recorded, minted }
  }

  const revoke = (
    { provider, clock }: AwsWorld,
    handle: string,
    over: { readonly recorded?: JsonObject | null; readonly target?: string; readonly ageMs?: number } = {},
  ): Promise<RevokeAnswer> =>
    provider.revoke(
      {
        handle,
        target: over.target ?? ROLE_ARN,
        grant: ORDERS.name,
        recorded: over.recorded ?? null,
        issuedAt: clock() - (over.ageMs ?? 1_000),
        notAfter: clock() + 900_000,
      },
      AbortSignal.timeout(9_000),
    )

  const reads = async ({ minted }: Minted): Promise<number> =>
    (await ministack().s3(keyOf(minted), 'GET', '/orders/1234/note.txt')).status
  const written = ({ faults }: AwsWorld): readonly string[] =>
    faults.exchanges.filter(({ request }) => puts(request)).map(({ request }) => policyIn(request))
  const inForce = async ({ account }: AwsWorld): Promise<string | undefined> =>
    await account.rolePolicy('MayflyEndedSessions')

  it('ends one session and leaves the one beside it', async () => {
    await using world = await start()
    const [ending, staying] = [await mint(world), await mint(world)]
    expect([await reads(ending), await reads(staying)]).to.deep.equal([200, 200])
    const before = world.clock()
    const answer = await revoke(world, ending.order.credential)
    expect([await reads(ending), await reads(staying)]).to.deep.equal([403, 200])
    expect(answer.class).to.equal('revoked')
    expect(answer.class === 'revoked' && answer.effectiveAfter).to.be.within(before + 30_000, world.clock() + 30_000)
    expect(await inForce(world)).to.equal(denyPolicy([ending.order.credential]))
  })

  it('is one write for all who end together', async () => {
    await using world = await start()
    const answers = await Promise.all(handles(40).map((handle) => revoke(world, handle)))
    expect(answers.map(({ class: said }) => said)).to.deep.equal(Array(40).fill('revoked'))
    expect(written(world)).to.have.length(1)
  })

  it('is one write for all who have ended in the ledger, however they are asked for', async () => {
    await using world = await start()
    const all = handles(30)
    world.ended.push(...all.map((handle) => ({ handle, notAfter: world.clock() + 900_000 })))
    for (const handle of all) expect((await revoke(world, handle)).class).to.equal('revoked')
    expect(written(world)).to.deep.equal([denyPolicy(all)])
  })

  it('is part of the next write where one is on its way', async () => {
    await using world = await start()
    const [first, second, third] = handles(3)
    using _ = world.faults.inject({ kind: 'delay', ms: 200 }, puts)
    const early = revoke(world, first)
    await until('the first write is on its way', () => written(world).length === 1)
    const late = [revoke(world, second), revoke(world, third)]
    await Promise.all([early, ...late])
    expect(written(world)).to.deep.equal([denyPolicy([first]), denyPolicy([first, second, third])])
  })

  it('writes at most once in two seconds', async () => {
    await using world = await start()
    for (const handle of handles(4)) await revoke(world, handle)
    expect(written(world)).to.have.length(4)
    expect(world.paused).to.have.length(3)
    for (const ms of world.paused) expect(ms).to.be.within(1_500, 2_000)
  })

  it('does not write more often when writing fails', async () => {
    await using world = await start()
    using _ = world.faults.inject({ kind: 'answer', ...errorOf('Throttling') }, puts)
    for (const handle of handles(3)) expect((await revoke(world, handle)).class).to.equal('throttled')
    expect(written(world), 'one try each').to.have.length(3)
    expect(world.paused).to.have.length(2)
  })

  it('denies nobody who has ended by himself', async () => {
    await using world = await start()
    const [over, ending] = handles(2)
    world.ended.push({ handle: over, notAfter: world.clock() })
    await revoke(world, ending)
    expect(await inForce(world)).to.equal(denyPolicy([ending]))
  })

  it('touches no other policy of the role, and overwrites its own whatever is in it', async () => {
    await using world = await start()
    const foreign = (await shipped('role-policy')).replace('s3:GetObject', 's3:ListBucket')
    await world.account.putRolePolicy('somebody-elses', foreign)
    await world.account.putRolePolicy('MayflyEndedSessions', foreign)
    const [ending] = handles(1)
    expect((await revoke(world, ending)).class).to.equal('revoked')
    expect(await inForce(world)).to.equal(denyPolicy([ending]))
    expect(await world.account.rolePolicy('somebody-elses')).to.equal(foreign)
    expect(await world.account.rolePolicy('orders')).to.equal(await shipped('role-policy'))
  })

  it('is written again where somebody has taken the policy away since', async () => {
    await using world = await start()
    const [ending] = handles(1)
    await revoke(world, ending)
    await ministack().root('iam', 'DeleteRolePolicy', { RoleName: ROLE, PolicyName: 'MayflyEndedSessions' })
    await world.pass(31_000)
    expect((await revoke(world, ending)).class).to.equal('revoked')
    expect(await inForce(world)).to.equal(denyPolicy([ending]))
  })

  describe('where the policy is full', () => {
    it('keeps whom it denies already, says so to the others, and takes them once there is room', async () => {
      await using world = await start()
      const all = handles(400)
      const fits = all.findIndex((_, at) => denyPolicy(all.slice(0, at + 1)).length > MAX_INLINE_POLICY)
      expect(fits).to.be.within(280, 300)
      // The later half was denied first, which is not the order in which they were minted.
      const [later, earlier] = [all.slice(fits), all.slice(0, fits)]
      const until = world.clock() + 600_000
      world.ended.push(...later.map((handle) => ({ handle, notAfter: until })))
      await revoke(world, later[0] ?? '')
      expect(await inForce(world)).to.equal(denyPolicy(later))

      world.ended.unshift(...earlier.map((handle) => ({ handle, notAfter: until + 300_000 })))
      expect((await revoke(world, earlier[0] ?? '')).class).to.equal('revoked')
      const policy = (await inForce(world)) ?? ''
      expect(policy.length).to.be.at.most(MAX_INLINE_POLICY)
      for (const handle of later) expect(policy).to.include(handle)

      const last = earlier.at(-1) ?? ''
      const refused = await revoke(world, last)
      expect(refused.class).to.equal('permanent')
      expect(refused.class === 'permanent' && refused.detail).to.match(
        /is full: \d+ ended sessions in 10240 characters/,
      )
      for (const handle of later) expect(await inForce(world)).to.include(handle)

      await world.pass(600_000)
      expect((await revoke(world, last)).class).to.equal('revoked')
    })

    it("says so where IAM's own count is over, and changes nothing", async () => {
      await using world = await start()
      const [before, after] = handles(2)
      await revoke(world, before)
      using _ = world.faults.inject({ kind: 'answer', ...errorOf('LimitExceeded', 409) }, puts)
      const answer = await revoke(world, after)
      expect(answer.class).to.equal('permanent')
      expect(answer.class === 'permanent' && answer.detail).to.match(/together are over what IAM takes/)
      expect(await inForce(world)).to.equal(denyPolicy([before]))
    })
  })

  describe('is not taken for done', () => {
    it('where what is read back is something else', async () => {
      await using world = await start()
      const other = `<GetRolePolicyResponse><GetRolePolicyResult><RoleName>r</RoleName><PolicyName>p</PolicyName><PolicyDocument>${encodeURIComponent(denyPolicy(['crd_other']))}</PolicyDocument></GetRolePolicyResult></GetRolePolicyResponse>`
      using _ = world.faults.inject({ kind: 'answer', status: 200, body: other }, gets)
      const answer = await revoke(world, handles(1)[0])
      expect(answer.class).to.equal('unknown')
      expect(world.paused.length, 'a read that is behind is repeated').to.equal(5)
    })

    it('where the write was answered and not made', async () => {
      await using world = await start()
      using _ = world.faults.inject({ kind: 'answer', status: 200, body: '<html>' }, puts)
      expect((await revoke(world, handles(1)[0])).class).to.equal('unknown')
    })

    it('where a read catches up with its write, before it does', async () => {
      await using world = await start()
      const [ending] = handles(1)
      let reads = 0
      using _ = world.faults.inject(
        { kind: 'answer', ...errorOf('NoSuchEntity', 404) },
        (request) => gets(request) && ++reads < 3,
      )
      expect((await revoke(world, ending)).class).to.equal('revoked')
      expect(reads).to.equal(3)
    })

    const said: readonly (readonly [string, number, RevokeAnswer['class']])[] = [
      ['Throttling', 400, 'throttled'],
      ['ThrottlingException', 400, 'throttled'],
      ['RequestLimitExceeded', 503, 'throttled'],
      ['TooManyRequestsException', 429, 'throttled'],
      ['SlowDown', 503, 'throttled'],
      ['AccessDenied', 403, 'permanent'],
      ['AccessDeniedException', 403, 'permanent'],
      ['UnmodifiableEntity', 400, 'permanent'],
      ['LimitExceeded', 409, 'permanent'],
      ['MalformedPolicyDocument', 400, 'permanent'],
      ['ServiceFailure', 500, 'unreachable'],
      ['InternalFailure', 500, 'unreachable'],
      ['ServiceUnavailable', 503, 'unreachable'],
      ['ExpiredToken', 403, 'unknown'],
      ['ExpiredTokenException', 400, 'unknown'],
      ['InvalidClientTokenId', 403, 'unknown'],
      ['SignatureDoesNotMatch', 403, 'unknown'],
      ['RequestExpired', 400, 'unknown'],
      ['ConcurrentModification', 409, 'unknown'],
      ['ValidationError', 400, 'unknown'],
      ['SomethingNew', 418, 'unknown'],
      ['NoSuchEntities', 404, 'unknown'],
    ]
    describe('by a code', () => {
      let world: AwsWorld
      before(async () => {
        world = await start()
      })
      after(() => world[Symbol.asyncDispose]())

      for (const [at, [code, status, means]] of said.entries()) {
        it(`${code}, which is ${means}`, async () => {
          using _ = world.faults.inject({ kind: 'answer', ...errorOf(code, status) }, puts)
          const answer = await revoke(world, handles(said.length)[at] ?? '')
          expect(answer.class).to.equal(means)
          expect('detail' in answer && answer.detail)
            .to.include(code.replace('Exception', ''))
            .and.include(ROLE_ARN)
        })
      }
    })

    describe('by a call that meets', () => {
      let world: AwsWorld
      before(async () => {
        world = await start({ callMs: 800 })
      })
      after(() => world[Symbol.asyncDispose]())

      const kinds = ['cut-request', 'cut-answer', 'half-answer', 'black-hole', 'hang'] as const
      const met = kinds.flatMap((kind) => [
        { kind, step: 'write' as const },
        { kind, step: 'read' as const },
      ])
      for (const [at, { kind, step }] of met.entries()) {
        it(`${kind} when it is to ${step}, and the next try ends it`, async () => {
          const ending = handles(met.length)[at] ?? ''
          {
            using _ = world.faults.inject({ kind }, step === 'write' ? puts : gets)
            expect((await revoke(world, ending)).class).to.be.oneOf(['unreachable', 'unknown'])
          }
          expect((await revoke(world, ending)).class).to.equal('revoked')
          expect(await inForce(world)).to.include(ending)
        })
      }
    })
  })

  it('may not be possible any more where the role is gone, which is not believed of a young session', async () => {
    await using world = await start()
    const [ending] = handles(1)
    using _ = world.faults.inject({ kind: 'answer', ...errorOf('NoSuchEntity', 404) }, puts)
    expect((await revoke(world, ending)).class).to.equal('unknown')
    expect((await revoke(world, ending, { ageMs: 300_000 })).class).to.equal('at_expiry')
  })

  it("never writes to a namesake in the broker's account", async () => {
    await using world = await start()
    const target = `arn:aws:iam::999999999999:role/${ROLE}`
    const answer = await revoke(world, handles(1)[0], { target })
    expect(answer.class).to.equal('permanent')
    expect(written(world)).to.deep.equal([])
  })

  it('is never reported where nothing is done: without it, a session ends at its deadline, and that is what is said', async () => {
    const grant = { ...ORDERS, earlyRevocation: false }
    await using world = await start({ grants: [grant] })
    const living = await mint(world)
    expect(living.recorded).to.be.null
    const asked = world.faults.exchanges.length
    expect(await revoke(world, living.order.credential)).to.deep.equal({ class: 'at_expiry' })
    expect(world.faults.exchanges, 'nobody was asked').to.have.length(asked)
    expect(await reads(living), 'and it still lives').to.equal(200)
  })

  it('is kept as it was promised, though the grant has changed or gone', async () => {
    await using world = await start()
    const { order, recorded } = await mint(world)
    world.grants = []
    expect((await revoke(world, order.credential)).class, 'a control').to.equal('at_expiry')
    expect((await revoke(world, order.credential, { recorded })).class).to.equal('revoked')
  })

  it('writes nothing about a session whose deadline has passed: its own policy denies it everything', async () => {
    await using world = await start()
    const { order, recorded } = await mint(world)
    expect(recorded).to.deep.equal({
      early_revocation: true,
      deadline: Math.floor(order.lease.expiresAt / 1000) * 1000,
    })
    await world.pass(order.lease.expiresAt - world.clock())
    expect(await revoke(world, order.credential, { recorded })).to.deep.equal({ class: 'at_expiry' })
    expect(written(world)).to.deep.equal([])
  })

  it('goes on after the ledger could not be read', async () => {
    await using world = await start()
    const [broken, ending] = handles(2)
    const bad = {
      handle: broken,
      get notAfter(): number {
        throw new Error('the disk is gone')
      },
    }
    world.ended.push(bad)
    expect((await revoke(world, ending)).class).to.equal('unknown')
    world.ended.splice(0, 1)
    expect((await revoke(world, ending)).class).to.equal('revoked')
  })
})

/** Names of sessions, in the order in which they were minted. */
function handles(count: 1): readonly [CredentialId]
function handles(count: 2): readonly [CredentialId, CredentialId]
function handles(count: 3): readonly [CredentialId, CredentialId, CredentialId]
function handles(count: number): readonly CredentialId[]
function handles(count: number): readonly CredentialId[] {
  return Array.from({ length: count }, (_, at) => `crd_${String(at + 1).padStart(26, '0')}` as CredentialId)
}

const policyIn = ({ body }: SeenRequest): string => new URLSearchParams(body).get('PolicyDocument') ?? ''

/** An error as IAM writes it. */
const errorOf = (code: string, status = 400) => ({
  status,
  body: `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>no</Message></Error><RequestId>7b3c9d1e-0000-4000-8000-000000000000</RequestId></ErrorResponse>`,
})
