import { sameScope, type Mark } from '../core/mark.ts'
import { err, ok, type Result } from '../core/result.ts'
import { parseId } from '../core/id.ts'
import { actorOf, markEntry, type Origin } from './audit-entries.ts'
import type { OperatorCaller } from './caller.ts'
import type { Broker } from './ports.ts'
import type { Refusal } from './refusal.ts'
import { resolveScope, type AskedScope } from './resolve-scope.ts'

interface Freeze {
  readonly operator: OperatorCaller
  readonly scope: AskedScope
  readonly reason: string
  readonly requestId: string
}

export interface Frozen {
  readonly mark: Mark
  /** It was frozen already. */
  readonly already: boolean
}

/**
 * Stops one scope and destroys nothing. It holds from the commit on; where the ledger cannot be written it holds in this
 * process at once, and the caller is told to ask again.
 */
export async function freeze(broker: Broker, call: Freeze): Promise<Result<Frozen, Refusal>> {
  const origin: Origin = { actor: actorOf(call.operator), requestId: call.requestId, now: broker.time.believed() }
  const scope = resolveScope(broker, broker.store.reads, call.scope)
  if (!scope.ok) return scope
  const mark: Mark = {
    id: broker.ids.freeze(),
    kind: 'freeze',
    scope: scope.value,
    since: origin.now,
    by: call.operator.id,
    reason: call.reason,
  }
  const write = () =>
    broker.store.commit((tx): Frozen => {
      const there = tx.marks().find((each) => each.kind === 'freeze' && sameScope(each.scope, mark.scope))
      if (!there) {
        tx.insertMark(mark)
        tx.append(markEntry('freeze.set', mark, origin))
      }
      return { mark: there ?? mark, already: there !== undefined }
    })
  const frozen = await write().catch((error: unknown) => {
    broker.unsaved.add(mark, write)
    throw error
  })
  // Nothing that could not be written before is to come back once this is lifted.
  await broker.unsaved.retry()
  return ok(frozen)
}

interface Unfreeze {
  readonly operator: OperatorCaller
  readonly id: string
  readonly reason: string
  readonly requestId: string
}

/** Lifts one freeze. Repeating it changes nothing. */
export async function unfreeze(broker: Broker, call: Unfreeze): Promise<Result<Mark, Refusal>> {
  const id = parseId('frz', call.id)
  if (!id) return err({ reason: 'not-found' })
  const origin: Origin = { actor: actorOf(call.operator), requestId: call.requestId, now: broker.time.believed() }
  return broker.store.commit((tx): Result<Mark, Refusal> => {
    const mark = tx.marks().find((each) => each.id === id)
    if (!mark) {
      const lifted = tx.liftedMark(id)
      return lifted ? ok(lifted) : err({ reason: 'not-found' })
    }
    tx.liftMark(mark, { at: origin.now, by: call.operator.id, reason: call.reason })
    tx.append(markEntry('freeze.lifted', { ...mark, reason: call.reason }, origin))
    return ok(mark)
  })
}
