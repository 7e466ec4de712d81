import { join } from 'node:path'

import { BROKER } from './broker/audit-entries.ts'
import { enforcePolicy } from './broker/enforce-policy.ts'
import type { Broker, Clock, Provider } from './broker/ports.ts'
import { refusedProofs } from './broker/refused-proofs.ts'
import { sweep } from './broker/sweep.ts'
import type { Configuration } from './config/configuration.ts'
import { offLoopback } from './config/off-loopback.ts'
import { describeFault, type Fault } from './core/fault.ts'
import { isLoopback } from './core/is-loopback.ts'
import { err, ok, type Result } from './core/result.ts'
import { createLimiter } from './http/limiter.ts'
import { createMetrics } from './http/metrics.ts'
import { httpServer } from './http/server.ts'
import type { HttpLog } from './http/services.ts'
import type { Fetch } from './identity/fetch-json.ts'
import { createNewIds } from './identity/new-ids.ts'
import { keyUpkeep } from './key-upkeep.ts'
import { listen, stop } from './listener.ts'
import type { LoadedPolicy } from './local/load-policy.ts'
import { policyInForce, type PolicyInForce } from './policy-in-force.ts'
import { createAccessTokens } from './providers/jwt/create-access-tokens.ts'
import { createReadiness } from './readiness.ts'
import { processChanges } from './store/changes.ts'
import { digests } from './store/digests.ts'
import { loadSealKey } from './store/keys/load-seal-key.ts'
import { openKeyRing } from './store/keys/open-key-ring.ts'
import { publicKeySet } from './store/keys/public-key-set.ts'
import { createSealer } from './store/keys/sealer.ts'
import { signCheckpoint } from './store/keys/sign-checkpoint.ts'
import { openStore, type SqliteStore } from './store/sqlite/open-store.ts'
import { StartRefused } from './start-refused.ts'
import { startSweeper } from './sweeper.ts'

export interface AppOptions {
  readonly loaded: LoadedPolicy
  /** Reads the same configuration again. */
  readonly reload: () => Result<LoadedPolicy, readonly Fault[]>
  readonly listen?: { readonly host: string; readonly port: number }
  readonly dataDir?: string
  readonly log: HttpLog
  readonly version: string
  readonly clock?: Clock
  readonly fetch?: Fetch
  /** Stands in front of what is real: a test makes it fail or wait at a named point. */
  readonly decorate?: Decorations
}

interface Decorations {
  readonly store?: (store: SqliteStore) => SqliteStore
  readonly provider?: (provider: Provider) => Provider
}

interface Reloaded {
  /** Leases that the new configuration no longer holds. */
  readonly closed: number
  /** What it was read from. */
  readonly files: readonly string[]
}

export interface App extends AsyncDisposable {
  readonly url: string
  /** All or nothing: on a fault the configuration in force stays, and both outcomes are on record. */
  readonly reload: () => Promise<Result<Reloaded, readonly Fault[]>>
  /** Sweeps now, without waiting for the next turn. */
  readonly sweep: () => Promise<void>
  /** Durable commits so far. */
  readonly commits: () => number
}

/** The command line may name another address than the configuration, which was checked for its own. */
function refuseOffLoopback(host: string, { server, sealKey }: Configuration): void {
  const faults = offLoopback({ ...server, host, sealKeyBesideData: sealKey.from === 'data-folder' })
  if (faults.length > 0) throw new StartRefused(faults.map(({ message, mend }) => `${message}. ${mend}`).join(' '))
}

