import { carryOutRecovery } from './broker/carry-out-recovery.ts'
import type { Broker } from './broker/ports.ts'
import { coalesced } from './coalesced.ts'

/** Carries a recovery out, one run at a time: whoever asks during a run asks for one more. Never rejects. */
export const startRecovering = (broker: Broker): (() => Promise<void>) =>
  coalesced(() =>
    carryOutRecovery(broker).catch((error: unknown) => {
      broker.log.error({ err: error }, 'the recovery could not be carried on; it is tried again')
    }),
  )
