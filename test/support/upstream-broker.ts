import Database from 'better-sqlite3'
import { join } from 'node:path'
import type { Grant } from '../../src/core/catalogue.ts'
import type { LoadedPolicy } from '../../src/local/load-policy.ts'
import { startTestBroker, type TestBroker, type TestBrokerOptions } from './broker.ts'
import { scriptedUpstream, type ScriptedUpstream } from './scripted-upstream.ts'

/** The grant of an upstream that is called `up`, as an access entry asks for it. */
export const WAREHOUSE = { grant: 'up-warehouse', actions: ['read'] }

/** The one grant of an upstream: `<its name>-warehouse`. */
export const grantOf = ({ name }: Pick<ScriptedUpstream, 'name'>): Grant => ({
  name: `${name}-warehouse`,
  type: 'vault-secret',
  provider: name,
  path: 'database/creds/warehouse',
  method: 'read',
  data: {},
  actions: ['read', 'write'],
  resources: ['warehouse/*'],
  maxTtlSeconds: 3600,
  labels: [],
  dataClasses: [],
})

/** The policy with a grant of each upstream, which every agent may ask for. */
export function withUpstreams(
  upstreams: readonly Pick<ScriptedUpstream, 'name'>[],
): (loaded: LoadedPolicy) => LoadedPolicy {
  const grants = upstreams.map(grantOf)
  return (loaded) => {
    const { configuration } = loaded
    const { catalogue } = configuration
    const agents = [...catalogue.agents].map(
      ([id, agent]) => [id, { ...agent, grants: [...agent.grants, ...grants.map(({ name }) => name)] }] as const,
    )
    return {
      ...loaded,
      configuration: {
        ...configuration,
        // Named there, so that a reload does not take them for gone; what runs is the scripted one.
        providers: [...configuration.providers, ...upstreams.map(({ name }) => ({ name, type: 'jwt' as const }))],
        catalogue: {
          ...catalogue,
          agents: new Map(agents),
          grants: new Map([...catalogue.grants, ...grants.map((grant) => [grant.name, grant] as const)]),
        },
      },
    }
  }
}

export interface UpstreamBroker extends TestBroker {
  /** The first of `upstreams`. */
  readonly upstream: ScriptedUpstream
}

/** A test broker with scripted upstreams beside its own tokens: one called `up` if none are given. They follow its clock. */
export async function startUpstreamBroker({
  upstreams = [scriptedUpstream()],
  ...options
}: TestBrokerOptions & { readonly upstreams?: readonly ScriptedUpstream[] } = {}): Promise<UpstreamBroker> {
  const add = withUpstreams(upstreams)
  const broker = await startTestBroker({
    ...options,
    change: (loaded) => options.change?.(add(loaded)) ?? add(loaded),
    app: {
      ...options.app,
      decorate: { ...options.app?.decorate, upstreams: upstreams.map(({ provider }) => provider) },
    },
  })
  for (const upstream of upstreams) upstream.followClock(broker.clock.now)
  const [upstream] = upstreams
  if (!upstream) throw new Error('A broker with upstreams needs one')
  return { ...broker, upstream }
}

/**
 * What works at the upstreams and is in no row of the ledger that is still open: the master invariant is that there is
 * nothing. Both are read in one turn of the loop, past the broker.
 */
export function orphans(folder: string, ...upstreams: readonly Pick<ScriptedUpstream, 'live'>[]): readonly string[] {
  const live = upstreams.flatMap((upstream) => upstream.live())
  const db = new Database(join(folder, 'data', 'mayfly.db'), { readonly: true })
  try {
    const open = db.prepare("select handle from credential where state <> 'closed'").pluck().all()
    return live.filter((handle) => !open.includes(handle))
  } finally {
    db.close()
  }
}
