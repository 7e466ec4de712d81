import { isLoopback } from '../core/is-loopback.ts'
import type { Step } from '../core/source-document.ts'
import type { Say } from './say.ts'
import type { ConfigurationFile } from './schema/configuration.ts'

type ProviderFile = ConfigurationFile['providers'][number]

/** How an upstream is reached: over a way on which nobody can read the broker's own credentials. */
export function checkProvider(provider: ProviderFile, path: readonly Step[], say: Say): void {
  if (provider.type === 'jwt') return
  const member = provider.type === 'vault' ? 'address' : 'endpoint'
  const address = provider.type === 'vault' ? provider.address : provider.endpoint
  if (address?.startsWith('http:') === true && !isLoopback(new URL(address).hostname))
    say(
      [...path, member],
      `${address} is http: and not loopback`,
      'Write its https: address: the broker sends its own login there.',
    )
}

/** A file that a provider reads, and whether it holds a secret. */
export interface ProviderFilePath {
  readonly path: readonly Step[]
  readonly file: string
  readonly secret: boolean
}

/** Every file that a provider names, as it was written. */
export function filesOf(provider: ProviderFile, path: readonly Step[]): readonly ProviderFilePath[] {
  const named = (owner: object, at: readonly Step[], secrets: boolean): readonly ProviderFilePath[] =>
    Object.entries(owner).flatMap(([name, file]: [string, unknown]) =>
      name.endsWith('_file') && typeof file === 'string' ? [{ path: [...at, name], file, secret: secrets }] : [],
    )
  switch (provider.type) {
    case 'jwt':
      return []
    case 'aws-sts':
      return provider.credentials ? named(provider.credentials, [...path, 'credentials'], true) : []
    case 'vault':
      return [...named(provider, path, false), ...named(provider.auth, [...path, 'auth'], true)]
  }
}
