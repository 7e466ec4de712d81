import { actorOf, operatorRefusedEntry } from './audit-entries.ts'
import type { Caller, OperatorCaller } from './caller.ts'
import { hasRole, type Role } from '../core/role.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { Broker } from './ports.ts'
import type { Refusal } from './refusal.ts'

interface Need {
  readonly caller: Caller
  readonly role: Role
  /** What was tried, for the record: method and route. */
  readonly what: string
  readonly requestId: string
}

/** The caller as an operator of at least this role. Whoever falls short is refused, and that is on record. */
export async function requireRole(
  broker: Pick<Broker, 'store' | 'clock'>,
  need: Need,
): Promise<Result<OperatorCaller, Refusal>> {
  const { caller, role } = need
  if (caller.type === 'operator' && hasRole(caller.role, role)) return ok(caller)
  const reason = `${need.what} needs the role ${role}`
  const origin = { actor: actorOf(caller), requestId: need.requestId, now: broker.clock() }
  await broker.store.commit((tx) => {
    tx.append(operatorRefusedEntry({ id: actorOf(caller).id, reason }, origin))
  })
  return err({ reason: 'forbidden', detail: `This needs an operator token with the role ${role} or above.` })
}
