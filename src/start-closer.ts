import { createCloser, type Closer } from './broker/closer.ts'
import type { Broker } from './broker/ports.ts'
import { coalesced } from './coalesced.ts'

/** The closer with its wake-ups. */
export interface RunningCloser extends AsyncDisposable {
  /** Tries everything that is due. Resolves when nothing more can be tried at this instant. */
  readonly kick: () => Promise<void>
  readonly failed: Closer['failed']
}

/**
 * Starts the closer. It is woken by commits and by the sweep, and by itself as fast as a target may be drained. Each
 * target is drained on its own: a slow one holds up no other.
 */
export function startCloser(broker: Broker): RunningCloser {
  let stopped = false
  let wake: NodeJS.Timeout | undefined
  let looking: Promise<void> | undefined
  const drains = new Map<string, () => Promise<void>>()
  const closer = createCloser(broker, {
    stopped: () => stopped,
    again: (ms) => {
      wake ??= setTimeout(() => {
        wake = undefined
        void kick()
      }, ms)
    },
  })
  const failed = (error: unknown): void => {
    broker.log.error({ err: error }, 'the closer failed; it tries again')
  }

  function drainOf(target: string): () => Promise<void> {
    const known = drains.get(target)
    if (known) return known
    const drain = coalesced(() => closer.drain(target).catch(failed))
    drains.set(target, drain)
    return drain
  }

  const look = async (): Promise<void> => {
    try {
      await Promise.all(closer.due().map((target) => drainOf(target)()))
    } catch (error) {
      failed(error)
    }
  }

  /** Everybody who kicks within one turn of the loop shares one look. */
  function kick(): Promise<void> {
    if (stopped) return Promise.resolve()
    looking ??= new Promise((resolve) => {
      setImmediate(() => {
        looking = undefined
        look().then(resolve, resolve)
      })
    })
    return looking
  }

  return {
    kick,
    failed: closer.failed,
    [Symbol.asyncDispose]: async () => {
      stopped = true
      clearTimeout(wake)
      // What was asked upstream gets its answer on record, as far as it comes within the time of a call.
      await Promise.all([looking, ...[...drains.values()].map((drain) => drain())])
    },
  }
}
