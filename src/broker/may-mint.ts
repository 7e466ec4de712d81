import { inRecovery } from './in-recovery.ts'
import type { Broker } from './ports.ts'
import type { Refusal } from './refusal.ts'

/** Why nothing may be minted now, whoever asks: a recovery, a clock that cannot be believed, or no room to wind things down. */
export function mayNotMint({ time, space, store }: Pick<Broker, 'time' | 'space' | 'store'>): Refusal | undefined {
  const recovery = inRecovery(store.reads)
  if (recovery) return recovery
  const stop = time.stop()
  if (stop !== null) {
    const which = stop === 'ahead' ? 'ahead of' : 'behind'
    const detail = `The broker's clock is ${which} the time that it believes. An operator sets it right, or accepts it (POST /v1/clock/accept).`
    return { reason: 'unavailable', detail }
  }
  if (space.low())
    return { reason: 'unavailable', detail: 'The disk of the broker is nearly full. An operator makes room.' }
  return undefined
}
