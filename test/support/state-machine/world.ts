import type { Transaction } from '../../../src/broker/store-port.ts'
import type { LoadedPolicy } from '../../../src/local/load-policy.ts'
import type { SqliteStore } from '../../../src/store/sqlite/open-store.ts'
import { seldom, startClockedBroker, type ClockedBroker, type Clocks } from '../clocked-broker.ts'
import { readLedger, type LedgerFile } from '../ledger-file.ts'
import { scriptedUpstream, type ScriptedUpstream } from '../scripted-upstream.ts'
import { memoryFolder } from '../temporary-folder.ts'
import type { Variant } from './model.ts'

/** The real broker beside the model, with an upstream that keeps the truth. */
export interface World extends AsyncDisposable {
  readonly clocks: Clocks
  readonly upstream: ScriptedUpstream
  readonly folder: string
  readonly broker: () => ClockedBroker
  readonly ledger: () => SqliteStore
  readonly restart: () => Promise<void>
  /** What the configuration says from the next reload or restart on. */
  readonly configure: (variant: Variant) => void
  /** Digest of the rules in force. */
  readonly rules: () => string
  /** How the ledger read when it was last looked at. */
  seen: LedgerFile
}

const roomy = (settings: Readonly<Record<string, unknown>>) => ({
  ...seldom(settings),
  // The port is another one after each restart, and a token of before is still good.
  server: { ...(settings['server'] as object), public_url: 'https://mayfly.test' },
  limits: { leases_per_agent: 5000, lease_requests_per_minute: 100_000, max_age: 7200 },
  approvals: { pending_per_agent: 1000, expire_after: 900 },
})

/** What a control says in place of the ledger. */
export type Break = (tx: Transaction, where: 'reads' | 'steps') => Partial<Transaction>

const MONTH_MS = 30 * 86_400_000

export async function stateMachineWorld(clocks: Clocks, breakIt: Break = () => ({})): Promise<World> {
  await using opened = new AsyncDisposableStack()
  const folder = opened.use(await memoryFolder())
  // What it makes outlives the test unless it is taken back.
  const upstream = scriptedUpstream({ leastLifeMs: MONTH_MS })
  let variant: Variant = 'whole'
  let ledger: SqliteStore | undefined
  let rules = ''
  const change = (loaded: LoadedPolicy): LoadedPolicy => {
    rules = loaded.rules.digest
    const { configuration } = loaded
    const agents = [...configuration.catalogue.agents].flatMap(([id, agent]) => {
      if (variant === 'without other-bot' && id === 'other-bot') return []
      const cut = variant === 'no upstream for support-bot' && id === 'support-bot'
      return [[id, cut ? { ...agent, grants: agent.grants.filter((name) => name !== 'up-warehouse') } : agent] as const]
    })
    return {
      ...loaded,
      configuration: { ...configuration, catalogue: { ...configuration.catalogue, agents: new Map(agents) } },
    }
  }
  const start = async (): Promise<ClockedBroker> => {
    const store = (real: SqliteStore): SqliteStore => {
      ledger = real
      const reads = { ...real.reads, ...breakIt(real.reads as Transaction, 'reads') }
      return { ...real, reads, commit: (step) => real.commit((tx) => step({ ...tx, ...breakIt(tx, 'steps') })) }
    }
    const app = { decorate: { store } }
    const broker = await startClockedBroker({
      clocks,
      folder: folder.path,
      configure: roomy,
      change,
      upstreams: [upstream],
      app,
    })
    await broker.pass(0)
    return broker
  }
  let broker = await start()
  opened.defer(() => broker[Symbol.asyncDispose]())
  const parts = opened.move()
  return {
    clocks,
    upstream,
    folder: folder.path,
    broker: () => broker,
    ledger: () => {
      if (!ledger) throw new Error('There is no ledger yet')
      return ledger
    },
    restart: async () => {
      await broker[Symbol.asyncDispose]()
      broker = await start()
    },
    configure: (next) => void (variant = next),
    rules: () => rules,
    seen: readLedger(folder.path),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  }
}
