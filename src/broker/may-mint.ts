import type { Broker } from './ports.ts'
import type { Refusal } from './refusal.ts'

/** Why nothing may be minted now, whoever asks: a clock that cannot be believed, or no room to wind things down. */
export function mayNotMint({ time, space }: Pick<Broker, 'time' | 'space'>): Refusal | undefined {
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
