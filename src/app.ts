import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

import { BROKER } from './broker/audit-entries.ts'
import { enforcePolicy } from './broker/enforce-policy.ts'
import type { Broker, Clock } from './broker/ports.ts'
import { refusedProofs } from './broker/refused-proofs.ts'
import { sweep } from './broker/sweep.ts'
import type { AuditKind } from './core/audit.ts'
import { describeFault, type Fault } from './core/fault.ts'
import { err, ok, type Result } from './core/result.ts'
import { httpServer } from './http/server.ts'
import { createLimiter } from './http/limiter.ts'
import { createMetrics } from './http/metrics.ts'
import type { HttpLog } from './http/services.ts'
import { createNewIds } from './identity/new-ids.ts'
import type { Fetch } from './identity/fetch-json.ts'
import { isLoopback } from './core/is-loopback.ts'
import type { LoadedPolicy } from './local/load-policy.ts'
import { createAccessTokens } from './providers/jwt/create-access-tokens.ts'
import { policyInForce, type PolicyInForce } from './policy-in-force.ts'
import { processChanges } from './store/changes.ts'
import { digests } from './store/digests.ts'
import { loadSealKey } from './store/keys/load-seal-key.ts'
import { openKeyRing } from './store/keys/open-key-ring.ts'
import { publicKeySet } from './store/keys/public-key-set.ts'
import { createSealer } from './store/keys/sealer.ts'
import { signCheckpoint } from './store/keys/sign-checkpoint.ts'
import { openStore } from './store/sqlite/open-store.ts'
import { startSweeper } from './sweeper.ts'

/** How long requests in flight may take to finish after a stop was asked for. */
const GRACE_MS = 10_000

export interface AppLog extends HttpLog {
  readonly info: (fields: Readonly<Record<string, unknown>>, message: string) => void
}

export interface AppOptions {
  readonly loaded: LoadedPolicy
  /** Reads the same configuration again. */
  readonly reload: () => Result<LoadedPolicy, readonly Fault[]>
  readonly listen?: { readonly host: string; readonly port: number }
  readonly dataDir?: string
  readonly log: AppLog
  readonly version: string
  readonly clock?: Clock
  readonly fetch?: Fetch
}

export interface App extends AsyncDisposable {
  readonly url: string
  /** All or nothing: on a fault the configuration in force stays, and both outcomes are on record. */
  readonly reload: () => Promise<Result<{ readonly closed: number }, readonly Fault[]>>
  /** Sweeps now, without waiting for the next turn. */
  readonly sweep: () => Promise<void>
  /** Durable commits so far. */
  readonly commits: () => number
}

