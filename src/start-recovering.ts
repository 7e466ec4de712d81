import { carryOutRecovery } from './broker/carry-out-recovery.ts'
import type { Broker, Recovering } from './broker/ports.ts'
import { coalesced } from './coalesced.ts'

/** Carries a recovery out, one run at a time: whoever asks during a run asks for one more. */
export function startRecovering(broker: Broker): Recovering {
  let givenUp = new AbortController()
  let running = Promise.resolve()
  const carryOn = coalesced(() => {
    givenUp = new AbortController()
    running = carryOutRecovery(broker, givenUp.signal).catch((error: unknown) => {
      broker.log.error({ err: error }, 'the recovery could not be carried on; it is tried again')
    })
    return running
  })
  return {
    carryOn,
    giveUp: async () => {
      givenUp.abort()
      await running
    },
  }
}
