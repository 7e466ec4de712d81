import type { Broker } from '../../broker/ports.ts'
import type { Refusal } from '../../broker/refusal.ts'
import { BUILT_IN_LABELS } from '../../core/catalogue.ts'
import { err, ok, type Result } from '../../core/result.ts'

/** A label that nobody configured would never be read, and would stay in the history of the task for good. */
export function knownLabels(broker: Broker, labels: readonly string[], path: string): Result<null, Refusal> {
  const known: readonly string[] = [...BUILT_IN_LABELS, ...broker.policy().labels]
  const errors = labels.flatMap((label, at) =>
    known.includes(label) ? [] : [{ path: `${path}/${at}`, message: 'is not a label' }],
  )
  if (errors.length === 0) return ok(null)
  return err({ reason: 'invalid-request', detail: 'The labels are those of the configuration.', errors })
}
