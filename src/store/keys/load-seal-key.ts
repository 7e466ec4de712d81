import { randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Secret } from '../../core/secret.ts'
import { KeyFault } from './key-fault.ts'
import { makePrivateFolder, readPrivateFile, writePrivateFile } from './private-file.ts'
import { SEAL_KEY_BYTES } from './sealer.ts'

/** Where the seal key comes from. `data-folder`: the broker makes one beside what it seals, good for a first try only. */
export type SealKeySource =
  | { readonly from: 'file'; readonly file: string }
  | { readonly from: 'environment'; readonly variable: string; readonly value: Secret<string> }
  | { readonly from: 'data-folder' }

export interface SealKey {
  readonly key: Secret<Uint8Array>
  /** It lies beside what it seals, so whoever copies the folder has both: worth a warning, and refused off loopback. */
  readonly besideData: boolean
  /** It was made just now. */
  readonly generated: boolean
}

const MAKE_ONE = 'Make one with: (umask 077; openssl rand -base64 32 > seal.key)'

/** The seal key from its source. Throws a `KeyFault` that names the file and the mend. `folder` is `<data>/keys`. */
export async function loadSealKey(source: SealKeySource, folder: string): Promise<SealKey> {
  switch (source.from) {
    case 'environment':
      return { key: parse(source.value.unwrap(), `$${source.variable}`), besideData: false, generated: false }
    case 'file': {
      const text = await readPrivateFile(source.file)
      if (text === undefined) throw new KeyFault(source.file, 'there is no seal key', MAKE_ONE)
      return { key: parse(text, source.file), besideData: false, generated: false }
    }
    case 'data-folder':
      return besideData(folder)
  }
}

async function besideData(folder: string): Promise<SealKey> {
  const file = join(folder, 'seal.key')
  await makePrivateFolder(folder)
  const text = await readPrivateFile(file)
  if (text !== undefined) return { key: parse(text, file), besideData: true, generated: false }
  // With a new seal key the old sealed keys would never open again, and the loss would look like a fresh start.
  const sealed = (await readdir(folder)).filter((name) => name.endsWith('.json'))
  if (sealed.length > 0) {
    throw new KeyFault(
      file,
      `the seal key is missing, and ${sealed.length} sealed key files need it`,
      'Restore it, or name it as keys.seal_key_file.',
    )
  }
  const key = randomBytes(SEAL_KEY_BYTES)
  await writePrivateFile(file, `${key.toString('base64')}\n`, 'once')
  return { key: new Secret(key), besideData: true, generated: true }
}

/** 32 bytes as hex, base64 or base64url. */
function parse(text: string, origin: string): Secret<Uint8Array> {
  const trimmed = text.trim()
  const key = /^[0-9a-fA-F]{64}$/.test(trimmed)
    ? Buffer.from(trimmed, 'hex')
    : /^[A-Za-z0-9+/_-]{43}=?$/.test(trimmed)
      ? Buffer.from(trimmed, 'base64')
      : undefined
  if (key?.length !== SEAL_KEY_BYTES) throw new KeyFault(origin, 'a seal key is 32 bytes in base64 or hex', MAKE_ONE)
  return new Secret(key)
}
