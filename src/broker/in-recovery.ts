import { formatId, ID_ENTROPY_BYTES } from '../core/id.ts'
import type { Mark } from '../core/mark.ts'
import type { Refusal } from './refusal.ts'
import type { Reads } from './store-port.ts'

/** The name of no freeze that anybody set, so that nobody can lift it. */
const ID = formatId('frz', 0, new Uint8Array(ID_ENTROPY_BYTES))

/** To every use a recovery is a freeze of everything: nothing that the ledger holds may be used until it is over. */
export function recoveryMark(reads: Pick<Reads, 'recovery'>): readonly Mark[] {
  const recovery = reads.recovery()
  if (!recovery) return []
  const { detail: reason, since } = recovery
  return [{ id: ID, kind: 'freeze', scope: { kind: 'all' }, since: since ?? 0, by: 'mayfly', reason }]
}

/** Why the broker grants nothing, in one sentence without its full stop; undefined outside of a recovery. */
export function whyInRecovery(reads: Pick<Reads, 'recovery'>): string | undefined {
  const recovery = reads.recovery()
  if (!recovery) return undefined
  const until = recovery.begun ? 'acknowledged it' : 'gone through it'
  return `The broker is in recovery, because ${recovery.detail}: nothing is minted until an operator has ${until} (mayfly recover)`
}

export function inRecovery(reads: Pick<Reads, 'recovery'>): Refusal | undefined {
  const why = whyInRecovery(reads)
  return why === undefined ? undefined : { reason: 'unavailable', detail: `${why}.` }
}
