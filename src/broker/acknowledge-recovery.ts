import { err, ok, type Result } from '../core/result.ts'
import { actorOf, recoveryEntry, type Origin } from './audit-entries.ts'
import type { OperatorCaller } from './caller.ts'
import { endWhatIsOurs } from './carry-out-recovery.ts'
import type { Broker } from './ports.ts'
import { recoveryStatus, type RecoveryStatus, type RecoveryStep } from './recovery-steps.ts'
import type { Refusal } from './refusal.ts'

interface Call {
  readonly operator: OperatorCaller
  readonly reason: string | null
  /** Providers that are not cut off, and that the operator answers for. */
  readonly accept: readonly string[]
  readonly requestId: string
}

/**
 * The last step: an operator has read what was done and what remains, and answers for going on. Refused while a step is
 * open; a provider that cannot be cut off may be accepted by name. Where there is no recovery nothing changes.
 */
export async function acknowledgeRecovery(broker: Broker, call: Call): Promise<Result<RecoveryStatus, Refusal>> {
  await endWhatIsOurs(broker)
  // A cut-off that is still on its way would hit what is minted afterwards.
  if (openSteps(recoveryStatus(broker, broker.store.reads), call).length === 0) await broker.recovery.giveUp()
  const origin: Origin = { actor: actorOf(call.operator), requestId: call.requestId, now: broker.time.believed() }
  return broker.store.commit((tx): Result<RecoveryStatus, Refusal> => {
    const status = recoveryStatus(broker, tx)
    if (status.state === 'none') return ok(status)
    if (status.state === 'waiting') {
      const detail = 'The recovery has not begun. Begin it (mayfly recover), and acknowledge it when it is carried out.'
      return err({ reason: 'conflict', detail, state: status.state })
    }
    const left = status.steps.filter(({ state }) => state !== 'done')
    const open = openSteps(status, call)
    if (open.length > 0) {
      const detail = `Not everything is done: ${open.map(({ name, step, detail: said }) => `${name ?? step}: ${said}`).join('; ')}.`
      return err({ reason: 'conflict', detail, state: status.state })
    }
    tx.keepRecovery(null)
    const without = left.map(({ name }) => `${name ?? ''} was not cut off`)
    const remains = status.steps.flatMap((step) => step.remains)
    const reason = [...(call.reason === null ? [] : [call.reason]), ...without, ...remains].join('. ')
    tx.append(recoveryEntry('recovery.acknowledged', { outcome: 'acknowledged', reason }, origin))
    return ok(recoveryStatus(broker, tx))
  })
}

/** What is not done, and that nobody answers for. */
const openSteps = ({ steps }: RecoveryStatus, { accept }: Pick<Call, 'accept'>): readonly RecoveryStep[] =>
  steps.filter(({ state, name }) => state !== 'done' && (name === null || !accept.includes(name)))
