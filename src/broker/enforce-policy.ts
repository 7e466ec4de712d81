import { narrow } from '../core/access.ts'
import type { LeaseId } from '../core/id.ts'
import type { Lease } from '../core/lease.ts'
import { announceLease } from './announce-lease.ts'
import { BROKER } from './audit-entries.ts'
import { closeLease } from './close-lease.ts'
import type { Broker, Digests, Policy } from './ports.ts'
import type { Transaction } from './store-port.ts'

const BATCH = 500
/** Of the configuration that a start begins with. */
const FIRST_EPOCH = 1

type Enforcing = Pick<Broker, 'digests' | 'boot'>

/**
 * In the commit that puts a configuration on record, before it comes into force: from here on no open lease counts as
 * held against anything, until `enforcePolicy` has looked at each. Not so where the configuration that is enforced holds
 * the same leases, as at almost every start: then there is nothing to walk. At a start nothing is granted before that, so
 * where no lease is open there is nothing to walk either.
 */
export function beginEnforcing(tx: Transaction, { digests, boot }: Enforcing, policy: Policy): void {
  const digest = digestOf(digests, policy)
  if (tx.enforcedPolicy() === digest) return
  const nothingOpen = policy.epoch === FIRST_EPOCH && tx.countLive(null) === 0
  tx.keepEnforcedPolicy(nothingOpen ? digest : unfinished(policy, boot))
}

/**
 * Closes every open lease that the configuration in force would not hold, because its agent or a grant or a tool of it
 * vanished, or a grant shrank below what the lease may use. Returns how many were closed. Stops where a later
 * configuration came into force, which looks at every lease itself.
 */
export async function enforcePolicy(broker: Broker, policy: Policy): Promise<number> {
  const begun = unfinished(policy, broker.boot)
  if (broker.store.reads.enforcedPolicy() !== begun) return 0
  let closed = 0
  for (let after: LeaseId | null = null; broker.policy() === policy;) {
    const live: readonly Lease[] = broker.store.reads.live(after, BATCH)
    const ended = await Promise.all(live.map((lease) => endIfOutside(broker, policy, lease)))
    closed += ended.filter(Boolean).length
    after = live.at(-1)?.id ?? null
    if (after !== null && live.length === BATCH) continue
    await broker.store.commit((tx) => {
      if (tx.enforcedPolicy() === begun) tx.keepEnforcedPolicy(digestOf(broker.digests, policy))
    })
    break
  }
  return closed
}

/** No digest, and another one for each configuration and each start: a walk that was overtaken or broken off never counts. */
const unfinished = ({ epoch }: Policy, boot: string): string => `unfinished ${boot} ${epoch}`

/** Over all that `whyOutside` looks at, in an order that does not depend on the file's. */
function digestOf(digests: Digests, { catalogue }: Policy): string {
  const byName = <T extends { readonly name: string }>(all: readonly T[]): readonly T[] =>
    all.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const agents = [...catalogue.agents.values()].map(({ id, owner, grants, tools }) => ({
    name: id,
    owner,
    grants: grants.toSorted(),
    tools: tools.toSorted(),
  }))
  const grants = [...catalogue.grants.values()].map(({ name, actions, resources }) => ({
    name,
    actions: actions.toSorted(),
    resources: resources.toSorted(),
  }))
  return digests.ofJson({
    agents: byName(agents),
    grants: byName(grants),
    tools: [...catalogue.tools.keys()].toSorted(),
  })
}

async function endIfOutside(broker: Broker, policy: Policy, lease: Lease): Promise<boolean> {
  const reason = whyOutside(policy, lease)
  if (reason === undefined) return false
  const origin = { actor: BROKER, requestId: null, now: broker.time.believed() }
  const closed = await broker.store.commit((tx) => {
    const current = tx.lease(lease.id)
    return current?.state === 'pending' || current?.state === 'active'
      ? closeLease(tx, current, { outcome: 'revoked', reason }, origin)
      : undefined
  })
  announceLease(broker, lease)
  if (closed?.state === 'closing') broker.kick()
  return closed !== undefined
}

function whyOutside({ catalogue }: Policy, lease: Lease): string | undefined {
  const agent = catalogue.agents.get(lease.agent)
  if (!agent) return `Agent ${lease.agent} is no longer configured`
  if (agent.owner !== lease.owner) return `Agent ${lease.agent} has a new owner`
  for (const access of lease.access) {
    const grant = agent.grants.includes(access.grant) ? catalogue.grants.get(access.grant) : undefined
    if (!grant) return `Grant ${access.grant} is no longer there for agent ${lease.agent}`
    if (!narrow(access, grant).ok) return `Grant ${access.grant} no longer covers this lease`
  }
  const tool = lease.tools.find((entry) => !agent.tools.includes(entry.tool) || !catalogue.tools.has(entry.tool))
  return tool && `Tool ${tool.tool} is no longer there for agent ${lease.agent}`
}
