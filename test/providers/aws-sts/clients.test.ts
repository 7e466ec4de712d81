import { chmod, writeFile } from 'node:fs/promises'
import { expect } from 'chai'
import { createAwsStsProvider } from '../../../src/providers/aws-sts.ts'
import { CALL_MS } from '../../../src/providers/aws-sts/ask.ts'
import { createClients, type Clients } from '../../../src/providers/aws-sts/create-clients.ts'
import type { AwsCredentialSource } from '../../../src/providers/aws-sts/settings.ts'
import { whoAmI } from '../../../src/providers/aws-sts/who-am-i.ts'
import { ministackOfSuite } from '../../support/backends/ministack.ts'
import { temporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.ts'
import { BROKER_ARN, setUpAccount, type AwsAccount } from './support/aws-account.ts'

const CHAIN: AwsCredentialSource = { from: 'chain' }

const clientsOf = (
  credentials: AwsCredentialSource,
  { endpoint = null, region = 'eu-central-1' }: { readonly endpoint?: string | null; readonly region?: string } = {},
): Clients => createClients({ region, endpoint, credentials }, { clock: Date.now, callMs: CALL_MS })

/** Sets variables of the environment, and puts it back as it was. */
function environment(changes: Readonly<Record<string, string>>): Disposable {
  const names = Object.keys(process.env).filter((name) => name.startsWith('AWS_'))
  const before = [...names, ...Object.keys(changes)].map((name) => [name, process.env[name]] as const)
  for (const name of names) Reflect.deleteProperty(process.env, name)
  Object.assign(process.env, changes)
  return {
    [Symbol.dispose]() {
      for (const [name, value] of before) {
        if (value === undefined) Reflect.deleteProperty(process.env, name)
        else process.env[name] = value
      }
    },
  }
}

const who = (clients: Clients): Promise<string> =>
  whoAmI(clients, AbortSignal.timeout(5_000)).then(
    ({ arn }) => arn,
    (error: unknown) => String(error),
  )

describe('the way to AWS', () => {
  /** Where a call would go, without going there. */
  async function addresses(clients: Clients): Promise<readonly string[]> {
    const seen: string[] = []
    const stop = () => (args: { readonly request: unknown }) => {
      const { protocol, hostname } = args.request as { readonly protocol: string; readonly hostname: string }
      seen.push(`${protocol}//${hostname}`)
      return Promise.reject(new Error('It is only looked at'))
    }
    clients.sts.middlewareStack.add(stop, { step: 'deserialize', name: 'stop', priority: 'high' })
    clients.iam.middlewareStack.add(stop, { step: 'deserialize', name: 'stop', priority: 'high' })
    await who(clients)
    return seen
  }

  const regions = [
    ['eu-central-1', 'https://sts.eu-central-1.amazonaws.com'],
    ['us-east-1', 'https://sts.us-east-1.amazonaws.com'],
    ['us-gov-west-1', 'https://sts.us-gov-west-1.amazonaws.com'],
    ['cn-north-1', 'https://sts.cn-north-1.amazonaws.com.cn'],
  ] as const
  for (const [region, address] of regions) {
    it(`is the region's own STS: ${address}`, async () => {
      using _ = environment({
        AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE0EXAMPLE0',
        AWS_SECRET_ACCESS_KEY: 'x',
        AWS_STS_REGIONAL_ENDPOINTS: 'legacy',
      })
      using clients = clientsOf(CHAIN, { region })
      expect(await addresses(clients)).to.deep.equal([address])
    })
  }

  for (const endpoint of [
    'http://sts.internal',
    'http://10.0.0.7:4566',
    'ftp://127.0.0.1',
    'http://localhost.evil.test',
  ]) {
    it(`is never ${endpoint}`, () => {
      const parts = { ended: () => [], grants: () => [], report: () => undefined, pause: () => Promise.resolve() }
      const settings = { name: 'aws', region: 'eu-central-1', endpoint, credentials: CHAIN }
      expect(() => createAwsStsProvider(settings, { ...parts, clock: Date.now, callMs: CALL_MS })).to.throw(/not https/)
    })
  }

  for (const endpoint of [
    'https://sts.internal',
    'http://127.0.0.1:4566',
    'http://localhost:4566',
    'http://[::1]:4566',
  ]) {
    it(`may be ${endpoint}`, () => {
      using clients = clientsOf(CHAIN, { endpoint })
      expect(clients.clockOffsetMs()).to.be.null
    })
  }

  for (const name of ['AWS_ENDPOINT_URL', 'AWS_ENDPOINT_URL_STS']) {
    it(`is not led into the clear by ${name}`, async () => {
      using _ = environment({
        AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE0EXAMPLE0',
        AWS_SECRET_ACCESS_KEY: 'x',
        [name]: 'http://192.0.2.1',
      })
      using clients = clientsOf(CHAIN)
      expect(await who(clients)).to.match(/not https/)
    })
  }
})

describe("the broker's own AWS credentials", () => {
  const ministack = ministackOfSuite()
  let account: AwsAccount
  // Undefined where the suite is skipped.
  let folder: TemporaryFolder | undefined
  const at = (name: string): string => folder?.at(name) ?? expect.fail('there is no folder')

  before(async () => {
    account = await setUpAccount(ministack())
    folder = await temporaryFolder()
  })
  after(() => folder?.[Symbol.asyncDispose]())

  /** Files with these texts, and the clients that read them. */
  async function fromFiles(
    id: string,
    secret: string,
    mode = 0o600,
  ): Promise<Clients & { readonly secretFile: string }> {
    const source = {
      from: 'files',
      accessKeyIdFile: at('id'),
      secretAccessKeyFile: at('secret'),
    } as const
    await writeFile(source.accessKeyIdFile, id, { mode: 0o600 })
    await writeFile(source.secretAccessKeyFile, secret)
    await chmod(source.secretAccessKeyFile, mode)
    return Object.assign(clientsOf(source, { endpoint: ministack().url }), { secretFile: source.secretAccessKeyFile })
  }

  it('come from files, and are read again when they are rotated', async () => {
    const { AccessKeyId, SecretAccessKey } = account.brokerKey
    using clients = await fromFiles(`${AccessKeyId}\n`, 'of-last-year\n')
    expect(await who(clients)).to.match(/SignatureDoesNotMatch/)
    await writeFile(clients.secretFile, `${SecretAccessKey}\n`)
    expect(await who(clients)).to.equal(BROKER_ARN)
  })

  for (const mode of [0o640, 0o604, 0o666]) {
    it(`are not taken from a file of mode ${mode.toString(8)}`, async () => {
      const { AccessKeyId, SecretAccessKey } = account.brokerKey
      using clients = await fromFiles(AccessKeyId, SecretAccessKey, mode)
      const said = await who(clients)
      expect(said).to.include(`chmod 600 '${clients.secretFile}'`).and.not.include(SecretAccessKey)
    })
  }

  for (const text of ['', '\n', 'two words', 'two\nlines', 'x'.repeat(5_000), 'caf\u00e9']) {
    it(`are not ${JSON.stringify(text.slice(0, 12))}`, async () => {
      using clients = await fromFiles(account.brokerKey.AccessKeyId, text)
      expect(await who(clients)).to.match(/does not hold one key/)
    })
  }

  it('are not taken from a file that is not there', async () => {
    using clients = clientsOf({
      from: 'files',
      accessKeyIdFile: at('nowhere'),
      secretAccessKeyFile: at('secret'),
    })
    expect(await who(clients)).to.match(/cannot be opened/)
  })

  it('come from a profile, and from nowhere else where there is no such profile', async () => {
    const { AccessKeyId, SecretAccessKey } = account.brokerKey
    await writeFile(
      at('credentials'),
      `[mayfly]\naws_access_key_id=${AccessKeyId}\naws_secret_access_key=${SecretAccessKey}\n`,
    )
    // What anybody on this machine could use, and the broker was not told to.
    const { rootKey } = ministack()
    using _ = environment({
      AWS_SHARED_CREDENTIALS_FILE: at('credentials'),
      AWS_CONFIG_FILE: at('config'),
      AWS_ACCESS_KEY_ID: rootKey.AccessKeyId,
      AWS_SECRET_ACCESS_KEY: rootKey.SecretAccessKey,
    })
    using clients = clientsOf({ from: 'profile', profile: 'mayfly' }, { endpoint: ministack().url })
    expect(await who(clients)).to.equal(BROKER_ARN)
    using misspelt = clientsOf({ from: 'profile', profile: 'mayfyl' }, { endpoint: ministack().url })
    expect(await who(misspelt))
      .to.match(/AwsFailure/)
      .and.not.include('arn:')
  })

  it("come from the broker's environment where nothing else is said", async () => {
    const { AccessKeyId, SecretAccessKey } = account.brokerKey
    using _ = environment({ AWS_ACCESS_KEY_ID: AccessKeyId, AWS_SECRET_ACCESS_KEY: SecretAccessKey })
    using clients = clientsOf(CHAIN, { endpoint: ministack().url })
    expect(await who(clients)).to.equal(BROKER_ARN)
  })
})
