import { join } from 'node:path'

import type { Clock } from './broker/ports.ts'
import type { Store } from './broker/store-port.ts'
import type { HttpLog } from './http/services.ts'
import { keyUpkeep, type KeyUpkeep } from './key-upkeep.ts'
import { loadSealKey, type SealKeySource } from './store/keys/load-seal-key.ts'
import { openKeyRing, type KeyRing } from './store/keys/open-key-ring.ts'
import { createSealer, type Sealer } from './store/keys/sealer.ts'

interface Parts {
  readonly dataDir: string
  readonly source: SealKeySource
  readonly store: Store
  readonly clock: Clock
  readonly log: HttpLog
}

export interface OpenedKeys {
  readonly sealer: Sealer
  readonly ring: KeyRing
  readonly keys: KeyUpkeep
}

/** The seal key, and every key that is sealed with it. Throws a `KeyFault` where one does not open. */
export async function openKeys({ dataDir, source, store, clock, log }: Parts): Promise<OpenedKeys> {
  const folder = join(dataDir, 'keys')
  const sealKey = await loadSealKey(source, folder)
  if (sealKey.besideData) log.warn({}, 'the seal key lies beside the data that it seals: set keys.seal_key_file')
  const sealer = createSealer(sealKey.key)
  const ring = await openKeyRing({ folder, sealer, clock })
  return { sealer, ring, keys: keyUpkeep({ ring, store, clock, log }) }
}
