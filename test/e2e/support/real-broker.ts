import { startFaultProxy, type FaultProxy } from '../../support/backends/fault-proxy.ts'
import { startTestBroker, type Answered, type TestBroker, type TestBrokerOptions } from '../../support/broker.ts'
import { disposedBy } from '../../support/disposed-by.ts'
import { ALL_ACCESS, realSettings, type Upstreams } from './real-upstreams.ts'

/** A broker, configured by its file, in front of the real upstreams, which it reaches through a proxy each. */
export interface RealBroker extends TestBroker {
  readonly toVault: FaultProxy
  readonly toAws: FaultProxy
}

export async function startRealBroker(upstreams: Upstreams, options: TestBrokerOptions = {}): Promise<RealBroker> {
  await using started = new AsyncDisposableStack()
  const toVault = started.use(await startFaultProxy(upstreams.vault.bao.url))
  const toAws = started.use(await startFaultProxy(upstreams.ministack.url))
  const configure = await realSettings(upstreams, { vaultAddress: toVault.url, awsEndpoint: toAws.url })
  const broker = started.use(
    await startTestBroker({
      ...options,
      configure: (settings) => configure(options.configure?.(settings) ?? settings),
    }),
  )
  return { ...broker, toVault, toAws, ...disposedBy(started) }
}

/* eslint-disable @typescript-eslint/no-explicit-any -- the answer is what is being tested */

/** A lease of all three kinds of credential, or of these; throws where it is refused. */
export async function leaseOf(
  broker: Pick<TestBroker, 'request'>,
  over: object = {},
  as: Parameters<TestBroker['request']>[1] = {},
): Promise<any> {
  const { status, body } = await broker.request({ access: ALL_ACCESS, ...over }, as)
  if (status !== 201) throw new Error(`No lease: ${status} ${JSON.stringify(body)}`)
  return body
}

/** The credential of a grant in a lease, with its value. */
export const credentialOf = (lease: any, grant: string): any =>
  lease.credentials.find((each: any) => each.grant === grant)

/** What a broker says of a credential now. */
export async function stateOf(broker: TestBroker, lease: any, grant: string): Promise<any> {
  const { body } = await broker.call('GET', `/v1/leases/${lease.id}`, { token: broker.operator('viewer') })
  const all = body.credentials.filter((each: any) => each.grant === grant)
  return all.at(-1)
}

export const complete = (broker: Pick<TestBroker, 'call'>, lease: any): Promise<Answered> =>
  broker.call('POST', `/v1/leases/${lease.id}/complete`, { token: lease.token, body: { outcome: 'success' } })

export const revoke = (broker: Pick<TestBroker, 'call' | 'operator'>, lease: any): Promise<Answered> =>
  broker.call('POST', `/v1/leases/${lease.id}/revoke`, {
    token: broker.operator('operator'),
    body: { reason: 'A person stopped it' },
  })
