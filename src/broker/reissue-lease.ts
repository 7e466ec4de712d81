import type { Lease } from '../core/lease.ts'
import { err, ok, type Result } from '../core/result.ts'
import { actorOf, type Origin } from './audit-entries.ts'
import { takeBack } from './close-lease.ts'
import { issueCredentials } from './issue-credentials.ts'
import type { LeaseAnswer, LeaseCall } from './judgement.ts'
import { mayNotMint } from './may-mint.ts'
import type { Broker } from './ports.ts'
import type { Refusal } from './refusal.ts'
import { resolveAccess } from './resolve-access.ts'
import { frozen, isGrantFrozen, notUsable, standing } from './standing.ts'
import type { Reads, Transaction } from './store-port.ts'

/**
 * The first answer was lost: the same lease with a new token, and new credentials in place of those that nobody has. Only
 * as long as nobody came with the first token, or a stolen request could be made to mint a second set.
 */
export async function reissueLease(
  broker: Broker,
  call: LeaseCall,
  lease: Lease,
): Promise<Result<LeaseAnswer, Refusal>> {
  const policy = broker.policy()
  const origin: Origin = { actor: actorOf(call.caller), requestId: call.requestId, now: broker.clock() }
  const stop = whyNot(broker, broker.store.reads, lease) ?? mayNotMint(broker)
  if (stop) return err(stop)
  const token = broker.ids.leaseToken()
  const tokenHash = broker.digests.ofSecret(token)
  const renamed = (minted: LeaseAnswer['minted']): Result<LeaseAnswer, Refusal> => {
    const { reads } = broker.store
    const now = reads.lease(lease.id) ?? lease
    const approval = now.approval === null ? null : (reads.approval(now.approval) ?? null)
    return ok({ lease: now, token, minted, approval })
  }
  const rename = (tx: Transaction): Refusal | undefined => {
    const current = tx.lease(lease.id)
    if (!current) return { reason: 'not-found' }
    const late = whyNot(broker, tx, current)
    if (late) return late
    return tx.moveLease(current, { tokenHash }) ? undefined : CHANGED
  }
  if (lease.state === 'pending') {
    const late = await broker.store.commit(rename)
    return late ? err(late) : renamed([])
  }

  const agent = policy.catalogue.agents.get(lease.agent)
  const wanted = { purpose: lease.intent.purpose, access: lease.access, tools: lease.tools }
  const resolved = agent ? resolveAccess(policy.catalogue, agent, wanted) : undefined
  if (!resolved?.ok) return resolved ?? err({ reason: 'unknown-agent', detail: 'The agent is no longer configured.' })
  const minted = await issueCredentials(broker, {
    lease,
    entries: resolved.value.access,
    origin,
    intend: (tx) => {
      const current = tx.lease(lease.id)
      return current ? whyNot(broker, tx, current) : { reason: 'not-found' }
    },
    release: (tx) => {
      if (broker.policy().epoch !== policy.epoch) return CHANGED
      const late = rename(tx)
      if (late) return late
      for (const old of tx.credentialsOf(lease.id)) takeBack(tx, lease, old, origin)
      return undefined
    },
    undo: () => undefined,
  })
  broker.kick()
  return minted.ok ? renamed(minted.value) : minted
}

const CHANGED: Refusal = { reason: 'unavailable', detail: 'Something changed while this was being minted. Ask again.' }

function whyNot(broker: Broker, reads: Reads, lease: Lease): Refusal | undefined {
  if (lease.tokenUsed) {
    const detail =
      'Somebody has come with the token of this lease, so it is not issued again. Complete it, and ask for a new one.'
    return { reason: 'conflict', detail, state: lease.state }
  }
  if (lease.state === 'pending') return undefined
  const found = standing(broker, reads, lease, broker.clock())
  if (found !== 'usable') return notUsable(lease, found)
  const grants = lease.access.map(({ grant }) => ({
    grant,
    provider: broker.policy().catalogue.grants.get(grant)?.provider ?? '',
  }))
  const stopped = grants.find((grant) => isGrantFrozen(broker, reads, grant))
  return stopped && frozen(`Grant ${stopped.grant}`)
}
