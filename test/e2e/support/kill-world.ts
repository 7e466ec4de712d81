import { writeFile } from 'node:fs/promises'
import { startFaultProxy, type FaultProxy } from '../../support/backends/fault-proxy.ts'
import { identityOf, ORDINARY, settingsOf, TEST_RULES, worldIn, type TestBroker } from '../../support/broker.ts'
import type { BrokerProcess, ProcessBroker } from '../../support/broker-process.ts'
import { disposedBy } from '../../support/disposed-by.ts'
import type { Commit } from '../../support/kill-points.ts'
import { brokenChains, readLedger, undone, type LedgerFile } from '../../support/ledger-file.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { BUCKET_ACCESS, realSettings, type Upstreams } from './real-upstreams.ts'

/** Longer than all the time that passes: what OpenBao gives for so long cannot end by itself meanwhile, for its time is real. */
const LONG_SECONDS = 10_800
const LONG_RULES = TEST_RULES.replace('max_ttl: 900', `max_ttl: ${LONG_SECONDS}`)

const ABOUT_TO_END_MS = 10_000

/** A lease that was answered as active. */
export interface HeldLease {
  readonly id: string
  readonly token: string
  readonly handle: string
  /** By the clock of its world. */
  readonly endsAt: number
}

type Callable = Pick<ProcessBroker, 'call'>

/** A folder whose brokers are killed, and what they have answered. */
export interface KillWorld extends AsyncDisposable {
  readonly folder: string
  readonly identity: () => string
  readonly operator: TestBroker['operator']
  readonly toVault: FaultProxy
  readonly toAws: FaultProxy
  readonly configFile: string
  /** `forget`: such commits are answered for and not made, for controls. */
  readonly startIn: (process: BrokerProcess, forget?: Commit) => Promise<ProcessBroker>
  readonly advance: (broker: ProcessBroker, ms: number) => Promise<void>
  readonly grant: (broker: Callable, grant: string, ttl?: number) => Promise<HeldLease>
  readonly replace: (broker: Callable, lease: HeldLease, grant: string) => Promise<unknown>
  readonly end: (broker: Callable, lease: HeldLease, how: 'complete' | 'revoke') => Promise<unknown>
  /** An operator ends every lease, whoever holds it: of some nobody knows whether it was answered. */
  readonly endAll: (broker: Callable) => Promise<void>
  readonly ledger: () => LedgerFile
  /** Reads the disk, also right after a kill. What is wrong by that and by what lives upstream later on. */
  readonly read: () => (living: ReadonlySet<string>) => readonly string[]
}

export async function killWorld(upstreams: Upstreams, roleArn: string): Promise<KillWorld> {
  await using started = new AsyncDisposableStack()
  const { path: folder, at } = started.use(await temporaryFolder())
  const toVault = started.use(await startFaultProxy(upstreams.vault.bao.url))
  const toAws = started.use(await startFaultProxy(upstreams.ministack.url))
  const configure = await realSettings(upstreams, { vaultAddress: toVault.url, awsEndpoint: toAws.url, roleArn })
  const world = await worldIn(folder, { rules: LONG_RULES })
  const configFile = at('mayfly.yaml')
  await writeFile(configFile, JSON.stringify(configure({ ...settingsOf(world), limits: { max_ttl: LONG_SECONDS } })))

  let [ahead, tasks] = [0, 0]
  const now = (): number => Date.now() + ahead
  const identity = identityOf(world, now)
  const held = new Map<string, HeldLease>()
  const ended = new Set<string>()
  let before: LedgerFile | undefined
  const ledger = (): LedgerFile => readLedger(folder)

  async function end(
    broker: Callable,
    { id, token }: Pick<HeldLease, 'id' | 'token'>,
    how: 'complete' | 'revoke',
  ): Promise<void> {
    held.delete(id)
    const call =
      how === 'complete'
        ? { token, body: { outcome: 'success' } }
        : { token: world.operators.operator.token, body: { reason: 'Stop' } }
    if ((await broker.call('POST', `/v1/leases/${id}/${how}`, call)).status === 200) ended.add(id)
  }
  async function endAll(broker: Callable): Promise<void> {
    for (const { id, state } of ledger().leases.values())
      if (state === 'active') await end(broker, { id, token: '' }, 'revoke')
  }

  return {
    folder,
    identity,
    operator: (name) => world.operators[name].token,
    toVault,
    toAws,
    end,
    endAll,
    ledger,
    configFile,
    startIn: (process, forget) =>
      process.start({ configFile, upstreams: [], ahead, ...(forget !== undefined && { forget }) }),
    async advance(broker, ms) {
      ahead += ms
      for (const { id, endsAt } of held.values()) if (endsAt <= now()) held.delete(id)
      await broker.advance(ms)
    },
    async grant(broker, grant, ttl = LONG_SECONDS) {
      const access = [grant === BUCKET_ACCESS.grant ? BUCKET_ACCESS : { grant }]
      const request = { ...ORDINARY, access, ttl, task: `run-${(tasks += 1)}` }
      const { status, body } = await broker.call('POST', '/v1/leases', { token: identity(), body: request })
      if (status !== 201) throw new Error(`No lease: ${status} ${JSON.stringify(body)}`)
      const lease = {
        id: body.id,
        token: body.token,
        handle: body.credentials[0].id,
        endsAt: Date.parse(body.credentials[0].expires_at),
      }
      held.set(lease.id, lease)
      return lease
    },
    async replace(broker, lease, grant) {
      const { id, token } = lease
      held.delete(id)
      const { status, body } = await broker.call('POST', `/v1/leases/${id}/credentials`, { token, body: { grant } })
      if (status === 201) held.set(id, { ...lease, handle: body.id })
    },
    read() {
      const later = ledger()
      const { leases, credentials } = later
      const changed = before ? undone(before, later) : []
      before = later
      return (living) => [
        ...[...living]
          .filter((handle) => credentials.get(handle)?.state === 'closed')
          .map((handle) => `${handle} is alive, and its row is closed`),
        ...[...held.values()]
          .filter(({ endsAt }) => endsAt - now() > ABOUT_TO_END_MS)
          .filter(({ id, handle }) => leases.get(id)?.state !== 'active' || !living.has(handle))
          .map(({ id }) => `lease ${id} was answered and is lost`),
        ...[...ended]
          .filter((id) => !['closing', 'closed'].includes(leases.get(id)?.state ?? ''))
          .map((id) => `lease ${id} was answered to have ended and has not`),
        ...brokenChains(later).map((stream) => `the chain of ${stream} is broken`),
        ...changed,
      ]
    },
    ...disposedBy(started),
  }
}
