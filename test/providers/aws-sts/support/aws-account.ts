import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ACCOUNT, type Ministack } from '../../../support/backends/ministack.ts'
import { signedRequest, type AccessKey } from '../../../support/backends/signed-request.ts'

const CONFIG = join(import.meta.dirname, '../../../../config/aws')

/** The policies that docs/aws.md ships, for this account. */
export async function shipped(name: string): Promise<string> {
  return (await readFile(join(CONFIG, `${name}.json`), 'utf8')).replaceAll('123456789012', ACCOUNT)
}

export const BROKER_POLICIES = ['broker-policy', 'broker-early-revocation-policy', 'broker-doctor-policy'] as const
export type BrokerPolicy = (typeof BROKER_POLICIES)[number]

export const BROKER_ARN = `arn:aws:iam::${ACCOUNT}:user/mayfly-broker`
export const ROLE = 'agent-orders'
export const ROLE_ARN = `arn:aws:iam::${ACCOUNT}:role/${ROLE}`

/** An account as docs/aws.md sets it up: the broker's user, one role, one bucket with two objects. */
export interface AwsAccount {
  readonly brokerKey: AccessKey
  /** Gives the broker exactly these of the shipped policies. */
  readonly allowBroker: (policies: readonly BrokerPolicy[]) => Promise<void>
  readonly trustPolicy: (document: string) => Promise<void>
  readonly putRolePolicy: (name: string, document: string) => Promise<void>
  /** Undefined where the role has none of that name. */
  readonly rolePolicy: (name: string) => Promise<string | undefined>
  /** Every policy in it, as one text to compare. */
  readonly state: () => Promise<string>
}

export async function setUpAccount({ root, s3, rootKey }: Ministack): Promise<AwsAccount> {
  const user = { UserName: 'mayfly-broker' }
  const role = { RoleName: ROLE }
  await root('iam', 'CreateUser', user)
  const key = await root('iam', 'CreateAccessKey', user)
  const brokerKey = { AccessKeyId: within(key, 'AccessKeyId'), SecretAccessKey: within(key, 'SecretAccessKey') }
  await root('iam', 'CreateRole', { ...role, AssumeRolePolicyDocument: await shipped('role-trust-policy') })
  const putRolePolicy: AwsAccount['putRolePolicy'] = async (name, document) => {
    await root('iam', 'PutRolePolicy', { ...role, PolicyName: name, PolicyDocument: document })
  }
  const allowBroker: AwsAccount['allowBroker'] = async (policies) => {
    for (const name of BROKER_POLICIES) {
      const policy = { ...user, PolicyName: name }
      if (policies.includes(name))
        await root('iam', 'PutUserPolicy', { ...policy, PolicyDocument: await shipped(name) })
      else await root('iam', 'DeleteUserPolicy', policy).catch(() => undefined)
    }
  }
  const rolePolicy: AwsAccount['rolePolicy'] = async (name) => {
    const found = await root('iam', 'GetRolePolicy', { ...role, PolicyName: name }).catch(() => undefined)
    return found === undefined ? undefined : decodeURIComponent(within(found, 'PolicyDocument'))
  }
  await allowBroker(BROKER_POLICIES)
  await putRolePolicy('orders', await shipped('role-policy'))
  await s3(rootKey, 'PUT', '/orders')
  await s3(rootKey, 'PUT', '/orders/1234/note.txt', 'order 1234')
  await s3(rootKey, 'PUT', '/orders/9999/note.txt', 'order 9999')
  return {
    brokerKey,
    allowBroker,
    putRolePolicy,
    rolePolicy,
    async trustPolicy(document) {
      await root('iam', 'UpdateAssumeRolePolicy', { ...role, PolicyDocument: document })
    },
    async state() {
      const names = await root('iam', 'ListRolePolicies', role)
      const documents = [...names.matchAll(/<member>([^<]+)/g)].map(([, name = '']) => rolePolicy(name))
      const all = [await root('iam', 'GetRole', role), names, ...(await Promise.all(documents))]
      return all.join('\n').replace(/<RequestId>[^<]*/g, '')
    },
  }
}

/** One call of IAM or STS, as whoever has the key; answers of any status are answers. */
export const call = (
  { url }: Pick<Ministack, 'url'>,
  key: AccessKey,
  service: 'iam' | 'sts',
  parameters: Readonly<Record<string, string>>,
): Promise<Response> =>
  signedRequest(key, {
    url: `${url}/`,
    method: 'POST',
    service,
    body: new URLSearchParams(parameters).toString(),
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  })

/** The credential in an answer of AssumeRole. */
export const keyIn = (answer: string): AccessKey => ({
  AccessKeyId: within(answer, 'AccessKeyId'),
  SecretAccessKey: within(answer, 'SecretAccessKey'),
  SessionToken: within(answer, 'SessionToken'),
})

/** The text of one element of an XML answer. */
export function within(xml: string, element: string): string {
  const text = new RegExp(`<${element}>([^<]*)</${element}>`).exec(xml)?.[1]
  if (text === undefined) throw new Error(`There is no ${element} in ${xml}`)
  return text.replaceAll('&quot;', '"').replaceAll('&amp;', '&')
}
