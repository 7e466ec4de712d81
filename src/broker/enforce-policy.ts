import { narrow } from '../core/access.ts'
import type { Lease } from '../core/lease.ts'
import { announceLease } from './announce-lease.ts'
import { BROKER } from './audit-entries.ts'
import { closeLease } from './close-lease.ts'
import type { Broker, Policy } from './ports.ts'
import type { LeaseId } from '../core/id.ts'

const BATCH = 500

/**
 * After a reload: closes every open lease that the new configuration would not hold, because its agent or a grant or a
 * tool of it vanished, or a grant shrank below what the lease may use. Returns how many were closed.
 */
export async function enforcePolicy(broker: Broker, policy: Policy): Promise<number> {
  let closed = 0
  for (let after: LeaseId | null = null; ;) {
    const live: readonly Lease[] = broker.store.reads.live(after, BATCH)
    const ended = await Promise.all(live.map((lease) => endIfOutside(broker, policy, lease)))
    closed += ended.filter(Boolean).length
    after = live.at(-1)?.id ?? null
    if (after === null || live.length < BATCH) return closed
  }
}

async function endIfOutside(broker: Broker, policy: Policy, lease: Lease): Promise<boolean> {
  const reason = whyOutside(policy, lease)
  if (reason === undefined) return false
  const origin = { actor: BROKER, requestId: null, now: broker.clock() }
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
