import { expect } from 'chai'
import type { Finding } from '../../../src/broker/provider-port.ts'
import type { AwsGrant } from '../../../src/core/catalogue.ts'
import { CALL_MS } from '../../../src/providers/aws-sts/ask.ts'
import { checkRole } from '../../../src/providers/aws-sts/check/check-role.ts'
import { createClients } from '../../../src/providers/aws-sts/create-clients.ts'
import type { Caller } from '../../../src/providers/aws-sts/who-am-i.ts'
import { ACCOUNT, ministackOfSuite } from '../../support/backends/ministack.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { writeFile } from 'node:fs/promises'
import { BROKER_ARN, ROLE, setUpAccount, shipped, within, type AwsAccount } from './support/aws-account.ts'
import { ORDERS } from './support/orders.ts'

describe("what the doctor sees of a role's own policies", () => {
  const ministack = ministackOfSuite()
  let account: AwsAccount

  beforeEach(async () => {
    await fetch(`${ministack().url}/_ministack/reset`, { method: 'POST' })
    account = await setUpAccount(ministack())
  })

  async function findings(grant: AwsGrant = ORDERS, caller?: Caller): Promise<readonly Finding[]> {
    await using folder = await temporaryFolder()
    const files = { accessKeyIdFile: folder.at('id'), secretAccessKeyFile: folder.at('secret') }
    await writeFile(files.accessKeyIdFile, account.brokerKey.AccessKeyId, { mode: 0o600 })
    await writeFile(files.secretAccessKeyFile, account.brokerKey.SecretAccessKey, { mode: 0o600 })
    const settings = {
      region: 'eu-central-1',
      endpoint: ministack().url,
      credentials: { from: 'files', ...files } as const,
    }
    using clients = createClients(settings, { clock: Date.now, callMs: CALL_MS })
    return await checkRole(
      clients,
      { grant, caller: caller ?? { arn: BROKER_ARN, account: ACCOUNT } },
      AbortSignal.timeout(5_000),
    )
  }
  const failing = async (...args: Parameters<typeof findings>): Promise<readonly string[]> =>
    (await findings(...args)).filter(({ ok }) => !ok).map(({ check, detail }) => `${check}: ${detail}`)

  async function attach(document: string): Promise<void> {
    const made = await ministack().root('iam', 'CreatePolicy', { PolicyName: 'attached', PolicyDocument: document })
    await ministack().root('iam', 'AttachRolePolicy', { RoleName: ROLE, PolicyArn: within(made, 'Arn') })
  }

  it('counts what a managed policy allows', async () => {
    const grant = { ...ORDERS, actions: [...ORDERS.actions, 's3:DeleteObject'] }
    expect((await failing(grant)).join()).to.match(/role-policies: .*never allow s3:DeleteObject/)
    await attach((await shipped('role-policy')).replace('s3:PutObject', 's3:Delete*'))
    expect(await failing(grant)).to.deep.equal([])
  })

  it('sees a way out in a managed policy, and in one that only says what it leaves out', async () => {
    await attach('{"Version":"2012-10-17","Statement":{"Effect":"Allow","NotAction":"s3:*","Resource":"*"}}')
    expect((await failing()).join()).to.match(/role-policies: .*allow \*: only the session policy/)
  })

  it('says how many sessions can still be taken back, beside the other inline policies', async () => {
    expect((await findings()).map(({ detail }) => detail).join()).to.match(/room for 28\d sessions that ended early/)
    const long = Array.from({ length: 170 }, (_, at) => `arn:aws:s3:::orders/some/longer/name/of/an/object/${at}/*`)
    const document = (await shipped('role-policy')).replace('"arn:aws:s3:::orders/*"', JSON.stringify(long))
    await account.putRolePolicy('long', document)
    expect((await failing()).join()).to.match(/early-revocation: .*room for \d+ sessions/)
  })

  it('knows that a role gets an hour at most of another role', async () => {
    await ministack().root('iam', 'UpdateRole', { RoleName: ROLE, MaxSessionDuration: '7200' })
    const long = { ...ORDERS, maxTtlSeconds: 7_200 }
    const chained = { arn: `arn:aws:sts::${ACCOUNT}:assumed-role/mayfly/i-0abc`, account: ACCOUNT }
    expect((await failing(long)).join()).to.not.match(/session-length/)
    expect((await failing(long, chained)).join()).to.match(/session-length: .*up to 3600 s/)
  })

  it('does not look for a right that no grant needs', async () => {
    await account.allowBroker(['broker-policy', 'broker-doctor-policy'])
    expect((await failing()).join()).to.match(/early-revocation/)
    expect(await failing({ ...ORDERS, earlyRevocation: false })).to.deep.equal([])
  })

  it('names what is no role at all', async () => {
    expect(await failing({ ...ORDERS, roleArn: 'agent-orders' })).to.have.length(1)
  })
})
