import type { LeaseId } from '../../src/core/id.ts'
import type { LoadedPolicy } from '../../src/local/load-policy.ts'
import type { Answered } from './broker.ts'
import type { RaceWorld } from './race-world.ts'
import { orphans, WAREHOUSE } from './upstream-broker.ts'

/** A race of two verbs about one lease. Resolves to what went wrong. */
export type Race = (world: RaceWorld, seed: number) => Promise<readonly string[]>

const LOCAL = { grant: 'refunds-api', actions: ['refund:create'] }
const AGENTS = ['support-bot', 'other-bot'] as const
/** Into the last third of a lease of five minutes, when a credential may be replaced. */
const LAST_THIRD_MS = 205_000

interface Asked {
  readonly agent: string
  readonly task: string
  readonly access: typeof LOCAL | typeof WAREHOUSE
}

/** One of everything a seed decides: signed here or minted upstream, and by which verb. */
const asked = (seed: number): Asked => ({
  agent: AGENTS[seed % 2] ?? 'support-bot',
  task: `run-${seed}`,
  access: Math.floor(seed / 2) % 2 === 0 ? WAREHOUSE : LOCAL,
})

const request = ({ broker }: RaceWorld, { agent, task, access }: Asked, headers: Record<string, string> = {}) =>
  broker.request({ task, access: [access] }, { agent, headers: { 'idempotency-key': task, ...headers } })

async function lease(world: RaceWorld, of: Asked): Promise<{ readonly id: LeaseId; readonly token: string }> {
  const { status, body } = await request(world, of)
  if (status !== 201) throw new Error(`No lease: ${status} ${JSON.stringify(body)}`)
  return body as { id: LeaseId; token: string }
}

const complete = ({ broker }: RaceWorld, { agent }: Asked, id: LeaseId): Promise<Answered> =>
  broker.call('POST', `/v1/leases/${id}/complete`, { token: broker.identity(agent), body: { outcome: 'success' } })

/** The lease of the race, as soon as it is in the ledger: the open one, if there is one. */
function found({ reads }: RaceWorld, { task }: Asked): LeaseId | undefined {
  const { rows: all } = reads().leases({ task }, { limit: 10, after: null })
  return (all.find(({ state }) => state === 'active') ?? all[0])?.id
}

const operator = ({ broker }: RaceWorld, path: string, body: object): Promise<Answered> =>
  broker.call('POST', path, { token: broker.operator('operator'), body })

/** Three ways to be given a secret. */
const MINTS = {
  request: async (world: RaceWorld, of: Asked) => Promise.resolve(() => request(world, of)),
  fetch: async (world: RaceWorld, of: Asked) => {
    const { id, token } = await lease(world, of)
    world.broker.clocks.pass(LAST_THIRD_MS)
    const body = { grant: of.access.grant }
    return () => world.broker.call('POST', `/v1/leases/${id}/credentials`, { token, body })
  },
  reissue: async (world: RaceWorld, of: Asked) => {
    await lease(world, of)
    return () => request(world, of, { 'mayfly-reissue': 'true' })
  },
} as const
const VERBS = Object.values(MINTS)

interface Beside {
  readonly stop: (world: RaceWorld, of: Asked, seed: number) => Promise<unknown>
  /** What makes an answer with a secret one too many. */
  readonly late: (world: RaceWorld, id: LeaseId) => string | undefined
  /** Looks at what is left of both. */
  readonly after?: (world: RaceWorld, of: Asked, again: () => Promise<Answered>) => Promise<readonly string[]>
}

/** A mint beside something that ends or stops it. */
const mintBeside =
  ({ stop, late, after = () => Promise.resolve([]) }: Beside): Race =>
  async (world, seed) => {
    const of = asked(seed)
    const mint = await VERBS[Math.floor(seed / 4) % VERBS.length]!(world, of)
    const faults: string[] = []
    let answer: Answered | undefined
    const parties = {
      mint: async () => {
        answer = await mint()
        const { status, body } = answer
        const id = found(world, of)
        const reason = id && status === 201 ? late(world, id) : undefined
        if (reason !== undefined) faults.push(`a secret left after ${reason}: ${JSON.stringify(body).slice(0, 80)}`)
        if (![201, 403, 409, 503].includes(status)) faults.push(`the mint was answered with ${status}`)
      },
      stop: () => stop(world, of, seed),
    }
    const trace = await world.turns.race(seed, parties)
    const again = () => (answer?.status === 201 ? Promise.resolve(answer) : mint())
    faults.push(...(await after(world, of, again)), ...(await endAll(world, of)))
    return faults.length > 0 ? [...faults, `seed ${seed}`, ...trace] : []
  }