/** The composition root: the only file that knows every part. Resolves when the broker listens; throws what stops the start. */
export async function startApp(options: AppOptions): Promise<App> {
  const { log, loaded, clock = Date.now, fetch = globalThis.fetch, decorate = {} } = options
  const { configuration } = loaded
  const { host, port } = options.listen ?? configuration.server
  const dataDir = options.dataDir ?? configuration.server.dataDir
  refuseOffLoopback(host, configuration)
  await using cleanup = new AsyncDisposableStack()

  const opened = cleanup.use(openStore({ dataDir }))
  const store = decorate.store?.(opened) ?? opened
  const keyFolder = join(dataDir, 'keys')
  const sealKey = await loadSealKey(configuration.sealKey, keyFolder)
  if (sealKey.besideData) log.warn({}, 'the seal key lies beside the data that it seals: set keys.seal_key_file')
  const ring = await openKeyRing({ folder: keyFolder, sealer: createSealer(sealKey.key), clock })
  const maintainKeys = keyUpkeep({ ring, store, clock, log })
  await maintainKeys(configuration.catalogue)

  let inForce: PolicyInForce | undefined
  const force = (): PolicyInForce => {
    if (!inForce) throw new Error('The broker has no policy yet')
    return inForce
  }
  const broker: Broker = {
    clock,
    digests,
    store,
    ids: createNewIds(clock),
    policy: () => force().policy,
    providers: () => force().providers,
    changes: processChanges(),
    inFlight: new Set(),
  }
  const refused = refusedProofs(broker)
  cleanup.defer(refused.close)
  const sweeper = cleanup.use(
    startSweeper({
      every: configuration.sweepEvery,
      clock,
      pass: async () => {
        if (!inForce) return
        const { closed, failed } = await sweep(broker)
        if (failed > 0) log.error({ closed, failed }, 'the sweep could not close every lease; it tries again')
        await refused.flush()
        await maintainKeys(inForce.policy.catalogue)
      },
      failed: (error) => log.error({ err: error }, 'the sweep failed; it tries again'),
    }),
  )
  const readiness = createReadiness({
    integrity: store.integrity,
    sweepLate: sweeper.late,
    damaged: (error) => log.error({ err: error }, 'the database is damaged: stop the broker and restore a backup'),
  })

  const tokens = { keys: ring.access, issuer: '' }
  const outside = { clock, fetch, decorate: decorate.provider }
  const server = httpServer({
    broker,
    identities: () => force().identities,
    accessTokens: { verify: (token, now) => createAccessTokens(tokens).verify(token, now) },
    publicKeys: {
      accessTokens: () => publicKeySet(ring.access.published(clock())),
      audit: () => publicKeySet(ring.audit.published(clock())),
    },
    signCheckpoint: (heads, now) => signCheckpoint(ring.audit, heads, now),
    publicUrl: () => tokens.issuer,
    notReady: readiness.reasons,
    stopping: readiness.stopping,
    onLoopback: isLoopback(host),
    trustedProxies: configuration.server.trustedProxies,
    limiter: createLimiter(() => inForce?.policy.limits ?? configuration.limits),
    refusedProofs: refused,
    metrics: createMetrics({
      liveLeases: () => store.reads.countLive(null),
      commits: store.commits,
      sweepLagSeconds: sweeper.lagSeconds,
      ready: () => readiness.reasons().length === 0,
    }),
    log,
    version: options.version,
  })
  cleanup.defer(() => stop(server))
  const url = await listen(server, host, port)
  // In the same turn of the loop in which the port became known, so that no request comes before the policy.
  tokens.issuer = configuration.server.publicUrl ?? url
  inForce = policyInForce({ loaded, tokens: { ...tokens }, before: undefined, ...outside })
  await record(loaded)
  await enforcePolicy(broker, inForce.policy)
  readiness.started()

  /** What comes into force is on record first: where it cannot be recorded, the one in force stays. */
  async function record({ rules }: LoadedPolicy): Promise<void> {
    const subject = { id: rules.digest, outcome: 'loaded', reason: null }
    await store.commit((tx) => {
      tx.append({ kind: 'config.loaded', time: clock(), actor: BROKER, subject })
    })
  }

  async function reload(): Promise<Result<Reloaded, readonly Fault[]>> {
    const read = options.reload()
    if (!read.ok) {
      log.error({ faults: read.error.map(describeFault) }, 'the configuration has faults; the one in force stays')
      const subject = { id: force().policy.rules.digest, outcome: 'refused', reason: `${read.error.length} faults` }
      await store.commit((tx) => {
        tx.append({ kind: 'config.refused', time: clock(), actor: BROKER, subject })
      })
      return err(read.error)
    }
    await maintainKeys(read.value.configuration.catalogue)
    const next = policyInForce({ loaded: read.value, tokens: { ...tokens }, before: force(), ...outside })
    await record(read.value)
    inForce = next
    const closed = await enforcePolicy(broker, next.policy)
    log.info({ rules: read.value.rules.digest, closed }, 'the configuration was loaded again')
    return ok({ closed, files: read.value.configuration.files })
  }

  const parts = cleanup.move()
  return {
    url,
    reload,
    sweep: sweeper.kick,
    commits: store.commits,
    [Symbol.asyncDispose]: async () => {
      readiness.stop()
      await parts.disposeAsync()
    },
  }
}
