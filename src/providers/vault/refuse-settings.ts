import { isLoopback } from '../../core/is-loopback.ts'
import { isNamespace, isVaultName } from './names.ts'
import type { VaultSettings } from './settings.ts'

/** Why a Vault is not talked to. */
export interface Unsafe {
  readonly detail: string
  readonly mend: string
}

/** What prints requests, with their tokens, when DEBUG names it: node-vault, and what follows redirects below it. */
const TALKATIVE = ['node-vault', 'follow-redirects', 'axios']

/** The first thing that would make it unsafe to start, if any. */
export function refuseSettings(
  settings: VaultSettings,
  env: Readonly<Record<string, string | undefined>>,
): Unsafe | null {
  return refuseEnvironment(env) ?? refuseAddress(settings.address) ?? refuseNames(settings)
}

/** node-vault takes any value of VAULT_SKIP_VERIFY, `false` and `0` too, for a wish not to check certificates. */
export function refuseEnvironment(env: Readonly<Record<string, string | undefined>>): Unsafe | null {
  if (env['VAULT_SKIP_VERIFY'] !== undefined) {
    return { detail: 'VAULT_SKIP_VERIFY is set', mend: 'Unset it, and name the CA of this Vault as ca_file' }
  }
  const debug = TALKATIVE.find((name) => enables(env['DEBUG'] ?? '', name))
  return debug === undefined
    ? null
    : { detail: `DEBUG makes ${debug} print requests with their tokens`, mend: 'Unset DEBUG, or narrow it' }
}

function refuseAddress(address: string): Unsafe | null {
  const mend = 'Write it as https://HOST:PORT, or http:// where the host is this machine'
  const url = URL.parse(address)
  if (!url || url.origin !== address.replace(/\/$/, '')) return { detail: 'The address is not that of a server', mend }
  if (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))) return null
  return { detail: 'The address is neither https nor plain http on loopback', mend }
}

function refuseNames({ namespace, auth, parentRole, secretsPolicy }: VaultSettings): Unsafe | null {
  const mend = 'Use letters, digits, - and _, at most 64 of them'
  if (namespace !== null && !isNamespace(namespace)) return { detail: 'The namespace is not made of names', mend }
  const names = [parentRole, secretsPolicy, ...(auth.method === 'token' ? [] : [auth.mount])]
  const wrong = names.find((name) => !isVaultName(name))
  return wrong === undefined ? null : { detail: `${JSON.stringify(wrong.slice(0, 64))} is not a name`, mend }
}

/** How the package `debug` reads its variable: patterns with `*`, separated by blanks or commas. */
const enables = (variable: string, name: string): boolean =>
  variable
    .split(/[\s,]+/)
    .filter((pattern) => pattern !== '' && !pattern.startsWith('-'))
    .some((pattern) => new RegExp(`^${pattern.split('*').map(literally).join('.*')}$`).test(name))

const literally = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
