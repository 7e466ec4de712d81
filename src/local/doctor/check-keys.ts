import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Finding } from '../../broker/provider-port.ts'
import type { SealKeySettings } from '../../config/configuration.ts'
import { KeyFault } from '../../store/keys/key-fault.ts'
import { loadSealKey } from '../../store/keys/load-seal-key.ts'
import { createSealer } from '../../store/keys/sealer.ts'
import { readSigningKeys } from '../../store/keys/signing-key-file.ts'
import { well, wrong } from './finding.ts'

/** Whether the seal key is there, and opens every key that lies in the data folder. Makes none. */
export async function checkKeys(sealKey: SealKeySettings, dataDir: string): Promise<readonly Finding[]> {
  const folder = join(dataDir, 'keys')
  const sealed = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.json'))
  // The broker would make one, and looking must not.
  if (sealKey.from === 'data-folder' && !(await isThere(join(folder, 'seal.key')))) {
    if (sealed.length === 0) return [well('seal-key', `The first start makes one, beside the data, in ${folder}`)]
    const detail = `${join(folder, 'seal.key')} is gone, and ${sealed.length} sealed keys need it`
    return [wrong('seal-key', detail, 'Restore it, or name it as keys.seal_key_file.')]
  }
  try {
    const { key, besideData } = await loadSealKey(sealKey, folder)
    const where = besideData ? 'It lies beside what it seals: good for a first try only' : 'It lies apart from the data'
    return [well('seal-key', where), await checkSealed(folder, sealed.length, createSealer(key))]
  } catch (error) {
    return [faultOf('seal-key', error)]
  }
}

async function checkSealed(folder: string, count: number, sealer: ReturnType<typeof createSealer>): Promise<Finding> {
  if (count === 0) return well('signing-keys', 'The first start makes them')
  try {
    const keys = await readSigningKeys(folder, sealer)
    return well('signing-keys', `All ${keys.length} open with the seal key`)
  } catch (error) {
    return faultOf('signing-keys', error)
  }
}

function faultOf(check: string, error: unknown): Finding {
  if (!(error instanceof KeyFault)) throw error
  return wrong(check, error.message.replace(`. ${error.mend}`, ''), error.mend)
}

const isThere = (file: string): Promise<boolean> =>
  stat(file).then(
    () => true,
    () => false,
  )
