import { createCloser, type Closer } from './broker/closer.ts'
import type { Broker } from './broker/ports.ts'
import { coalesced } from './coalesced.ts'

/** The closer with its wake-ups. */
export interface RunningCloser extends AsyncDisposable {
  /** Tries everything that is due. Resolves when nothing more can be tried at this instant. */
  readonly kick: () => Promise<void>
  readonly failed: Closer['failed']
}

/** Starts the closer. It is woken by commits and by the sweep, and by itself as fast as a target may be drained. */
export function startCloser(broker: Broker): RunningCloser {
  let stopped = false
  let wake: NodeJS.Timeout | undefined
  const closer = createCloser(broker, {
    again: (ms) => {
      wake ??= setTimeout(() => {
        wake = undefined
        void kick()
      }, ms)
    },
  })
  const pass = coalesced(() =>
    closer.pass().catch((error: unknown) => {
      broker.log.error({ err: error }, 'the closer failed; it tries again')
    }),
  )
  const kick = (): Promise<void> => (stopped ? Promise.resolve() : pass())
  return {
    kick,
    failed: closer.failed,
    [Symbol.asyncDispose]: async () => {
      stopped = true
      clearTimeout(wake)
      // What was asked upstream gets its answer on record, as far as it comes within the time of a call.
      await pass()
    },
  }
}
