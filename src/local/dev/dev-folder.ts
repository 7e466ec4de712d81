import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { cp, mkdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { makePrivateFolder, readPrivateFile, writePrivateFile } from '../../store/keys/private-file.ts'
import { SEAL_KEY_BYTES } from '../../store/keys/sealer.ts'
import { newToken } from '../new-token.ts'
import { DEV_REQUEST, devConfiguration } from './dev-settings.ts'

const PACKS = new URL('../../../config/rules/', import.meta.url)

/** Where the files of a development broker lie. */
export const devFiles = (folder: string) => ({
  configuration: join(folder, 'mayfly.yaml'),
  rules: join(folder, 'rules'),
  sealKey: join(folder, 'keys', 'seal.key'),
  operatorToken: join(folder, 'operator-token'),
  ownerToken: join(folder, 'owner-token'),
  pepToken: join(folder, 'pep-token'),
  issuerKey: join(folder, 'demo', 'issuer.jwk'),
  issuerKeys: join(folder, 'demo', 'jwks.json'),
  request: join(folder, 'demo', 'lease.json'),
})

/** Writes what a development broker needs, once: a folder that has a configuration is left as it is. */
export async function prepareDevFolder(folder: string): Promise<void> {
  const files = devFiles(folder)
  await makePrivateFolder(folder)
  if (await isThere(files.configuration)) return
  const tokens = {
    operator: newToken('operator', randomBytes),
    owner: newToken('operator', randomBytes),
    pep: newToken('pep', randomBytes),
  }
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const kid = 'dev'
  for (const part of ['keys', 'demo']) await makePrivateFolder(join(folder, part))
  await writePrivateFile(files.sealKey, `${randomBytes(SEAL_KEY_BYTES).toString('base64')}\n`, 'replace')
  await writePrivateFile(files.operatorToken, `${tokens.operator.token}\n`, 'replace')
  await writePrivateFile(files.ownerToken, `${tokens.owner.token}\n`, 'replace')
  await writePrivateFile(files.pepToken, `${tokens.pep.token}\n`, 'replace')
  await writePrivateFile(files.issuerKey, JSON.stringify({ ...privateKey.export({ format: 'jwk' }), kid }), 'replace')
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'EdDSA' }
  await writeFile(files.issuerKeys, `${JSON.stringify({ keys: [jwk] }, null, 2)}\n`)
  await writeFile(files.request, `${JSON.stringify(DEV_REQUEST, null, 2)}\n`)
  // Keys and tokens lie here, and the folder it stands in is often a repository.
  await writeFile(join(folder, '.gitignore'), '*\n')
  await mkdir(files.rules, { recursive: true })
  await cp(PACKS, files.rules, { recursive: true })
  // Last: with it the folder is whole, and without it the next start writes everything anew.
  await writeFile(files.configuration, devConfiguration(tokens))
}

/** The private key that stands for the development issuer, as a JWK. Undefined where no development broker was started. */
export async function readIssuerKey(folder: string): Promise<Readonly<Record<string, unknown>> | undefined> {
  const text = await readPrivateFile(devFiles(folder).issuerKey)
  return text === undefined ? undefined : (JSON.parse(text) as Readonly<Record<string, unknown>>)
}

const isThere = async (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )
