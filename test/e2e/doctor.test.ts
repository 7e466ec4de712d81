import { writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import { mayfly, type Ran } from '../cli/support/mayfly.ts'
import { shipped } from '../providers/aws-sts/support/aws-account.ts'
import { startRealBroker, type RealBroker } from './support/real-broker.ts'
import { upstreamsOfSuite } from './support/real-upstreams.ts'

interface Said {
  readonly about: string
  readonly check: string
  readonly ok: boolean
  readonly detail: string
  readonly mend: string | null
}

describe('mayfly doctor', function () {
  this.timeout(60_000)
  const upstreams = upstreamsOfSuite()
  const started = new AsyncDisposableStack()
  let broker: RealBroker
  before(async () => {
    broker = started.use(await startRealBroker(upstreams()))
  })
  after(() => started.disposeAsync())

  const doctor = (more: readonly string[] = [], env: Record<string, string> = {}): Promise<Ran> =>
    mayfly(['doctor', '--config', broker.configFile, '--json', ...more], { env })
  const wrongOf = ({ json }: Ran): readonly Said[] => (json as readonly Said[]).filter(({ ok }) => !ok)
  const told = (said: readonly Said[]): string =>
    said.map(({ about, check, detail }) => `${about} ${check}: ${detail}`).join('\n')

  /** What is found while it is broken, with a mend each, and nothing more once that has been followed. */
  async function found(what: RegExp, mendSays: RegExp, followed: () => Promise<unknown>): Promise<void> {
    const ran = await doctor()
    const wrong = wrongOf(ran)
    expect([ran.code, told(wrong)], 'exit code and findings').to.satisfy(
      ([code, text]: [number, string]) => code === 1 && what.test(text),
    )
    expect(wrong.map(({ mend }) => mend ?? '').join('\n')).to.match(mendSays)
    await followed()
    const after = await doctor()
    expect([after.code, told(wrongOf(after))]).to.deep.equal([0, ''])
  }

  it('finds nothing where everything is as the documentation says, and changes nothing', async () => {
    const before = await upstreams().account.state()
    const ran = await doctor()
    expect([ran.code, told(wrongOf(ran))]).to.deep.equal([0, ''])
    const about = new Set((ran.json as readonly Said[]).map((each) => each.about))
    expect([...about]).to.deep.equal([
      'configuration',
      'broker',
      'issuer test',
      'provider tokens',
      'provider vault-main',
      'provider aws-prod',
    ])
    expect(await upstreams().account.state()).to.equal(before)
    const text = await mayfly(['doctor', '--config', broker.configFile])
    expect(text.stdout).to.match(/^provider vault-main$/m)
    expect(text.stdout).to.match(/^ {2}ok {4}reachable /m)
    expect(text.stderr).to.match(/^Nothing is wrong: \d+ checks\.$/m)
  })

  it('says which agent a token is, and finds one for the wrong audience', async () => {
    const file = `${broker.folder}/identity`
    await writeFile(file, broker.identity('support-bot'))
    const good = await doctor(['--identity-file', file])
    expect([good.code, told((good.json as readonly Said[]).slice(-1))]).to.deep.equal([
      0,
      'identity token identity: It is agent support-bot, proven by issuer test',
    ])
    await writeFile(file, broker.identity('support-bot', { aud: 'https://elsewhere.test' }))
    const wrong = await doctor(['--identity-file', file])
    expect(wrong.code).to.equal(1)
    expect(wrongOf(wrong)).to.have.length(1)
    expect(wrongOf(wrong)[0]).to.include({ check: 'audience' })
    expect(wrongOf(wrong)[0]?.detail).to.equal('The token is for "https://elsewhere.test", and this broker is "mayfly"')
    expect(wrongOf(wrong)[0]?.mend).to.match(/audience "mayfly"/)
    await writeFile(file, broker.identity('nobody'))
    expect(told(wrongOf(await doctor(['--identity-file', file])))).to.match(/it matches no agent/)
  })

  it('finds a trust policy that refuses the broker, or its tags', async () => {
    const { account } = upstreams()
    const trust = await shipped('role-trust-policy')
    await account.trustPolicy(trust.replaceAll('user/mayfly-broker', 'user/somebody-else'))
    await found(/trust/, /config\/aws|trust policy/i, () => account.trustPolicy(trust))
    await account.trustPolicy(trust.replaceAll('"sts:TagSession",', '').replaceAll('"sts:TagSession"', '"sts:Nothing"'))
    await found(/TagSession/, /TagSession/, () => account.trustPolicy(trust))
  })

  it('finds a missing permission to revoke, at AWS and at the Vault', async () => {
    const { account, vault } = upstreams()
    await account.allowBroker(['broker-policy', 'broker-doctor-policy'])
    await found(/PutRolePolicy|revo/i, /PutRolePolicy|early/i, () =>
      account.allowBroker(['broker-policy', 'broker-early-revocation-policy', 'broker-doctor-policy']),
    )
    await vault.writeBrokerPolicy(['auth/token/revoke-accessor'])
    await found(/permission to revoke/, /path "auth\/token\/revoke-accessor"/, () => vault.writeBrokerPolicy())
  })

  it('finds a database role without VALID UNTIL, and one whose revocation leaves sessions open', async () => {
    const { vault } = upstreams()
    const creation = 'CREATE ROLE "{{name}}" WITH LOGIN PASSWORD \'{{password}}\';'
    await vault.writeDatabaseRole({ creation_statements: [creation] })
    await found(/do not end by themselves/, /VALID UNTIL/, () => vault.writeDatabaseRole())
    await vault.writeDatabaseRole({ revocation_statements: ['DROP ROLE IF EXISTS "{{name}}";'] })
    await found(/session/, /revocation_statements/, () => vault.writeDatabaseRole())
  })

  it('finds a target that cannot be reached, and one whose clock is another', async () => {
    const gone = broker.toVault.inject({ kind: 'cut-request' })
    await found(/vault-main reachable/, /address/, () => {
      gone[Symbol.dispose]()
      return Promise.resolve()
    })
    const server_time_utc = Math.floor(Date.now() / 1000) + 120
    const body = JSON.stringify({ sealed: false, initialized: true, server_time_utc })
    const late = broker.toVault.inject({ kind: 'answer', status: 200, body }, ({ path }) => path === '/v1/sys/health')
    await found(/vault-main clock: .*(119|120) s/, /NTP/, () => {
      late[Symbol.dispose]()
      return Promise.resolve()
    })
  })

  it('finds an environment that turns the checks of certificates off', async () => {
    const ran = await doctor([], { VAULT_SKIP_VERIFY: 'true' })
    expect(ran.code).to.equal(1)
    expect(told(wrongOf(ran))).to.match(/VAULT_SKIP_VERIFY/)
    expect(wrongOf(ran)[0]?.mend).to.match(/VAULT_SKIP_VERIFY|[Uu]nset/)
  })

  it('shows no secret', async () => {
    const { account } = upstreams()
    const file = `${broker.folder}/identity`
    await writeFile(file, broker.identity('support-bot', { aud: 'x' }))
    const ran = await doctor(['--identity-file', file])
    for (const secret of [account.brokerKey.SecretAccessKey, broker.identity('support-bot').split('.')[2] ?? ''])
      expect(ran.stdout + ran.stderr).not.to.include(secret)
  })
})
