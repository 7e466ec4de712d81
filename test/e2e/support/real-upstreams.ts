import { writeFile } from 'node:fs/promises'
import { needsBackend } from '../../support/backends/backend.ts'
import { startMinistack, type Ministack } from '../../support/backends/ministack.ts'
import type { OpenBaoOptions } from '../../support/backends/openbao.ts'
import { ROLE_ARN, setUpAccount, type AwsAccount } from '../../providers/aws-sts/support/aws-account.ts'
import { startVaultWorld, type VaultWorld } from '../../providers/vault/support/vault-world.ts'

/** An OpenBao in front of a PostgreSQL, and an account of AWS, set up with exactly what the documentation ships. */
export interface Upstreams extends AsyncDisposable {
  readonly vault: VaultWorld
  readonly ministack: Ministack
  readonly account: AwsAccount
}

export async function startUpstreams(options: OpenBaoOptions = {}): Promise<Upstreams> {
  await using started = new AsyncDisposableStack()
  const [vault, ministack] = await Promise.all([
    startVaultWorld(options).then((each) => started.use(each)),
    startMinistack().then((each) => started.use(each)),
  ])
  const account = await setUpAccount(ministack)
  const parts = started.move()
  return { vault, ministack, account, [Symbol.asyncDispose]: () => parts.disposeAsync() }
}

/** The upstreams of a suite: started before its first test and stopped after its last, or every test skipped by name. */
export function upstreamsOfSuite(options: OpenBaoOptions = {}): () => Upstreams {
  let started: Upstreams | undefined
  before(async function () {
    this.timeout(60_000)
    needsBackend(this, 'openbao', 'postgres', 'ministack')
    started = await startUpstreams(options)
  })
  after(() => started?.[Symbol.asyncDispose]())
  return () => {
    if (!started) throw new Error('They are not started yet')
    return started
  }
}

/** How one broker reaches them. */
export interface Reach {
  readonly vaultAddress: string
  readonly awsEndpoint: string
  readonly roleArn?: string
}

type Settings = Record<string, unknown>

/** The grants of `realSettings`, in the order in which they are asked for when nothing is said. */
export const GRANTS = ['orders-db', 'orders-reader', 'orders-bucket'] as const

/** What one order's work needs of each grant. */
export const BUCKET_ACCESS = {
  grant: 'orders-bucket',
  actions: ['s3:GetObject'],
  resources: ['arn:aws:s3:::orders/1234/*'],
}
export const ALL_ACCESS = [{ grant: 'orders-db' }, { grant: 'orders-reader' }, BUCKET_ACCESS]

/**
 * The ordinary configuration with both providers in it, as an operator writes them. The broker logs in by an AppRole with
 * the shipped policy, and as the IAM user with the shipped policies: never as root.
 */
export async function realSettings(
  { vault, account }: Upstreams,
  { vaultAddress, awsEndpoint, roleArn = ROLE_ARN }: Reach,
): Promise<(settings: Settings) => Settings> {
  const { auth } = await vault.appRole()
  if (auth.method !== 'approle') throw new Error('The broker logs in by an AppRole')
  const key = { id: vault.folder.at('access-key-id'), secret: vault.folder.at('secret-access-key') }
  await writeFile(key.id, `${account.brokerKey.AccessKeyId}\n`, { mode: 0o600 })
  await writeFile(key.secret, `${account.brokerKey.SecretAccessKey}\n`, { mode: 0o600 })
  const providers = [
    {
      name: 'vault-main',
      type: 'vault',
      address: vaultAddress,
      auth: { method: 'approle', role_id_file: auth.roleIdFile, secret_id_file: auth.secretIdFile },
    },
    {
      name: 'aws-prod',
      type: 'aws-sts',
      region: 'eu-central-1',
      endpoint: awsEndpoint,
      credentials: { access_key_id_file: key.id, secret_access_key_file: key.secret },
    },
  ]
  const bucket = {
    provider: 'aws-prod',
    role_arn: roleArn,
    actions: ['s3:GetObject', 's3:PutObject'],
    resources: ['arn:aws:s3:::orders/*'],
    max_ttl: 900,
  }
  const grants = [
    { name: 'orders-db', provider: 'vault-main', path: 'database/creds/orders-ro', max_ttl: 10_800 },
    { name: 'orders-reader', provider: 'vault-main', policies: ['orders-reader'], max_ttl: 10_800 },
    { name: 'orders-bucket', ...bucket, early_revocation: true },
    { name: 'orders-archive', ...bucket },
  ]
  const names = grants.map(({ name }) => name)
  return (settings) => ({
    ...settings,
    agents: (settings['agents'] as readonly { readonly grants: readonly string[] }[]).map((agent) => ({
      ...agent,
      grants: [...agent.grants, ...names],
    })),
    providers: [...(settings['providers'] as readonly object[]), ...providers],
    grants: [...(settings['grants'] as readonly object[]), ...grants],
    limits: {
      ...(settings['limits'] as object | undefined),
      leases_per_agent: 1000,
      lease_requests_per_minute: 6000,
      pre_auth_per_minute: 60_000,
    },
  })
}
