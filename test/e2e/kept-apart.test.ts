import { expect } from 'chai'
import { errorPaths, expectProblem } from '../support/expect-problem.ts'
import { until } from '../support/until.ts'
import { shipped } from '../providers/aws-sts/support/aws-account.ts'
import { credentialOf, complete, leaseOf, startRealBroker, type RealBroker } from './support/real-broker.ts'
import { BUCKET_ACCESS, GRANTS, upstreamsOfSuite } from './support/real-upstreams.ts'
import { workingOf } from './support/what-works.ts'

/* eslint-disable @typescript-eslint/no-explicit-any -- the answers are what is being tested */

/** Everything secret in a lease's credentials, and every name that is one credential's own. */
const secretsOf = (lease: any): readonly string[] =>
  lease.credentials.flatMap(({ id, fingerprint, value }: any) => [
    id,
    fingerprint,
    ...[value.data?.username, value.data?.password, value.token].filter((each) => each !== undefined),
    ...[value.AccessKeyId, value.SecretAccessKey, value.SessionToken].filter((each) => each !== undefined),
  ])

const assumed = ({ toAws }: RealBroker): number =>
  toAws.exchanges.filter(({ request }) => request.body.includes('Action=AssumeRole')).length

describe('what agents get of one grant', function () {
  this.timeout(30_000)
  const upstreams = upstreamsOfSuite()

  it('is never the same for two of them, nor for one that asks twice, even at once', async () => {
    await using broker = await startRealBroker(upstreams())
    const agents = ['support-bot', 'other-bot', 'support-bot', 'other-bot']
    const leases = await Promise.all(agents.map((agent) => leaseOf(broker, {}, { agent })))
    const secrets = leases.flatMap(secretsOf)
    expect(secrets).to.have.length(agents.length * 12)
    expect(new Set(secrets).size).to.equal(secrets.length)

    const [first, ...others] = leases
    await complete(broker, first)
    await until('the first is dead', async () => (await workingOf(upstreams(), first)).length === 0)
    for (const other of others) expect(await workingOf(upstreams(), other)).to.have.members(GRANTS)
  })

  it('is asked for by the minimal user and policy of the documentation, and never by root', async () => {
    await using broker = await startRealBroker(upstreams())
    const lease = await leaseOf(broker)
    await complete(broker, lease)
    await until('it is dead', async () => (await workingOf(upstreams(), lease)).length === 0)
    const { vault, account, ministack } = upstreams()
    const signedBy = broker.toAws.exchanges.map(
      ({ request }) => /Credential=([^/]+)/.exec(request.headers.authorization ?? '')?.[1],
    )
    expect([...new Set(signedBy)]).to.deep.equal([account.brokerKey.AccessKeyId])
    expect(signedBy).to.not.include(ministack.rootKey.AccessKeyId)
    const login = broker.toVault.exchanges.find(({ request }) => request.path === '/v1/auth/approle/login')
    expect(JSON.parse(login?.answer?.body ?? '').auth.policies).to.deep.equal(['mayfly-broker'])
    const tokens = broker.toVault.exchanges.map(({ request }) => request.headers['x-vault-token'])
    expect(tokens).to.not.include(vault.bao.rootToken)
  })

  const outside: readonly (readonly [string, object, string, string])[] = [
    [
      'an action that the grant does not name',
      { ...BUCKET_ACCESS, actions: ['s3:DeleteObject'] },
      'not-granted',
      'actions',
    ],
    ['a pattern of actions', { ...BUCKET_ACCESS, actions: ['s3:*'] }, 'not-granted', 'actions'],
    ['an action in another case', { ...BUCKET_ACCESS, actions: ['s3:getobject'] }, 'not-granted', 'actions'],
    ['a way out of the session', { ...BUCKET_ACCESS, actions: ['sts:AssumeRole'] }, 'not-granted', 'actions'],
    ['another bucket', { ...BUCKET_ACCESS, resources: ['arn:aws:s3:::salaries/*'] }, 'not-granted', 'resources'],
    ['no action at all', { ...BUCKET_ACCESS, actions: [] }, 'invalid-request', 'actions'],
    ['no resource at all', { ...BUCKET_ACCESS, resources: [] }, 'invalid-request', 'resources'],
    ['an action of a database user', { grant: 'orders-db', actions: ['select'] }, 'not-granted', 'actions'],
    ['an action of a child token', { grant: 'orders-reader', actions: ['read'] }, 'not-granted', 'actions'],
  ]
  for (const [what, access, slug, member] of outside) {
    it(`is nothing where it asks for ${what}: it never falls back to the whole role`, async () => {
      await using broker = await startRealBroker(upstreams())
      const refused = await broker.request({ access: [access] })
      const body = expectProblem(refused, slug as 'not-granted')
      if (body.errors !== undefined) expect(errorPaths(body)).to.deep.equal([`/access/0/${member}`])
      expect(assumed(broker)).to.equal(0)
      expect(broker.toVault.exchanges).to.deep.equal([])
    })
  }

  it('stays what was asked where the role itself may do anything', async () => {
    const { account, ministack } = upstreams()
    await account.putRolePolicy('orders', (await shipped('role-policy')).replace(/"Action".*/, '"Action": "*",'))
    await using _ = { [Symbol.asyncDispose]: async () => account.putRolePolicy('orders', await shipped('role-policy')) }
    await using broker = await startRealBroker(upstreams())
    const narrow = credentialOf(await leaseOf(broker, { access: [BUCKET_ACCESS] }), 'orders-bucket').value
    const whole = credentialOf(await leaseOf(broker, { access: [{ grant: 'orders-bucket' }] }), 'orders-bucket').value
    const write = async (key: any): Promise<number> =>
      (await ministack.s3(key, 'PUT', '/orders/1234/written.txt', 'x')).status
    const readOther = async (key: any): Promise<number> =>
      (await ministack.s3(key, 'GET', '/orders/9999/note.txt')).status
    expect(await Promise.all([write(narrow), readOther(narrow)])).to.deep.equal([403, 403])
    expect(await Promise.all([write(whole), readOther(whole)]), 'a control: all of the grant').to.deep.equal([200, 200])
  })
})
