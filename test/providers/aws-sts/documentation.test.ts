import { execFile } from 'node:child_process'
import { cp, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'chai'
import { parse } from 'yaml'
import { CALL_MS } from '../../../src/providers/aws-sts/ask.ts'
import { createAwsStsProvider } from '../../../src/providers/aws-sts.ts'
import { ACCOUNT, awsCommandLine, ministackOfSuite } from '../../support/backends/ministack.ts'
import { skipBecause } from '../../support/skip-because.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { shipped } from './support/aws-account.ts'
import { keyOf, ORDERS, orderOf } from './support/orders.ts'

const CHECKOUT = join(import.meta.dirname, '../../..')
const documentation = (): Promise<string> => readFile(join(CHECKOUT, 'docs/aws.md'), 'utf8')

describe('docs/aws.md', () => {
  it('shows every file of config/aws, letter for letter', async () => {
    const text = await documentation()
    const names = await readdir(join(CHECKOUT, 'config/aws'))
    expect(names).to.have.length.above(4)
    for (const name of names) {
      const file = (await readFile(join(CHECKOUT, 'config/aws', name), 'utf8')).trimEnd()
      expect(text, name).to.include(`\`config/aws/${name}\`:\n\n\`\`\`json\n${file}\n\`\`\`\n`)
    }
  })

  describe('followed to the letter', () => {
    const ministack = ministackOfSuite()

    it('sets up an account that the broker mints in, takes back from and finds nothing wrong with', async function () {
      this.timeout(90_000)
      const aws =
        awsCommandLine() ?? skipBecause(this, 'there is no aws command line: run scripts/backends install awscli')
      const text = await documentation()
      await using folder = await temporaryFolder()
      await cp(join(CHECKOUT, 'config/aws'), folder.at('config/aws'), { recursive: true })
      for (const name of await readdir(folder.at('config/aws')))
        await writeFile(folder.at(`config/aws/${name}`), await shipped(name.replace('.json', '')))
      const [, commands = ''] = /```sh\n([\s\S]*?)```/.exec(text) ?? []
      const command = [aws.command, ...aws.args].map((part) => `'${part}'`).join(' ')
      const { AccessKeyId, SecretAccessKey } = ministack().rootKey
      await promisify(execFile)('bash', ['-euc', `aws() { ${command} "$@"; }\n${commands}`], {
        cwd: folder.path,
        env: {
          ...aws.env,
          HOME: folder.path,
          PATH: process.env['PATH'],
          AWS_ACCESS_KEY_ID: AccessKeyId,
          AWS_SECRET_ACCESS_KEY: SecretAccessKey,
          AWS_DEFAULT_REGION: 'us-east-1',
          AWS_ENDPOINT_URL: ministack().url,
        },
      })
      const { s3, rootKey, url } = ministack()
      await s3(rootKey, 'PUT', '/orders')
      await s3(rootKey, 'PUT', '/orders/1234/note.txt', 'order 1234')

      const [, yaml = ''] = /```yaml\n([\s\S]*?)```/.exec(text) ?? []
      const { providers, grants } = parse(yaml.replaceAll('123456789012', ACCOUNT))
      const [{ name, region, credentials }] = providers
      const grant = {
        ...ORDERS,
        actions: grants[0].actions,
        resources: grants[0].resources,
        roleArn: grants[0].role_arn,
      }
      await using provider = createAwsStsProvider(
        {
          name,
          region,
          endpoint: url,
          credentials: {
            from: 'files',
            accessKeyIdFile: folder.at(credentials.access_key_id_file),
            secretAccessKeyFile: folder.at(credentials.secret_access_key_file),
          },
        },
        {
          clock: Date.now,
          grants: () => [grant],
          ended: () => [],
          report: () => undefined,
          pause: () => Promise.resolve(),
          callMs: CALL_MS,
        },
      )
      const findings = await provider.check(AbortSignal.timeout(9_000))
      expect(findings.filter(({ ok }) => !ok)).to.deep.equal([])
      expect(findings.length).to.be.greaterThan(10)

      const order = orderOf(Date.now(), { grant })
      const plan = provider.plan(order)
      if (!plan.ok) return expect.fail(plan.error.detail)
      const minted = await provider.mint(order, plan.value, () => Promise.resolve(), AbortSignal.timeout(5_000))
      const reads = async (): Promise<number> => (await s3(keyOf(minted), 'GET', '/orders/1234/note.txt')).status
      expect(await reads()).to.equal(200)
      const what = { ...plan.value, grant: grant.name, recorded: null, issuedAt: order.now }
      expect((await provider.revoke(what, AbortSignal.timeout(9_000))).class).to.equal('revoked')
      expect(await reads()).to.equal(403)
    })
  })
})
