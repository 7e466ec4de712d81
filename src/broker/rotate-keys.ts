import { actorOf } from './audit-entries.ts'
import { beginRecovery } from './begin-recovery.ts'
import type { OperatorCaller } from './caller.ts'
import { endWhatIsOurs } from './carry-out-recovery.ts'
import type { Broker } from './ports.ts'

interface Rotation {
  readonly operator: OperatorCaller
  readonly reason: string | null
  readonly requestId: string
}

/**
 * The next key of every use and algorithm signs from now on. What was signed before verifies to its end; in a recovery it
 * does not, and there a rotation is one of the steps, so that it begins one that is waiting.
 */
export async function rotateKeys(broker: Broker, call: Rotation): Promise<void> {
  if (broker.store.reads.recovery()) {
    await beginRecovery(broker, { ...call, reason: call.reason ?? 'The keys were rotated' })
    await endWhatIsOurs(broker)
    return
  }
  await broker.keys.rotate({ actor: actorOf(call.operator), reason: call.reason, requestId: call.requestId })
}
