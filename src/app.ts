import { randomUUID } from 'node:crypto'

import { BROKER } from './broker/audit-entries.ts'
import { beginEnforcing } from './broker/enforce-policy.ts'
import { whyInRecovery } from './broker/in-recovery.ts'
import type { Broker, Clock, Provider } from './broker/ports.ts'
import { createHeard } from './broker/heartbeat.ts'
import type { UpstreamProvider } from './broker/provider-port.ts'
import { refusedProofs } from './broker/refused-proofs.ts'
import { sweep } from './broker/sweep.ts'
import { createUnsavedStops } from './broker/unsaved-stops.ts'
import { brokerMetrics } from './broker-metrics.ts'
import type { Configuration } from './config/configuration.ts'
import { offLoopback } from './config/off-loopback.ts'
import { describeFault, type Fault } from './core/fault.ts'
import { isLoopback } from './core/is-loopback.ts'
import { err, ok, type Result } from './core/result.ts'
import { enforcement } from './enforcement.ts'
import { createLimiter } from './http/limiter.ts'
import { httpServer } from './http/server.ts'
import type { HttpLog } from './http/services.ts'
import type { Fetch } from './identity/fetch-json.ts'
import { createNewIds } from './identity/new-ids.ts'
import { providerLedger, type ProviderParts } from './create-providers.ts'
import { ledgerCheckpoint } from './ledger-checkpoint.ts'
import { listen, stop } from './listener.ts'
import type { LoadedPolicy } from './local/load-policy.ts'
import { openKeys } from './open-keys.ts'
import { policyInForce, type PolicyInForce } from './policy-in-force.ts'
import { createAccessTokens } from './providers/jwt/create-access-tokens.ts'
import { providerUpkeep } from './provider-upkeep.ts'
import { providerTakenOut } from './providers-in-use.ts'
import { createReadiness } from './readiness.ts'
import { requireRecovery } from './require-recovery.ts'
import { startCloser } from './start-closer.ts'
import { processChanges } from './store/changes.ts'
import { digests } from './store/digests.ts'
import { credentialSeals } from './store/keys/credential-seals.ts'
import { publicKeySet } from './store/keys/public-key-set.ts'
import { signCheckpoint } from './store/keys/sign-checkpoint.ts'
import type { SpaceTerms } from './store/space.ts'
import { openStore, type SqliteStore } from './store/sqlite/open-store.ts'
import { StartRefused } from './start-refused.ts'
import { startRecovering } from './start-recovering.ts'
import { startSweeper } from './sweeper.ts'
import { keepTime, rememberTime } from './time-keeper.ts'

export interface AppOptions {
  readonly loaded: LoadedPolicy
  /** Reads the same configuration again. */
  readonly reload: () => Result<LoadedPolicy, readonly Fault[]>
  readonly listen?: { readonly host: string; readonly port: number }
  readonly dataDir?: string
  readonly log: HttpLog
  readonly version: string
  /** The wall clock; the broker believes it only within the bounds of core/clock-guard.ts. */
  readonly clock?: Clock
  /** Milliseconds that only grow; with a clock of one's own, that clock. */
  readonly monotonic?: () => number
  readonly fetch?: Fetch
  /** The environment, for libraries that look into it: what they would find there is judged. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Stands in front of what is real: a test makes it fail or wait at a named point. */
  readonly decorate?: Decorations
}

interface Decorations {
  readonly store?: (store: SqliteStore) => SqliteStore
  readonly provider?: (provider: Provider) => Provider
  /** Upstreams that a test scripts, beside those of the configuration. */
  readonly upstreams?: readonly UpstreamProvider[]
  /** Bytes of room that a small disk is watched by. */
  readonly space?: SpaceTerms
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
  const { log, loaded, clock: wall = Date.now, fetch = globalThis.fetch, decorate = {} } = options
  const monotonic = options.monotonic ?? options.clock ?? (() => performance.now())
  const { configuration } = loaded
  const { host, port } = options.listen ?? configuration.server
  const dataDir = options.dataDir ?? configuration.server.dataDir
  refuseOffLoopback(host, configuration)
  await using cleanup = new AsyncDisposableStack()

  const opened = cleanup.use(
    openStore({
      dataDir,
      unreadable: (id, error) =>
        log.error({ err: error, row: id }, 'a row of the ledger does not read: somebody has to look'),
      ...(decorate.space && { spaceTerms: decorate.space }),
    }),
  )
  const store = decorate.store?.(opened) ?? opened
  const time = keepTime({ wall, monotonic, stored: store.reads.clockMark() })
  const { clock } = time
  const believed = (): number => time.believed()
  cleanup.use(rememberTime({ store, time, log }))
  const { sealer, ring, keys } = await openKeys({ dataDir, source: configuration.sealKey, store, clock: believed, log })
  const checkpoint = cleanup.use(
    ledgerCheckpoint({ dataDir, reads: store.reads, keys: ring.audit, clock: believed, monotonic }),
  )
  await requireRecovery({ store, ring, checkpoint, clock: believed, log })
  await keys.maintain(configuration.catalogue)

