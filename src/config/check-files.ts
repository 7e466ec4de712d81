import { isJsonObject } from '../core/json.ts'
import type { Step } from '../core/source-document.ts'
import { parseStrictJson } from '../core/strict-json.ts'
import { filesOf } from './check-provider.ts'
import type { ConfigurationSources } from './configuration-sources.ts'
import type { Say } from './say.ts'
import type { ConfigurationFile } from './schema/configuration.ts'
import { whyUnreadable } from './why-unreadable.ts'

/** What group and others may do with a file. */
const OTHERS = 0o077

interface Files {
  readonly sources: ConfigurationSources
  readonly resolvePath: (path: string) => string
  readonly say: Say
}

/**
 * The files that a configuration names, apart from its rules. Secrets are for the broker's user alone; their text is not
 * read here, but where it is used, together with the mode of that very file.
 */
export function checkFiles(
  { issuers, keys, providers }: ConfigurationFile,
  { sources, resolvePath, say }: Files,
): void {
  issuers.forEach((issuer, at) => {
    if (issuer.type !== 'jwks' || issuer.jwks_file === undefined) return
    const path = ['issuers', at, 'jwks_file']
    const file = resolvePath(issuer.jwks_file)
    const text = reading(file, () => sources.readFile(file), path, say)
    if (text !== undefined && !holdsKeys(text))
      say(
        path,
        `${file} is not a JWK set`,
        'Write the issuer\'s public keys as { "keys": [...] } (RFC 7517 section 5).',
      )
  })
  const secrets = providers.flatMap((provider, at) => filesOf(provider, ['providers', at]))
  if (keys.seal_key_file !== undefined)
    secrets.push({ path: ['keys', 'seal_key_file'], file: keys.seal_key_file, secret: true })
  for (const { path, file, secret } of secrets) checkMode(resolvePath(file), { path, secret, sources, say })
}

interface Named extends Pick<Files, 'sources' | 'say'> {
  readonly path: readonly Step[]
  readonly secret: boolean
}

/** It is there, and where it holds a secret, it is its owner's alone. */
function checkMode(file: string, { path, secret, sources, say }: Named): void {
  const mode = reading(file, () => sources.modeOf(file), path, say)
  if (secret && mode !== undefined && (mode & OTHERS) !== 0)
    say(
      path,
      `Others than its owner may use ${file} (mode ${mode.toString(8).padStart(4, '0')})`,
      `Run: chmod 600 '${file}'`,
    )
}

function reading<T>(file: string, read: () => T, path: readonly Step[], say: Say): T | undefined {
  try {
    return read()
  } catch (error) {
    const { message, mend } = whyUnreadable(file, error)
    say(path, message, mend)
    return undefined
  }
}

function holdsKeys(text: string): boolean {
  const json = parseStrictJson(text)
  return json.ok && isJsonObject(json.value) && Array.isArray(json.value['keys'])
}
