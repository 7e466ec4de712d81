import { sameScope, type Mark } from '../core/mark.ts'
import { err, ok, type Result } from '../core/result.ts'
import { askBack } from './ask-back.ts'
import { actorOf, markEntry, type Origin } from './audit-entries.ts'
import type { OperatorCaller } from './caller.ts'
import { closeDescendants, closeMarked } from './close-marked.ts'
import type { Broker } from './ports.ts'
import type { Refusal } from './refusal.ts'
import { resolveScope, type AskedScope } from './resolve-scope.ts'
import type { Hits } from './store-port.ts'

/** While the ledger cannot be written, so many leases are looked at; the rest follow once it can be. */
const MOST_ASKED = 1000

/** What can be revoked as a whole. */
export type StickyScope = Extract<AskedScope, { kind: 'task' }> | Extract<AskedScope, { kind: 'agent' | 'owner' }>

interface Call {
  readonly operator: OperatorCaller
  readonly scope: StickyScope
  readonly reason: string
  readonly requestId: string
}

export interface RevokedScope extends Hits {
  /** It was revoked already: what it still hits is on its way. */
  readonly already: boolean
}

/**
 * Ends every lease of an agent, owner or task, and keeps new ones away until it is restored. From the commit of the mark
 * on nothing that it covers may be used; the rows follow in batches, and after a crash with the next sweep.
 */
export async function revokeScope(broker: Broker, call: Call): Promise<Result<RevokedScope, Refusal>> {
  const origin: Origin = { actor: actorOf(call.operator), requestId: call.requestId, now: broker.time.believed() }
  const scope = resolveScope(broker, broker.store.reads, call.scope)
  if (!scope.ok) return scope
  const mark: Mark = {
    id: broker.ids.revocationMark(),
    kind: 'revoked',
    scope: scope.value,
    since: origin.now,
    by: call.operator.id,
    reason: call.reason,
  }
  const write = () =>
    broker.store.commit((tx): RevokedScope => {
      const there = tx.marks().some((each) => each.kind === 'revoked' && sameScope(each.scope, mark.scope))
      const hits = tx.hits(mark.scope)
      if (!there) {
        tx.insertMark(mark)
        tx.append(markEntry('mark.revoked', mark, origin))
      }
      return { ...hits, already: there }
    })
  const revoked = await write().catch(async (error: unknown) => {
    broker.unsaved.add(mark, write)
    const { reads } = broker.store
    await askBack(
      broker,
      reads.liveUnder(mark.scope, MOST_ASKED).flatMap(({ id }) => reads.credentialsOf(id)),
    )
    throw error
  })
  // Nothing that could not be written before is to come back once this is lifted.
  await broker.unsaved.retry()
  await closeMarked(broker)
  await closeDescendants(broker)
  return ok(revoked)
}

/** Lets an agent, owner or task ask for leases again. What was ended stays ended. Repeating it changes nothing. */
export async function restoreScope(
  broker: Broker,
  call: Call,
): Promise<Result<{ readonly already: boolean }, Refusal>> {
  const origin: Origin = { actor: actorOf(call.operator), requestId: call.requestId, now: broker.time.believed() }
  // A revocation that could not be written yet would come back right after this.
  await broker.unsaved.retry()
  return broker.store.commit((tx): Result<{ readonly already: boolean }, Refusal> => {
    const scope = resolveScope(broker, tx, call.scope)
    if (!scope.ok) return scope
    const mark = tx.marks().find((each) => each.kind === 'revoked' && sameScope(each.scope, scope.value))
    if (!mark) return ok({ already: true })
    // Lifting it while rows that it covers are still open would bring them back to life.
    if (tx.hits(mark.scope).leases > 0) {
      const detail = 'What it covers is still being closed. Ask again in a moment.'
      return err({ reason: 'conflict', detail, state: 'closing' })
    }
    tx.liftMark(mark, { at: origin.now, by: call.operator.id, reason: call.reason })
    tx.append(markEntry('mark.restored', { ...mark, reason: call.reason }, origin))
    return ok({ already: false })
  })
}
