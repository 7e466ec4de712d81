import { expect } from 'chai'
import { mayfly } from '../cli/support/mayfly.ts'
import { shipped as shippedSql } from '../support/backends/openbao.ts'
import { BROKER_POLICIES, shipped } from '../providers/aws-sts/support/aws-account.ts'
import { awsAhead } from './support/agent-aws.ts'
import { leaseOf, startRealBroker, type RealBroker } from './support/real-broker.ts'
import { upstreamsOfSuite } from './support/real-upstreams.ts'
import { workingOf } from './support/what-works.ts'

interface Said {
  readonly about: string
  readonly check: string
  readonly ok: boolean
  readonly detail: string
  readonly mend: string | null
}

describe('a mend of mayfly doctor that is followed to the letter', function () {
  this.timeout(60_000)
  const upstreams = upstreamsOfSuite()
  const started = new AsyncDisposableStack()
  let broker: RealBroker
  before(async () => {
    broker = started.use(await startRealBroker(upstreams()))
  })
  after(() => started.disposeAsync())

  async function wrong(env: Record<string, string> = {}): Promise<readonly Said[]> {
    const { code, json } = await mayfly(['doctor', '--config', broker.configFile, '--json'], { env })
    const found = (json as readonly Said[]).filter(({ ok }) => !ok)
    expect(code).to.equal(found.length === 0 ? 0 : 1)
    return found
  }
  const mendsOf = (found: readonly Said[]): readonly string[] => found.map(({ mend }) => mend ?? '')

  for (const action of ['sts:AssumeRole', 'sts:TagSession', 'sts:SetSourceIdentity']) {
    it(`lets the broker in, where the trust policy refused it ${action}`, async () => {
      const { account } = upstreams()
      const whole = JSON.parse(await shipped('role-trust-policy')) as { Statement: { Action: string | string[] }[] }
      const less = whole.Statement.map((each) => ({
        ...each,
        Action: [each.Action].flat().filter((one) => one !== action),
      })).filter(({ Action }) => Action.length > 0)
      await account.trustPolicy(JSON.stringify({ ...whole, Statement: less }))
      await using _ = { [Symbol.asyncDispose]: async () => account.trustPolicy(await shipped('role-trust-policy')) }
      const found = await wrong()
      // Both grants of that role.
      expect(found.map(({ check }) => check)).to.deep.equal(['trust-policy', 'trust-policy'])
      const [, arn, allowed] =
        /^Allow (\S+) (sts:\w+) in the trust policy of the role/.exec(mendsOf(found)[0] ?? '') ?? []
      const mended = [...less, { Effect: 'Allow', Principal: { AWS: arn }, Action: allowed }]
      await account.trustPolicy(JSON.stringify({ ...whole, Statement: mended }))
      expect(await wrong()).to.deep.equal([])
    })
  }

  it('lets the broker take sessions back early', async () => {
    const { account } = upstreams()
    await account.allowBroker(['broker-policy', 'broker-doctor-policy'])
    await using _ = { [Symbol.asyncDispose]: () => account.allowBroker(BROKER_POLICIES) }
    const found = await wrong()
    expect(new Set(found.map(({ check }) => check))).to.deep.equal(new Set(['early-revocation']))
    for (const mend of mendsOf(found)) expect(mend).to.match(/iam:PutRolePolicy .*early revocation in docs\/aws\.md/)
    await account.allowBroker(BROKER_POLICIES)
    expect(await wrong()).to.deep.equal([])
  })

  it('ends database users by themselves', async () => {
    const { vault } = upstreams()
    const endless = (await shippedSql('creation.sql')).replace(" VALID UNTIL '{{expiration}}'", '')
    await vault.writeDatabaseRole({ creation_statements: [endless] })
    await using _ = { [Symbol.asyncDispose]: () => vault.writeDatabaseRole() }
    const found = await wrong()
    expect(found.map(({ detail }) => detail).join()).to.match(/makes users that do not end by themselves/)
    const clause = /Add (VALID UNTIL '\S+') to creation_statements/.exec(mendsOf(found)[0] ?? '')?.[1]
    const mended = endless.replace("PASSWORD '{{password}}'", `PASSWORD '{{password}}' ${clause ?? ''}`)
    await vault.writeDatabaseRole({ creation_statements: [mended] })
    expect(await wrong()).to.deep.equal([])
    const lease = await leaseOf(broker, { access: [{ grant: 'orders-db' }] })
    expect(await workingOf(upstreams(), lease)).to.deep.equal(['orders-db'])
  })

  it('cuts the open sessions of a database user', async () => {
    const { vault } = upstreams()
    await vault.writeDatabaseRole({ revocation_statements: ['DROP ROLE IF EXISTS "{{name}}"'] })
    await using _ = { [Symbol.asyncDispose]: () => vault.writeDatabaseRole() }
    const found = await wrong()
    expect(mendsOf(found).join()).to.match(/Take the revocation_statements of docs\/vault\.md/)
    await vault.writeDatabaseRole({ revocation_statements: [await shippedSql('revocation.sql')] })
    expect(await wrong()).to.deep.equal([])
  })

  it('starts the broker again, where the environment kept it from starting', async () => {
    const [found, ...more] = await wrong({ VAULT_SKIP_VERIFY: 'false' })
    expect(more).to.deep.equal([])
    expect(found).to.include({
      about: 'provider vault-main',
      detail: 'Vault provider vault-main: VAULT_SKIP_VERIFY is set.',
    })
    expect(found?.mend).to.match(/^Unset it, and name the CA/)
    expect(await wrong()).to.deep.equal([])
  })

  it("sets a clock right that is not AWS's", async function () {
    const { ministack } = upstreams()
    {
      await using _ = await awsAhead(this, ministack, 90_000)
      const found = await wrong()
      expect(found.map(({ about, check }) => `${about} ${check}`)).to.deep.equal(['provider aws-prod clock'])
      expect(found[0]?.detail).to.match(/clock is (89|90|91) s behind AWS's/)
      expect(found[0]?.mend).to.match(/NTP/)
    }
    expect(await wrong()).to.deep.equal([])
  })

  it('reaches an AWS and a Vault that could not be reached', async () => {
    {
      using _ = broker.toAws.inject({ kind: 'cut-request' })
      using __ = broker.toVault.inject({ kind: 'cut-request' })
      const found = await wrong()
      expect(found.map(({ about, check }) => `${about} ${check}`)).to.have.members([
        'provider aws-prod endpoint',
        'provider vault-main reachable',
      ])
      for (const mend of mendsOf(found)) expect(mend).to.match(/address|endpoint/)
    }
    expect(await wrong()).to.deep.equal([])
  })
})
