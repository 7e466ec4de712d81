import { writeFile } from 'node:fs/promises'
import type { Answered, TestBroker } from './broker.ts'
import { identityOf, ORDINARY, settingsOf, worldIn } from './broker.ts'
import type { BrokerProcess, ProcessBroker, ProcessBrokerOptions } from './broker-process.ts'
import { brokenChains, readLedger, undone, type LedgerFile } from './ledger-file.ts'
import { scriptedUpstream, type ScriptedUpstream, type ScriptedUpstreamOptions } from './scripted-upstream.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { WAREHOUSE } from './upstream-broker.ts'
import { serveUpstream } from './upstream-server.ts'

/** A lease that was answered, with what only its holder knows. */
export interface HeldLease {
  readonly id: string
  readonly token: string
  /** What the upstream knows its credential by. */
  readonly handle: string
}

/**
 * A folder whose brokers are killed, the upstream that outlives them, and what was answered so far. The truth is told by
 * three that do not ask each other: the upstream, the answers, and the file of the database.
 */
export interface CrashWorld extends AsyncDisposable {
  readonly folder: string
  readonly upstream: ScriptedUpstream
  readonly identity: TestBroker['identity']
  readonly operator: TestBroker['operator']
  readonly startIn: (process: BrokerProcess, over?: Partial<ProcessBrokerOptions>) => Promise<ProcessBroker>
  /** So much time passes, for the broker and for the upstream. Every lease that was answered may end by it. */
  readonly advance: (broker: ProcessBroker, ms: number) => Promise<void>
  readonly grant: (broker: ProcessBroker, over?: object, headers?: Record<string, string>) => Promise<HeldLease>
  /** Leases that were answered as active, and of which nothing else was asked since. */
  readonly held: () => readonly HeldLease[]
  /** What becomes of the lease is not known from now on: a call about it is on its way. */
  readonly letGo: (lease: HeldLease) => void
  /** It was answered that this lease has ended. */
  readonly ended: (lease: HeldLease) => void
  readonly hold: (lease: HeldLease) => void
  readonly ledger: () => LedgerFile
  /** Everything that is wrong, by what is on the disk now. Also right after a kill. */
  readonly faults: () => readonly string[]
  /** Besides, what a broker that runs has not cleaned up: empty once recovery is done. */
  readonly leftBehind: () => readonly string[]
}

const LIFE_MS = 12 * 3_600_000

export async function crashWorld(options: ScriptedUpstreamOptions = {}): Promise<CrashWorld> {
  await using cleanup = new AsyncDisposableStack()
  const { path: folder, at } = cleanup.use(await temporaryFolder())
  // It does not end its credentials with their leases: what nobody takes back lives on.
  const upstream = scriptedUpstream({ leastLifeMs: LIFE_MS, ...options })
  const server = cleanup.use(await serveUpstream(upstream))
  const world = await worldIn(folder)
  const configFile = at('mayfly.yaml')
  // Many leases of one agent stay open here: those that were granted and whose answer was lost.
  const limits = { leases_per_agent: 100_000, lease_requests_per_minute: 1_000_000 }
  await writeFile(configFile, JSON.stringify({ ...settingsOf(world), limits }))

  let ahead = 0
  const clock = (): number => Date.now() + ahead
  upstream.followClock(clock)
  const identity = identityOf(world, clock)
  const held = new Map<string, HeldLease>()
  const ended = new Set<string>()
  let before: LedgerFile | undefined

  async function grant(
    broker: ProcessBroker,
    over: object = {},
    headers: Record<string, string> = {},
  ): Promise<HeldLease> {
    const body = { ...ORDINARY, access: [WAREHOUSE, ...ORDINARY.access], ...over }
    const answer = await broker.call('POST', '/v1/leases', { token: identity(), body, headers })
    const lease = heldLease(answer)
    held.set(lease.id, lease)
    return lease
  }

  function faults(): readonly string[] {
    const live = upstream.live()
    const ledger = readLedger(folder)
    const rows = new Map([...ledger.credentials.values()].map((row) => [row.handle, row]))
    const found = [
      ...live
        .filter((handle) => (rows.get(handle)?.state ?? 'closed') === 'closed')
        .map((handle) => `${handle} is alive, and no open row knows of it`),
      ...[...held.values()]
        .filter(({ id, handle }) => ledger.leases.get(id)?.state !== 'active' || !live.includes(handle))
        .map(({ id }) => `lease ${id} was answered and is lost`),
      ...[...ended]
        .filter((id) => !['closing', 'closed'].includes(ledger.leases.get(id)?.state ?? ''))
        .map((id) => `lease ${id} was answered to have ended and has not`),
      ...brokenChains(ledger).map((stream) => `the chain of ${stream} is broken`),
      ...(before ? undone(before, ledger) : []),
    ]
    before = ledger
    return found
  }

  function leftBehind(): readonly string[] {
    const live = upstream.live()
    const { credentials, leases } = readLedger(folder)
    const rows = [...credentials.values()]
    const good = rows.filter(({ state, lease }) => state === 'active' && leases.get(lease)?.state === 'active')
    return [
      ...live.filter((handle) => !good.some((row) => row.handle === handle)),
      ...rows.filter(({ state }) => state === 'minting' || state === 'revoking').map(({ handle }) => handle),
    ]
  }

  const parts = cleanup.move()
  return {
    folder,
    upstream,
    identity,
    operator: (name) => world.operators[name].token,
    startIn: (process, over) => process.start({ configFile, upstreams: [server], ahead, ...over }),
    advance: async (broker, ms) => {
      held.clear()
      ahead += ms
      await broker.advance(ms)
    },
    grant,
    held: () => [...held.values()],
    letGo: ({ id }) => void held.delete(id),
    hold: (lease) => void held.set(lease.id, lease),
    ended: ({ id }) => void ended.add(id),
    ledger: () => readLedger(folder),
    faults,
    leftBehind,
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  }
}

/** What the holder of a lease has from its answer. */
export function heldLease({ status, body }: Answered): HeldLease {
  if (status !== 201) throw new Error(`No lease: ${status} ${JSON.stringify(body)}`)
  const [{ value }] = body.credentials as readonly [{ readonly value: { readonly username: string } }]
  return { id: body.id, token: body.token, handle: value.username }
}
