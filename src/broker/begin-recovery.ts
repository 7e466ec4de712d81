import { begunBy, type RecoveryBegun } from '../core/recovery.ts'
import { actorOf, recoveryEntry, type Origin } from './audit-entries.ts'
import type { OperatorCaller } from './caller.ts'
import type { Broker } from './ports.ts'

interface Call {
  readonly operator: OperatorCaller
  readonly reason: string
  readonly requestId: string
}

/**
 * "I think we are compromised", and the first step after a restore: from this commit on nothing that was handed out may
 * be used and nothing is minted; leases, keys and what the providers handed out follow. Where the ledger cannot be written
 * everything stands still in this process at once, and the caller is told to ask again. Repeating it changes nothing.
 */
export async function beginRecovery(broker: Broker, call: Call): Promise<void> {
  const origin: Origin = { actor: actorOf(call.operator), requestId: call.requestId, now: broker.time.believed() }
  const begun: RecoveryBegun = { at: origin.now, by: call.operator.id, reason: call.reason }
  const write = (): Promise<void> =>
    broker.store.commit((tx) => {
      const found = tx.recovery()
      if (found?.begun) return
      const recovery = begunBy(found, begun)
      tx.keepRecovery(recovery)
      tx.append(recoveryEntry('recovery.begun', { outcome: recovery.cause, reason: call.reason }, origin))
    })
  await write().catch((error: unknown) => {
    const { by, reason } = begun
    const id = broker.ids.freeze()
    broker.unsaved.add({ id, kind: 'freeze', scope: { kind: 'all' }, since: begun.at, by, reason }, write)
    throw error
  })
  void broker.recovery.carryOn()
}