/** The composition root: the only file that knows every part. Resolves when the broker listens; throws what stops the start. */
export async function startApp(options: AppOptions): Promise<App> {
  const { log, clock = Date.now, fetch = globalThis.fetch } = options
  const { configuration } = options.loaded
  const { host, port } = options.listen ?? configuration.server
  const dataDir = options.dataDir ?? configuration.server.dataDir
  if (!isLoopback(host) && configuration.sealKey.from === 'data-folder') {
    throw new Error(
      `Off loopback (${host}) the seal key must not lie beside the data: name keys.seal_key_file in the configuration.`,
    )
  }
  await using cleanup = new AsyncDisposableStack()

  const store = cleanup.use(openStore({ dataDir }))
  const keyFolder = join(dataDir, 'keys')
  const sealKey = await loadSealKey(configuration.sealKey, keyFolder)
  if (sealKey.besideData)
    log.warn(
      {},
      'The seal key lies beside the data that it seals: name keys.seal_key_file before you keep anything that matters.',
    )
  const ring = await openKeyRing({ folder: keyFolder, sealer: createSealer(sealKey.key), clock })

  let inForce: PolicyInForce | undefined
  let publicUrl = ''
  let stopping = false
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
  const record = (
    kind: AuditKind,
    subject: { readonly id: string; readonly outcome: string; readonly reason: string | null },
  ): Promise<void> =>
    store.commit((tx) => {
      tx.append({ kind, time: clock(), actor: BROKER, subject })
    })
  const refused = refusedProofs(broker)
  const tokens = { keys: ring.access, issuer: '' }

  /** Makes keys that are wanted or due. Not on every pass of the sweep: a look at the schedule costs nothing, but a log line might. */
  async function maintainKeys(): Promise<void> {
    const algorithms = [...force().policy.catalogue.grants.values()].map(({ algorithm }) => algorithm)
    for (const { change, kid, use, algorithm } of await ring.maintain(algorithms)) {
      log.info({ kid, use, algorithm }, `a signing key was ${change}`)
      await record(change === 'created' ? 'key.created' : 'key.retired', {
        id: kid,
        outcome: change,
        reason: `${use} ${algorithm}`,
      })
    }
  }

  const sweeper = cleanup.use(
    startSweeper({
      every: configuration.sweepEvery,
      clock,
      pass: async () => {
        if (!inForce) return
        const { closed, failed } = await sweep(broker)
        if (failed > 0) log.error({ closed, failed }, 'the sweep could not close every lease; it tries again')
        await refused.flush()
        await maintainKeys()
      },
      failed: (error) => log.error({ err: error }, 'the sweep failed; it tries again'),
    }),
  )

  let damaged: string | undefined
  let checked = false
  store.integrity.then(
    () => (checked = true),
    (error: unknown) => {
      damaged = error instanceof Error ? error.message : 'The database could not be checked'
      log.error({ err: error }, damaged)
    },
  )
  const notReady = (): readonly string[] => [
    ...(stopping ? ['The broker is stopping'] : []),
    ...(inForce ? [] : ['The broker is starting']),
    ...(damaged !== undefined ? [damaged] : checked ? [] : ['The database is being checked after an unclean stop']),
    ...(sweeper.late() ? ['The sweep has missed three turns'] : []),
  ]

  const server = httpServer({
    broker,
    identities: () => force().identities,
    accessTokens: { verify: (token, now) => createAccessTokens(tokens).verify(token, now) },
    publicKeys: {
      accessTokens: () => publicKeySet(ring.access.published(clock())),
      audit: () => publicKeySet(ring.audit.published(clock())),
    },
    signCheckpoint: (heads, now) => signCheckpoint(ring.audit, heads, now),
    publicUrl: () => publicUrl,
    notReady,
    onLoopback: isLoopback(host),
    trustedProxies: configuration.server.trustedProxies,
    limiter: createLimiter(() => force().policy.limits),
    refusedProofs: refused,
    metrics: createMetrics({
      liveLeases: () => store.reads.countLive(null),
      commits: store.commits,
      sweepLagSeconds: sweeper.lagSeconds,
      ready: () => notReady().length === 0,
    }),
    log,
    version: options.version,
  })
  cleanup.defer(() => stop(server))
  const url = await listen(server, host, port)
  publicUrl = configuration.server.publicUrl ?? url
  tokens.issuer = publicUrl
  inForce = policyInForce({ loaded: options.loaded, tokens: { ...tokens }, clock, fetch, before: undefined })
  await maintainKeys()
  await record('config.loaded', { id: options.loaded.rules.digest, outcome: 'loaded', reason: null })
  await enforcePolicy(broker, inForce.policy)

  async function reload(): Promise<Result<{ readonly closed: number }, readonly Fault[]>> {
    const loaded = options.reload()
    if (!loaded.ok) {
      log.error({ faults: loaded.error.map(describeFault) }, 'the configuration has faults; the one in force stays')
      await record('config.refused', {
        id: force().policy.rules.digest,
        outcome: 'refused',
        reason: `${loaded.error.length} faults`,
      })
      return err(loaded.error)
    }
    const next = policyInForce({ loaded: loaded.value, tokens: { ...tokens }, clock, fetch, before: force() })
    const algorithms = [...next.policy.catalogue.grants.values()].map(({ algorithm }) => algorithm)
    await ring.maintain(algorithms)
    inForce = next
    await record('config.loaded', { id: next.policy.rules.digest, outcome: 'loaded', reason: null })
    const closed = await enforcePolicy(broker, next.policy)
    log.info({ rules: next.policy.rules.digest, closed }, 'the configuration was loaded again')
    return ok({ closed })
  }

  const parts = cleanup.move()
  return {
    url,
    reload,
    sweep: sweeper.kick,
    commits: store.commits,
    [Symbol.asyncDispose]: async () => {
      stopping = true
      await parts.disposeAsync()
    },
  }
}

function listen(server: Server, host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      const { port: bound } = server.address() as AddressInfo
      resolve(`http://${host.includes(':') ? `[${host}]` : host}:${bound}`)
    })
  })
}

/** Takes no new connection, lets what is in flight finish, and cuts off what does not within the grace. */
function stop(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => {
      server.closeAllConnections()
    }, GRACE_MS)
    server.close(() => {
      clearTimeout(cut)
      resolve()
    })
    server.closeIdleConnections()
  })
}
