import type { Policy, Provider } from './broker/ports.ts'
import type { UpstreamProvider } from './broker/provider-port.ts'
import { createProviders, type ProviderParts, type RunningProvider } from './create-providers.ts'
import { createIdentities, type TrustedIdentities } from './identity/create-identities.ts'
import type { Fetch } from './identity/fetch-json.ts'
import type { LoadedPolicy } from './local/load-policy.ts'

/** Everything that one configuration makes, replaced as a whole by the next. */
export interface PolicyInForce {
  readonly loaded: LoadedPolicy
  readonly policy: Policy
  readonly identities: TrustedIdentities
  readonly providers: ReadonlyMap<string, Provider>
  readonly running: ReadonlyMap<string, RunningProvider>
}

interface Parts {
  readonly loaded: LoadedPolicy
  readonly parts: ProviderParts
  readonly fetch: Fetch
  /** What was in force: issuers whose keys come from the same place keep them. */
  readonly before: PolicyInForce | undefined
  /** What stands in front of each provider; undefined: nothing. */
  readonly decorate: ((provider: Provider) => Provider) | undefined
  readonly upstreams: readonly UpstreamProvider[]
}

export function policyInForce({ loaded, parts, fetch, before, decorate, upstreams }: Parts): PolicyInForce {
  const { configuration, rules } = loaded
  const { catalogue, labels, limits, guards, historyWindowSeconds, approvals } = configuration
  const identities = createIdentities(
    {
      issuers: configuration.issuers,
      agents: catalogue.agents,
      ownIssuer: parts.tokens.issuer,
      operators: configuration.operators.map(({ id, role, groups, tokenSha256, expiresAt }) => ({
        tokenSha256,
        expiresAt,
        caller: { type: 'operator', id, role, groups },
      })),
      peps: configuration.peps.map(({ name, tools, audiences, tokenSha256, vouchesForLease }) => ({
        tokenSha256,
        expiresAt: null,
        caller: { type: 'pep', name, tools, audiences, vouchesForLease },
      })),
    },
    { clock: parts.clock, fetch, ...(before && { before: before.identities }) },
  )
  const running = createProviders(configuration.providers, before?.running ?? new Map(), parts)
  // A scripted upstream stands in the place of the one of that name.
  const all = [...[...running.values()].map(({ provider }) => provider), ...upstreams]
  return {
    loaded,
    identities,
    policy: {
      epoch: (before?.policy.epoch ?? 0) + 1,
      catalogue,
      rules,
      labels,
      limits,
      guards,
      historyWindowSeconds,
      approvals,
    },
    running,
    providers: new Map(all.map((provider) => [provider.name, decorate?.(provider) ?? provider])),
  }
}
