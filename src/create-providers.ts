import { setTimeout as pause } from 'node:timers/promises'

import type { BrokerLog, Clock, Policy, Provider, Seals } from './broker/ports.ts'
import type { Store } from './broker/store-port.ts'
import type { ProviderSettings } from './config/configuration.ts'
import type { Credential } from './core/credential.ts'
import { isJsonObject, type JsonObject } from './core/json.ts'
import { createAwsStsProvider } from './providers/aws-sts.ts'
import { CALL_MS } from './providers/aws-sts/ask.ts'
import type { AccessTokenIssuer } from './providers/jwt/access-token-keys.ts'
import { createJwtProvider } from './providers/jwt.ts'
import type { EndedSession } from './providers/aws-sts/deny-policy.ts'
import { createVaultProvider } from './providers/vault.ts'

/** A provider, and what it was made from. */
export interface RunningProvider {
  readonly settings: ProviderSettings
  readonly provider: Provider
}

/** What providers read of what was handed out, each of its own credentials. */
export interface ProviderLedger {
  readonly endedAt: (target: string) => readonly EndedSession[]
  readonly recordedOf: (provider: string) => readonly JsonObject[]
  readonly recordedLately: (provider: string) => readonly JsonObject[]
}

export interface ProviderParts {
  readonly tokens: AccessTokenIssuer
  readonly clock: Clock
  readonly ledger: ProviderLedger
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
      return [each.name, same ? running : { settings: each, provider: createProvider(each, parts) }]
    }),
  )
}

/** One provider as it is configured. Throws where its settings or the environment are not safe to start with. */
export function createProvider(settings: ProviderSettings, parts: ProviderParts): Provider {
  const { tokens, clock, ledger, log, env } = parts
  const grants = () => [...parts.catalogue().grants.values()].filter(({ provider }) => provider === settings.name)
  switch (settings.type) {
    case 'jwt':
      return createJwtProvider({ name: settings.name, ...tokens })
    case 'aws-sts':
      return createAwsStsProvider(settings, {
        clock,
        grants: () => grants().flatMap((grant) => (grant.type === 'aws' ? [grant] : [])),
        ended: (target) => ledger.endedAt(target),
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
        recorded: () => Promise.resolve(ledger.recordedOf(settings.name)),
        lately: () => Promise.resolve(ledger.recordedLately(settings.name)),
      })
  }
}

/** What the ledger says, opened. */
export function providerLedger({ reads }: Store, seals: Seals, clock: Clock): ProviderLedger {
  return {
    endedAt: (target) => reads.endedAt(target, clock()),
    recordedOf: (provider) => opened(reads.recordedOf(provider), seals),
    recordedLately: (provider) => opened(reads.recordedLately(provider), seals),
  }
}

/** What was recorded of these. One that does not open stops whoever asks. */
function opened(credentials: readonly Pick<Credential, 'id' | 'sealed'>[], seals: Seals) {
  return credentials.map(({ id, sealed }) => {
    const kept = sealed === null ? undefined : seals.open(id, sealed)
    if (!isJsonObject(kept)) throw new Error(`What was recorded of credential ${id} does not open with this seal key`)
    return kept
  })
}
