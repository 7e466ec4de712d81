import { coversLease, type Mark, type Marked } from '../core/mark.ts'
import type { Broker } from './ports.ts'
import type { Refusal } from './refusal.ts'
import { frozen, isGrantFrozen, marksInForce } from './standing.ts'
import type { Reads } from './store-port.ts'

interface Wanted {
  readonly lease: Marked
  readonly grants: readonly { readonly grant: string; readonly provider: string }[]
}

/** Why a mark keeps a new lease away, whoever it is marked by: a sticky revocation, or a freeze of anything that it would use. */
export function stopFor(broker: Pick<Broker, 'unsaved'>, reads: Reads, { lease, grants }: Wanted): Refusal | undefined {
  const covering = marksInForce(broker, reads).filter(({ scope }) => coversLease(scope, lease))
  const revoked = covering.find(({ kind }) => kind === 'revoked')
  if (revoked) return forbidden(revoked)
  if (covering.length > 0) return frozen(nameOf(covering[0]))
  const grant = grants.find((each) => isGrantFrozen(broker, reads, each))
  return grant && frozen(`Grant ${grant.grant}`)
}

function forbidden(mark: Mark): Refusal {
  const { scope } = mark
  const what = scope.kind === 'all' ? '' : ` ${scope.kind} restore ${scope.value}`
  const hint = `An operator has to restore it: mayfly${what} --reason REASON`
  return { reason: 'forbidden', detail: `${nameOf(mark)} was revoked, and gets no new lease.`, hint }
}

function nameOf(mark: Mark | undefined): string {
  if (!mark || mark.scope.kind === 'all') return 'Everything'
  return `The ${mark.scope.kind} ${mark.scope.value}`
}
