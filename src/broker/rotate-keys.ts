import { actorOf } from './audit-entries.ts'
import type { OperatorCaller } from './caller.ts'
import type { Broker } from './ports.ts'

interface Rotation {
  readonly operator: OperatorCaller
  readonly reason: string | null
  readonly requestId: string
}

/** The next key of every use and algorithm signs from now on. What was signed before verifies to its end. */
export async function rotateKeys({ keys }: Pick<Broker, 'keys'>, call: Rotation): Promise<void> {
  await keys.rotate({ actor: actorOf(call.operator), reason: call.reason, requestId: call.requestId })
}
