import { expect } from 'chai'
import type { Fault, SeenRequest } from '../support/backends/fault-proxy.ts'
import { ORDINARY, type TestBrokerOptions } from '../support/broker.ts'
import { expectProblem } from '../support/expect-problem.ts'
import { until } from '../support/until.ts'
import { keyIn } from '../providers/aws-sts/support/aws-account.ts'
import { tokensOf, usersOf } from '../providers/vault/support/vault-world.ts'
import { startRealBroker, type RealBroker } from './support/real-broker.ts'
import { ALL_ACCESS, upstreamsOfSuite } from './support/real-upstreams.ts'

/* eslint-disable @typescript-eslint/no-explicit-any -- the answers are what is being tested */

const MIXED = [...ORDINARY.access, ...ALL_ACCESS]
const SPREAD_MS = 31_000
type Inject = (broker: RealBroker) => Disposable
const asks =
  (word: string) =>
  ({ path, body }: SeenRequest): boolean =>
    path.includes(word) || body.includes(word)

const noJwt: TestBrokerOptions = {
  app: {
    decorate: {
      provider: (provider) =>
        provider.kind === 'local'
          ? { ...provider, mint: () => Promise.reject(new Error('The key is gone')) }
          : provider,
    },
  },
}

describe('a lease with a token of ours, an AWS session and two things of a Vault', function () {
  this.timeout(30_000)
  const upstreams = upstreamsOfSuite()

  /** Whatever exists at the upstreams of a lease, by their own lists and by trying what AWS has answered. */
  async function leftOf(broker: RealBroker, credentials: readonly any[]): Promise<readonly string[]> {
    const { vault, ministack } = upstreams()
    const known = await Promise.all(
      credentials.map(async ({ id }) => [...(await tokensOf(vault.bao, id)), ...(await usersOf(vault, id))]),
    )
    const answered = broker.toAws.exchanges.flatMap(({ answer }) =>
      answer?.body.includes('<SessionToken>') === true ? [keyIn(answer.body)] : [],
    )
    const sessions = await Promise.all(
      answered.map(async (key) => {
        const { status } = await ministack.s3(key, 'GET', '/orders/1234/note.txt')
        return status === 200 ? [key.AccessKeyId] : []
      }),
    )
    return [...known, ...sessions].flat()
  }

  interface Failure {
    readonly of: string
    readonly options?: TestBrokerOptions
    readonly inject?: Inject
    /** Whether AWS made a session before the lease failed. */
    readonly made: boolean
  }
  const atVault =
    (fault: Fault, word: string): Inject =>
    ({ toVault }) =>
      toVault.inject(fault, asks(word))
  const atAws =
    (fault: Fault): Inject =>
    ({ toAws }) =>
      toAws.inject(fault, asks('Action=AssumeRole'))
  const denied = {
    kind: 'answer',
    status: 403,
    body: '<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>',
  } as const
  const failures: readonly Failure[] = [
    { of: "the broker's own key", options: noJwt, made: true },
    {
      of: 'the database',
      inject: atVault({ kind: 'answer', status: 500, body: '{"errors":[]}' }, 'database/creds'),
      made: true,
    },
    { of: 'the answer with the database user', inject: atVault({ kind: 'cut-answer' }, 'database/creds'), made: true },
    { of: 'the answer with the child token', inject: atVault({ kind: 'cut-answer' }, '"orders-reader"'), made: true },
    { of: 'the last step at the Vault', inject: atVault({ kind: 'half-answer' }, 'renew-accessor'), made: true },
    { of: 'AWS, which says no', inject: atAws(denied), made: false },
    { of: 'the answer of AWS', inject: atAws({ kind: 'cut-answer' }), made: true },
  ]
  for (const { of, options = {}, inject, made } of failures) {
    it(`is none at all where one of them fails: ${of}`, async () => {
      await using broker = await startRealBroker(upstreams(), options)
      const refused = await (async () => {
        using _ = inject?.(broker)
        return await broker.request({ access: MIXED })
      })()
      expectProblem(refused, 'provider-unavailable', 502)
      expect(JSON.stringify(refused.body)).to.not.match(/token"|password|SessionToken/)

      const token = broker.operator('viewer')
      const read = async (): Promise<any> => {
        const [{ id }] = (await broker.call('GET', '/v1/leases', { token })).body.items
        return (await broker.call('GET', `/v1/leases/${id}`, { token })).body
      }
      const lease = await read()
      expect(lease).to.include({ outcome: 'not_minted' })
      expect(lease.credentials.map(({ grant }: any) => grant)).to.have.members(ALL_ACCESS.map(({ grant }) => grant))
      const sessions = broker.toAws.exchanges.filter(({ answer }) => answer?.body.includes('<SessionToken>') === true)
      expect(sessions, 'a control: AWS had made one').to.have.length(made ? 1 : 0)
      const unrecorded = of.includes('child token') ? ['orders-reader'] : []
      const known = lease.credentials.filter(({ grant }: any) => !unrecorded.includes(grant))
      await until('nothing is left', async () => (await leftOf(broker, known)).length === 0)
      const answered = ({ state, effective_after, last_error }: any): boolean =>
        state === 'closed' || effective_after !== null || last_error !== null
      await until('every revocation is answered', async () => (await read()).credentials.every(answered))

      // A token that nobody recorded has no handle at a Vault: it heals itself, and its row waits for that.
      broker.clock.advance(unrecorded.length > 0 ? 71_000 : SPREAD_MS)
      await broker.app.sweep()
      const ended = await read()
      expect(ended).to.include({ state: 'closed', outcome: 'not_minted' })
      expect(ended.credentials.map(({ state }: any) => state)).to.deep.equal(['closed', 'closed', 'closed'])
    })
  }

  it('is one where none of them fails: a control', async () => {
    await using broker = await startRealBroker(upstreams())
    const { status, body } = await broker.request({ access: MIXED })
    expect(status).to.equal(201)
    expect(body.credentials.map(({ type }: any) => type)).to.deep.equal(['jwt', 'vault-secret', 'vault-token', 'aws'])
    expect(await leftOf(broker, body.credentials)).to.have.length(4)
  })
})
