import { createPrivateKey } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { SIGNING_ALGORITHMS } from '../../core/catalogue.ts'
import { isJsonObject, type Json } from '../../core/json.ts'
import { parseStrictJson } from '../../core/strict-json.ts'
import { rfc3339, type Instant } from '../../core/time.ts'
import { KeyFault } from './key-fault.ts'
import { readPrivateFile, removePrivateFile, writePrivateFile } from './private-file.ts'
import type { Sealer } from './sealer.ts'
import { fitsAlgorithm, KEY_USES, signingKeyOf, type SigningKey } from './signing-key.ts'

const NAME = /^(?:access|audit)-[A-Za-z0-9]+-[A-Za-z0-9_-]{43}\.json$/
const MEND = 'Restore it from a backup together with the seal key; the broker never makes a key anew in its place.'

type About = Pick<SigningKey, 'kid' | 'use' | 'algorithm' | 'createdAt' | 'signsFrom'>

/** Names of the files that hold a signing key each. */
export const isKeyFile = (name: string): boolean => NAME.test(name)

/** Every signing key in the folder. Throws a `KeyFault` at the first that does not open. */
export async function readSigningKeys(folder: string, sealer: Sealer): Promise<readonly SigningKey[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json'))
  return Promise.all(names.toSorted().map((name) => readSigningKey(folder, name, sealer)))
}

/** `replace` where only its dates change: whatever happens, one of the two is on disk. */
export async function writeSigningKey(
  folder: string,
  key: SigningKey,
  { sealer, how }: { readonly sealer: Sealer; readonly how: 'once' | 'replace' },
): Promise<void> {
  const der = key.privateKey.export({ format: 'der', type: 'pkcs8' })
  const sealed = sealer.seal(sealedFor(key), der)
  const { use, algorithm, kid, createdAt, signsFrom } = key
  const dates = { created_at: rfc3339(createdAt), signs_from: rfc3339(signsFrom) }
  const content = { version: 2, use, algorithm, kid, ...dates, sealed }
  await writePrivateFile(join(folder, fileName(key)), `${JSON.stringify(content, null, 2)}\n`, how)
}

export async function removeSigningKey(folder: string, key: SigningKey): Promise<void> {
  await removePrivateFile(join(folder, fileName(key)))
}

async function readSigningKey(folder: string, name: string, sealer: Sealer): Promise<SigningKey> {
  const file = join(folder, name)
  return openSigningKey({ file, name, text: (await readPrivateFile(file)) ?? '' }, sealer)
}

/** The key that a file of that name holds. Throws a `KeyFault` that names `file` where it does not open. */
export async function openSigningKey(
  { file, name, text }: { readonly file: string; readonly name: string; readonly text: string },
  sealer: Sealer,
): Promise<SigningKey> {
  const fault = (what: string): KeyFault => new KeyFault(file, what, MEND)
  const json = parseStrictJson(text)
  if (!json.ok) throw fault(`the key file ${json.error}`)
  const about = aboutOf(json.value)
  if (!about || !NAME.test(name) || fileName(about) !== name)
    throw fault('the key file is not one of this version, or was renamed')
  const opened = sealer.open(sealedFor(about), about.sealed)
  if (!opened.ok) throw fault(`the sealed key ${opened.error}`)
  const privateKey = createPrivateKey({ key: Buffer.from(opened.value), format: 'der', type: 'pkcs8' })
  const key = await signingKeyOf(privateKey, about)
  if (key.kid !== about.kid || !fitsAlgorithm(privateKey, about.algorithm))
    throw fault('the sealed key is not the one that the file names')
  return key
}

const fileName = ({ use, algorithm, kid }: Pick<About, 'use' | 'algorithm' | 'kid'>): string =>
  `${use}-${algorithm}-${kid}.json`

/** All that the file says about the key is bound to it: an audit key can't become an access key, nor an old one young. */
function sealedFor({ use, algorithm, kid, createdAt, signsFrom }: About) {
  return { purpose: 'signing-key', name: JSON.stringify([use, algorithm, kid, createdAt, signsFrom]) }
}

function aboutOf(value: Json): (About & { readonly sealed: string }) | undefined {
  if (!isJsonObject(value)) return undefined
  const { version, kid, sealed, ...rest } = value
  const use = KEY_USES.find((each) => each === rest['use'])
  const algorithm = SIGNING_ALGORITHMS.find((each) => each === rest['algorithm'])
  const [createdAt, signsFrom] = [instantOf(rest['created_at']), instantOf(rest['signs_from'])]
  if (version !== 2 || !use || !algorithm || createdAt === undefined || signsFrom === undefined) return undefined
  return typeof kid === 'string' && typeof sealed === 'string'
    ? { kid, use, algorithm, createdAt, signsFrom, sealed }
    : undefined
}

function instantOf(value: Json | undefined): Instant | undefined {
  const at = typeof value === 'string' ? Date.parse(value) : NaN
  return Number.isNaN(at) ? undefined : at
}