  let inForce: PolicyInForce | undefined
  /** What is in force is on record: nothing is swept or enforced before. */
  let recorded = false
  const force = (): PolicyInForce => {
    if (!inForce) throw new Error('The broker has no policy yet')
    return inForce
  }
  const heard = createHeard()
  const broker: Broker = {
    clock,
    time,
    digests,
    store,
    log,
    space: store.space,
    seals: credentialSeals(sealer),
    unsaved: createUnsavedStops(log),
    keys,
    heard,
    boot: randomUUID(),
    random: Math.random,
    kick: () => void closer.kick(),
    gettingOn: () => {
      sweeper.gettingOn()
    },
    recovery: { carryOn: () => recovering.carryOn(), giveUp: () => recovering.giveUp() },
    ids: createNewIds(clock),
    policy: () => force().policy,
    providers: () => force().providers,
    changes: processChanges(),
    inFlight: new Set(),
  }
  const closer = cleanup.use(startCloser(broker))
  const upkeep = providerUpkeep(log)
  const recovering = startRecovering(broker)
  const refused = refusedProofs(broker)
  cleanup.defer(refused.close)
  const sweeper = cleanup.use(
    startSweeper({
      every: configuration.sweepEvery,
      monotonic,
      pass: async () => {
        if (!recorded) return
        takeUpEnforcing()
        await sweep(broker)
        void closer.kick()
        void recovering.carryOn()
        // A copy of a ledger that somebody only looks at must not renew or end what another broker holds.
        if (store.reads.recovery()?.begun !== null) upkeep(force().providers.values())
        await refused.flush()
        await keys.maintain(force().policy.catalogue)
        await checkpoint.keep()
      },
      failed: (error) => log.error({ err: error }, 'the sweep failed; it tries again'),
    }),
  )
  const readiness = createReadiness({
    integrity: store.integrity,
    sweepLate: sweeper.late,
    clockStop: () => time.stop(),
    lowSpace: () => store.space.low(),
    recovery: () => whyInRecovery(store.reads),
    damaged: (error) => log.error({ err: error }, 'the database is damaged: stop the broker and restore a backup'),
  })

  readiness.begun.then(
    () => {
      heard.begin(believed())
    },
    () => undefined,
  )
  const enforce = enforcement(broker, readiness.started)
  const tokens = { keys: ring.access, issuer: '' }
  const outside = { fetch, decorate: decorate.provider, upstreams: decorate.upstreams ?? [] }
  const providerParts = (): ProviderParts => ({
    tokens: { ...tokens },
    clock,
    ledger: providerLedger(store, broker.seals, clock),
    log,
    catalogue: () => force().policy.catalogue,
    env: options.env ?? {},
  })
  const server = httpServer({
    broker,
    identities: () => force().identities,
    accessTokens: { verify: (token, now) => createAccessTokens(tokens).verify(token, now) },
    publicKeys: {
      accessTokens: () => publicKeySet(ring.access.published(believed())),
      audit: () => publicKeySet(ring.audit.published(believed())),
    },
    signCheckpoint: (heads, now) => signCheckpoint(ring.audit, heads, now),
    publicUrl: () => tokens.issuer,
    notReady: readiness.reasons,
    stopping: readiness.stopping,
    onLoopback: isLoopback(host),
    trustedProxies: configuration.server.trustedProxies,
    limiter: createLimiter(() => inForce?.policy.limits ?? configuration.limits),
    refusedProofs: refused,
    metrics: brokerMetrics({ store, time, sweeper, closer, readiness }),
    log,
    version: options.version,
  })
  cleanup.defer(() => stop(server))
  const url = await listen(server, host, port)
  // In the same turn of the loop in which the port became known, so that no request comes before the policy.
  tokens.issuer = configuration.server.publicUrl ?? url
  inForce = policyInForce({ loaded, parts: providerParts(), before: undefined, ...outside })
  await record(inForce)
  recorded = true
  takeUpEnforcing()
  void sweeper.kick()

  /** What comes into force is on record first: where it cannot be recorded, the one in force stays. */
  async function record({ policy }: PolicyInForce): Promise<void> {
    const subject = { id: policy.rules.digest, outcome: 'loaded', reason: null }
    await store.commit((tx) => {
      tx.append({ kind: 'config.loaded', time: believed(), actor: BROKER, subject })
      beginEnforcing(tx, broker, policy)
    })
  }

  /** Nobody waits for it but `/readyz`. What fails is taken up again by the next sweep. */
  function takeUpEnforcing(): void {
    enforce().catch((error: unknown) => {
      log.error({ err: error }, 'open leases could not be held against the configuration; it is tried again')
    })
  }

  async function reload(): Promise<Result<Reloaded, readonly Fault[]>> {
    const read = options.reload()
    if (!read.ok) {
      log.error({ faults: read.error.map(describeFault) }, 'the configuration has faults; the one in force stays')
      const subject = { id: force().policy.rules.digest, outcome: 'refused', reason: `${read.error.length} faults` }
      await store.commit((tx) => {
        tx.append({ kind: 'config.refused', time: believed(), actor: BROKER, subject })
      })
      return err(read.error)
    }
    const scripted = outside.upstreams.map(({ name }) => name)
    const configured = store.reads.providersInUse().filter((name) => !scripted.includes(name))
    const takenOut = providerTakenOut(configured, read.value)
    if (takenOut) {
      log.error({ fault: describeFault(takenOut) }, 'the configuration in force stays')
      return err([takenOut])
    }
    await keys.maintain(read.value.configuration.catalogue)
    const next = policyInForce({ loaded: read.value, parts: providerParts(), before: force(), ...outside })
    await record(next)
    inForce = next
    const closed = await enforce()
    log.info({ rules: read.value.rules.digest, closed }, 'the configuration was loaded again')
    return ok({ closed, files: read.value.configuration.files })
  }

  const parts = cleanup.move()
  return {
    url,
    reload,
    sweep: async () => {
      await sweeper.kick()
      await recovering.carryOn()
      await closer.kick()
    },
    commits: store.commits,
    [Symbol.asyncDispose]: async () => {
      readiness.stop()
      await parts.disposeAsync()
    },
  }
}
