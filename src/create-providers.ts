import { setTimeout as pause } from 'node:timers/promises'

import type { BrokerLog, Clock, Policy, Provider, Seals } from './broker/ports.ts'
import type { Store } from './broker/store-port.ts'
import type { ProviderSettings } from './config/configuration.ts'
import type { Credential } from './core/credential.ts'
import { isJsonObject } from './core/json.ts'
import { createAwsStsProvider } from './providers/aws-sts.ts'
import { CALL_MS } from './providers/aws-sts/ask.ts'
import type { AccessTokenIssuer } from './providers/jwt/access-token-keys.ts'
import { createJwtProvider } from './providers/jwt.ts'
import { createVaultProvider } from './providers/vault.ts'

/** A provider, and what it was made from. */
export interface RunningProvider {
  readonly settings: ProviderSettings
  readonly provider: Provider
}

export interface ProviderParts {
  readonly tokens: AccessTokenIssuer
  readonly clock: Clock
  readonly store: Store
  readonly seals: Seals
  readonly log: BrokerLog
  /** What is configured now: a provider outlives a reload that does not change it. */
  readonly catalogue: () => Policy['catalogue']
  readonly env: Readonly<Record<string, string | undefined>>
}

/** The providers of a configuration. One whose settings are as they were goes on, with its logins and its connections. */
export function createProviders(
  settings: readonly ProviderSettings[],
  before: ReadonlyMap<string, RunningProvider>,
  parts: ProviderParts,
): ReadonlyMap<string, RunningProvider> {
  return new Map(
    settings.map((each): readonly [string, RunningProvider] => {
      const running = before.get(each.name)
      const same = running && JSON.stringify(running.settings) === JSON.stringify(each)
      return [each.name, same ? running : { settings: each, provider: create(each, parts) }]
    }),
  )
}

function create(settings: ProviderSettings, parts: ProviderParts): Provider {
  const { tokens, clock, store, log, env } = parts
  const grants = () => [...parts.catalogue().grants.values()].filter(({ provider }) => provider === settings.name)
  switch (settings.type) {
    case 'jwt':
      return createJwtProvider({ name: settings.name, ...tokens })
    case 'aws-sts':
      return createAwsStsProvider(settings, {
        clock,
        grants: () => grants().flatMap((grant) => (grant.type === 'aws' ? [grant] : [])),
        ended: (target) => store.reads.endedAt(target, clock()),
        report: (finding) => {
          if (!finding.ok)
            log.warn({ provider: settings.name, check: finding.check, mend: finding.mend }, finding.detail)
        },
        pause: (ms) => pause(ms),
        callMs: CALL_MS,
      })
    case 'vault':
      return createVaultProvider(settings, {
        clock,
        env,
        grants,
        recorded: () => Promise.resolve(opened(store.reads.recordedOf(settings.name), parts)),
        lately: () => Promise.resolve(opened(store.reads.recordedLately(settings.name), parts)),
      })
  }
}

/** What was recorded of these. One that does not open stops whoever asks. */
function opened(credentials: readonly Pick<Credential, 'id' | 'sealed'>[], { seals }: ProviderParts) {
  return credentials.map(({ id, sealed }) => {
    const kept = sealed === null ? undefined : seals.open(id, sealed)
    if (!isJsonObject(kept)) throw new Error(`What was recorded of credential ${id} does not open with this seal key`)
    return kept
  })
}
