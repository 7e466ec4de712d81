import type { Grant } from '../core/catalogue.ts'
import type { ConfigurationFile } from './schema/configuration.ts'

type GrantFile = ConfigurationFile['grants'][number]

/** A grant without a fault. Its type is that of its provider's credentials. */
export function compileGrant(grant: GrantFile, providers: ConfigurationFile['providers']): Grant {
  const common = {
    name: grant.name,
    provider: grant.provider,
    actions: grant.actions,
    resources: grant.resources,
    maxTtlSeconds: grant.max_ttl,
    labels: grant.labels,
    dataClasses: grant.data_classes,
  }
  const type = providers.find(({ name }) => name === grant.provider)?.type
  switch (type) {
    case undefined:
    case 'jwt':
      return { ...common, type: 'jwt', audience: grant.audience ?? '', algorithm: grant.algorithm }
    case 'aws-sts':
      return {
        ...common,
        type: 'aws',
        actions: grant.actions.map(lowerPrefix),
        roleArn: grant.role_arn ?? '',
        externalId: grant.external_id ?? null,
        earlyRevocation: grant.early_revocation ?? false,
      }
    case 'vault':
      if (grant.path === undefined) return { ...common, type: 'vault-token', policies: grant.policies ?? [] }
      return {
        ...common,
        type: 'vault-secret',
        path: grant.path,
        method: grant.method ?? 'read',
        data: grant.data ?? {},
      }
  }
}

/** AWS compares service prefixes without regard to case; one spelling keeps every comparison of ours exact. */
function lowerPrefix(action: string): string {
  const colon = action.indexOf(':')
  return action.slice(0, colon).toLowerCase() + action.slice(colon)
}