/** The end of every race: the lease is ended, and nothing of it is left anywhere. */
async function endAll(world: RaceWorld, of: Asked): Promise<readonly string[]> {
  const { broker } = world
  const id = found(world, of)
  if (id && world.reads().lease(id)?.state === 'active') await complete(world, of, id)
  await broker.app.sweep()
  const lost = orphans(broker.folder, broker.upstream)
  const open = id
    ? world
        .reads()
        .credentialsOf(id)
        .filter(({ state }) => state !== 'closed')
    : []
  const state = id ? world.reads().lease(id)?.state : 'closed'
  return [
    ...lost.map((handle) => `${handle} works, and no row knows it`),
    ...broker.upstream.live().map((handle) => `${handle} still works`),
    ...open.map((row) => `credential ${row.id} is ${row.state}`),
    ...(state === 'closed' ? [] : [`the lease is ${String(state)}`]),
  ]
}

const ended = ({ reads }: RaceWorld, id: LeaseId): string | undefined => {
  const state = reads().lease(id)?.state
  return state === 'active' ? undefined : `the lease was ${String(state)}`
}

export const mintBesideComplete = mintBeside({
  stop: async (world, of) => {
    const id = found(world, of)
    if (id) await complete(world, of, id)
  },
  late: ended,
})

const SCOPES = [
  () => ({ all: true }),
  ({ agent }: Asked) => ({ agent }),
  ({ agent }: Asked) => ({ owner: agent === 'support-bot' ? 'dana@example.com' : 'otto@example.com' }),
  ({ access: { grant } }: Asked) => ({ grant }),
  ({ access: { grant } }: Asked) => ({ provider: grant === WAREHOUSE.grant ? 'up' : 'tokens' }),
  ({ task }: Asked, id: LeaseId | undefined) => (id ? { task } : { all: true }),
  (_: Asked, id: LeaseId | undefined) => (id ? { lease: id } : { all: true }),
] as const

export const mintBesideFreeze = mintBeside({
  stop: async (world, of, seed) => {
    const scope = SCOPES[Math.floor(seed / 12) % SCOPES.length]!(of, found(world, of))
    const { status } = await operator(world, '/v1/freeze', { scope, reason: 'Because' })
    if (status !== 201) throw new Error(`No freeze: ${status}`)
  },
  late: ({ reads }) => (reads().marks().length > 0 ? 'the freeze' : undefined),
  // Nothing is lost by a freeze: who was refused because of it asks again.
  after: async (world, _of, again) => {
    for (const { id } of world.reads().marks()) await operator(world, '/v1/unfreeze', { id, reason: 'Over' })
    const { status } = await again()
    return status === 201 ? [] : [`who asks again after the freeze hears ${status}`]
  },
})

/** The grant is taken from that agent, and given to the other one: a reload a race. */
const withoutGrants =
  (agent: string) =>
  (loaded: LoadedPolicy): LoadedPolicy => {
    const { configuration } = loaded
    const agents = [...configuration.catalogue.agents].map(
      ([id, each]) => [id, id === agent ? { ...each, grants: [] } : each] as const,
    )
    return {
      ...loaded,
      configuration: { ...configuration, catalogue: { ...configuration.catalogue, agents: new Map(agents) } },
    }
  }

export const mintBesideReload = mintBeside({
  stop: async (world, of) => {
    world.configure(withoutGrants(of.agent))
    const reloaded = await world.broker.app.reload()
    if (!reloaded.ok) throw new Error('No reload')
  },
  late: ended,
  after: (world, of) => {
    const id = found(world, of)
    const state = id ? world.reads().lease(id)?.state : 'closed'
    return Promise.resolve(state === 'active' ? ['the lease outlives the configuration that allowed it'] : [])
  },
})

export const renewBesideRevoke: Race = async (world, seed) => {
  const of = asked(seed)
  const { id, token } = await lease(world, of)
  world.broker.clocks.pass(60_000)
  const faults: string[] = []
  const trace = await world.turns.race(seed, {
    renew: async () => {
      const { status, body } = await world.broker.call('POST', `/v1/leases/${id}/renew`, { token, body: { ttl: 300 } })
      const state = world.reads().lease(id)?.state
      if (status === 200 && body.state === 'active' && state !== 'active')
        faults.push(`a renewal says active, and the lease was ${String(state)}`)
      if (status !== 200 && status !== 409) faults.push(`the renewal was answered with ${status}`)
    },
    revoke: async () => {
      const path = seed % 3 === 0 ? `/v1/tasks/${of.task}/revoke` : `/v1/leases/${id}/revoke`
      const { status } = await operator(world, path, { reason: 'Because' })
      if (status !== 200) faults.push(`the revocation was answered with ${status}`)
    },
  })
  const [was, is] = [world.endedAs(id), world.reads().lease(id)]
  if (is?.outcome !== 'revoked') faults.push(`the lease is ${String(is?.state)} (${String(is?.outcome)})`)
  if (seed % 3 === 0) await operator(world, `/v1/tasks/${of.task}/restore`, { reason: 'Over' })
  if (was?.expiresAt !== is?.expiresAt) faults.push('the lease got more time after it had ended')
  faults.push(...(await endAll(world, of)))
  return faults.length > 0 ? [...faults, `seed ${seed}`, ...trace] : []
}
