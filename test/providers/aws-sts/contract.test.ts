import type { Plan, UpstreamMinted, UpstreamOrder } from '../../../src/broker/provider-port.ts'
import { providerContract } from '../../contract/provider.ts'
import type { PlantedFault, ProviderSetup, UnnarrowableOrder } from '../../contract/provider-setup.ts'
import { ACCOUNT, ministackOfSuite, type Ministack } from '../../support/backends/ministack.ts'
import type { AccessKey } from '../../support/backends/signed-request.ts'
import { BROKER_ARN, BROKER_POLICIES, call, keyIn, ROLE, ROLE_ARN, shipped } from './support/aws-account.ts'
import { startAwsWorld, type AwsWorld } from './support/aws-world.ts'
import { keyOf, ORDERS, orderOf } from './support/orders.ts'

describe('aws-sts on an emulator of AWS that enforces', () => {
  const ministack = ministackOfSuite()

  providerContract('aws-sts', async () => setUp(ministack()))
})

async function setUp(ministack: Ministack): Promise<ProviderSetup> {
  // What is waited for between two writes has its own tests.
  const world = await startAwsWorld(ministack, { pause: () => new Promise((resolve) => setTimeout(resolve, 10)) })
  const { account, faults, clock } = world
  const reads = async (key: AccessKey, path = '/orders/1234/note.txt'): Promise<boolean> =>
    (await ministack.s3(key, 'GET', path)).status === 200
  return {
    provider: world.provider,
    faults,
    clock,
    order: (lifeMs = 60_000) => orderFor(clock(), lifeMs),
    unnarrowable: unnarrowable(clock()),
    records: 1,
    secretOf: (minted) => keyOf(minted).SecretAccessKey,
    works: (minted) => reads(keyOf(minted)),
    exceeds: (minted) => exceeds(ministack, minted),
    async alive({ handle }: Plan) {
      const made = faults.exchanges.filter(({ request }) => request.body.includes(`RoleSessionName=${handle}`))
      const answers = made.flatMap(({ answer }) => (answer?.status === 200 ? [answer.body] : []))
      const alive = await Promise.all(answers.map((answer) => reads(keyIn(answer))))
      return alive.includes(true)
    },
    pass: world.pass,
    selfHealsAfterMs: 0,
    shortestLifeMs: 5_000,
    throttled: {
      status: 400,
      body: '<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code><Message>Rate exceeded</Message></Error><RequestId>0</RequestId></ErrorResponse>',
    },
    async forbidRevocation() {
      await account.allowBroker(['broker-policy', 'broker-doctor-policy'])
      return { [Symbol.asyncDispose]: () => account.allowBroker(BROKER_POLICIES) }
    },
    planted: planted(ministack, world),
    state: account.state,
    canaries: () => [account.brokerKey.SecretAccessKey],
    [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
  }
}

function orderFor(now: number, lifeMs: number): UpstreamOrder {
  const order = orderOf(now)
  return { ...order, lease: { ...order.lease, expiresAt: now + lifeMs } }
}

function unnarrowable(now: number): readonly UnnarrowableOrder[] {
  const access = (why: string, over: object): UnnarrowableOrder => {
    const order = orderOf(now)
    return { why, order: { ...order, access: { ...order.access, ...over } } }
  }
  return [
    access('no action at all', { actions: [] }),
    access('an action that the grant does not have', { actions: ['s3:DeleteObject'] }),
    access('a pattern of actions', { actions: ['s3:*'] }),
    access('no resource, where the grant has some', { resources: [] }),
    access('a resource outside the grant', { resources: ['arn:aws:s3:::salaries/*'] }),
    access('a pattern inside a resource', { resources: ['arn:aws:s3:::orders/*/note.txt'] }),
    access('more resources than a policy holds', {
      resources: Array.from({ length: 60 }, (_, at) => `arn:aws:s3:::orders/${at}/some/longer/name/of/an/object`),
    }),
  ]
}

/** What a session must not do, tried one by one; those that were let. */
async function exceeds(ministack: Ministack, minted: UpstreamMinted): Promise<readonly string[]> {
  const key = keyOf(minted)
  const ask = (service: 'iam' | 'sts', parameters: Record<string, string>): Promise<Response> =>
    call(ministack, key, service, parameters)
  const role = { RoleName: ROLE, PolicyName: 'MayflyEndedSessions' }
  const tried: readonly (readonly [string, Promise<Response>])[] = [
    ['reads another order', ministack.s3(key, 'GET', '/orders/9999/note.txt')],
    ['writes its order', ministack.s3(key, 'PUT', '/orders/1234/note.txt', 'changed')],
    ['lists the bucket', ministack.s3(key, 'GET', '/orders')],
    ['assumes its role again', ask('sts', { Action: 'AssumeRole', RoleArn: ROLE_ARN, RoleSessionName: 'crd_again' })],
    ['removes its deny policy', ask('iam', { Action: 'DeleteRolePolicy', ...role })],
    ['reads its role', ask('iam', { Action: 'GetRole', RoleName: ROLE })],
  ]
  const answers = await Promise.all(tried.map(async ([what, asked]) => ({ what, ok: (await asked).ok })))
  return answers.filter(({ ok }) => ok).map(({ what }) => what)
}

function planted(ministack: Ministack, world: AwsWorld): readonly PlantedFault[] {
  const { account } = world
  const fault = (name: string, finding: string, plant: () => Promise<unknown>, mend: () => Promise<unknown>) => ({
    name,
    finding,
    plant: async () => {
      await plant()
      return {
        [Symbol.asyncDispose]: async () => {
          await mend()
        },
      }
    },
  })
  const trust = (name: string, change: (document: string) => string) =>
    fault(
      name,
      'trust-policy',
      async () => account.trustPolicy(change(await shipped('role-trust-policy'))),
      async () => account.trustPolicy(await shipped('role-trust-policy')),
    )
  const rolePolicy = (name: string, actions: string) =>
    fault(
      name,
      'role-policies',
      async () => account.putRolePolicy('orders', (await shipped('role-policy')).replace('"s3:GetObject"', actions)),
      async () => account.putRolePolicy('orders', await shipped('role-policy')),
    )
  const rights = (name: string, finding: string, left: Parameters<typeof account.allowBroker>[0]) =>
    fault(
      name,
      finding,
      () => account.allowBroker(left),
      () => account.allowBroker(BROKER_POLICIES),
    )
  const grants = (name: string, finding: string, over: Partial<typeof ORDERS>) =>
    fault(
      name,
      finding,
      () => Promise.resolve((world.grants = [{ ...ORDERS, ...over }])),
      () => Promise.resolve((world.grants = [ORDERS])),
    )
  return [
    trust('a trust policy that refuses the broker', (document) => document.replaceAll(BROKER_ARN, `${BROKER_ARN}-2`)),
    trust('a trust policy that refuses the tags', (document) => document.replace('"sts:TagSession", ', '')),
    trust('a trust policy that refuses the source identity', (document) =>
      document.replace(', "sts:SetSourceIdentity"', ''),
    ),
    trust('a trust policy for other sessions', (document) => document.replace('crd_*', 'session-*')),
    rolePolicy('a role that may not do what the grant offers', '"s3:GetObjectTagging"'),
    rolePolicy('a role that may change roles', '"s3:GetObject", "iam:*"'),
    rights('no right to take back', 'early-revocation', ['broker-policy', 'broker-doctor-policy']),
    rights('no right to look', 'trust-policy', ['broker-policy', 'broker-early-revocation-policy']),
    grants('sessions longer than those of the role', 'session-length', { maxTtlSeconds: 7_200 }),
    grants('a role that is not there', 'trust-policy', { roleArn: `arn:aws:iam::${ACCOUNT}:role/agent-nobody` }),
    grants('early revocation in another account', 'early-revocation', {
      roleArn: 'arn:aws:iam::123456789012:role/agent-orders',
    }),
    fault(
      'a key that is not the right one',
      'credentials',
      () => world.writeSecretKey('not-the-right-key'),
      () => world.writeSecretKey(account.brokerKey.SecretAccessKey),
    ),
    ...(ministack.movable
      ? [
          fault(
            'a clock that is behind',
            'clock',
            () => ministack.setAhead(60_000),
            () => ministack.setAhead(0),
          ),
        ]
      : []),
  ]
}
