import type { ConfigurationSources } from '../../../src/config/configuration-sources.ts'
import { loadConfiguration } from '../../../src/config/load-configuration.ts'
import type { Configuration } from '../../../src/config/configuration.ts'
import type { Fault } from '../../../src/core/fault.ts'

/** A configuration with everything that must be there, and nothing else. */
export const LEAST = {
  issuers: [
    { name: 'ci', type: 'oidc', issuer: 'https://ci.example', audience: 'mayfly', algorithms: ['RS256'] },
  ] as object[],
  agents: [
    { id: 'bot', owner: 'dana@example.com', identities: [{ issuer: 'ci', subject: 'bot' }], grants: ['api'] },
  ] as object[],
  providers: [{ name: 'tokens', type: 'jwt' }] as object[],
  grants: [{ name: 'api', provider: 'tokens', audience: 'https://api.example', actions: ['read'] }] as object[],
  rules: ['./rules.yaml'],
}

/** A public key set, as far as the configuration looks at it. */
export const KEY_SET = '{"keys":[]}'

/** Files by absolute path, and what else a configuration sees of the world. */
export interface World {
  readonly files?: Readonly<Record<string, string>>
  readonly modes?: Readonly<Record<string, number>>
  readonly env?: ConfigurationSources['env']
}

export const FILE = '/etc/mayfly/mayfly.yaml'

export function sourcesOf({ files = {}, modes = {}, env = {} }: World): ConfigurationSources {
  const all: Readonly<Record<string, string>> = { '/etc/mayfly/rules.yaml': 'version: 1', ...files }
  const reading = (path: string): string => {
    const text = all[path]
    if (text === undefined) throw Object.assign(new Error(`no ${path}`), { code: 'ENOENT' })
    return text
  }
  return {
    readFile: reading,
    modeOf: (path) => {
      reading(path)
      return modes[path] ?? 0o600
    },
    env,
  }
}

export const load = (settings: object | string, world: World = {}) => {
  const text = typeof settings === 'string' ? settings : JSON.stringify(settings)
  return loadConfiguration(FILE, sourcesOf({ ...world, files: { [FILE]: text, ...world.files } }))
}

/** The configuration of what has no fault. */
export function loaded(settings: object | string, world: World = {}): Configuration {
  const { configuration, faults } = load(settings, world)
  if (!configuration) throw new Error(`It has faults: ${said(faults).join('\n')}`)
  return configuration
}

/** `message. mend` of every fault. */
export const said = (faults: readonly Fault[]): readonly string[] =>
  faults.map(({ message, mend }) => `${message}. ${mend}`)

/** `line:column message. mend`, for texts of which the places are known. */
export const placed = (faults: readonly Fault[]): readonly string[] =>
  faults.map(({ line, column, message, mend }) => `${line}:${column} ${message}. ${mend}`)
