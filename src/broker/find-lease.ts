import type { LeaseId } from '../core/id.ts'
import type { Lease } from '../core/lease.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { Caller, EvaluatorCaller, PepCaller } from './caller.ts'
import type { Broker } from './ports.ts'
import type { Refusal } from './refusal.ts'

/**
 * The lease, if this caller may see it. Knowing an id is no right: a lease token sees its own lease, an agent's identity
 * the leases of that agent (and, where instances are told apart, of that instance), an operator every lease. To
 * everybody else it does not exist, in the same words.
 */
export function findLease(
  broker: Pick<Broker, 'store' | 'policy'>,
  caller: Caller,
  id: LeaseId,
): Result<Lease, Refusal> {
  if (caller.type === 'pep' || caller.type === 'evaluator') {
    return err({ reason: 'forbidden', detail: 'This token opens no lease. Use it to evaluate or to introspect.' })
  }
  const lease = broker.store.reads.lease(id)
  return lease && maySee(broker, caller, lease) ? ok(lease) : err({ reason: 'not-found' })
}

function maySee(
  broker: Pick<Broker, 'policy'>,
  caller: Exclude<Caller, PepCaller | EvaluatorCaller>,
  lease: Lease,
): boolean {
  switch (caller.type) {
    case 'operator':
      return true
    case 'lease':
      return caller.lease === lease.id
    case 'agent': {
      const instances = broker.policy().catalogue.agents.get(caller.agent)?.instanceClaims ?? []
      return caller.agent === lease.agent && (instances.length === 0 || caller.instance === lease.instance)
    }
  }
}
