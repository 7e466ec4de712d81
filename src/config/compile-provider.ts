import type { ProviderSettings } from './configuration.ts'
import type { ConfigurationFile } from './schema/configuration.ts'

type ProviderFile = ConfigurationFile['providers'][number]
type ResolvePath = (path: string) => string

/** A provider without a fault, with absolute paths. */
export function compileProvider(provider: ProviderFile, resolvePath: ResolvePath): ProviderSettings {
  const { name } = provider
  switch (provider.type) {
    case 'jwt':
      return { type: 'jwt', name }
    case 'aws-sts': {
      const { region, endpoint = null, credentials } = provider
      return { type: 'aws-sts', name, region, endpoint, credentials: awsCredentials(credentials, resolvePath) }
    }
    case 'vault':
      return {
        type: 'vault',
        name,
        address: provider.address,
        namespace: provider.namespace ?? null,
        caFile: provider.ca_file === undefined ? null : resolvePath(provider.ca_file),
        auth: vaultAuth(provider.auth, resolvePath),
        parentRole: provider.parent_role,
        secretsPolicy: provider.secrets_policy,
      }
  }
}

function awsCredentials(
  credentials: Extract<ProviderFile, { type: 'aws-sts' }>['credentials'],
  resolvePath: ResolvePath,
): Extract<ProviderSettings, { type: 'aws-sts' }>['credentials'] {
  if (credentials === undefined) return { from: 'chain' }
  if ('profile' in credentials) return { from: 'profile', profile: credentials.profile }
  return {
    from: 'files',
    accessKeyIdFile: resolvePath(credentials.access_key_id_file),
    secretAccessKeyFile: resolvePath(credentials.secret_access_key_file),
  }
}

function vaultAuth(
  auth: Extract<ProviderFile, { type: 'vault' }>['auth'],
  resolvePath: ResolvePath,
): Extract<ProviderSettings, { type: 'vault' }>['auth'] {
  switch (auth.method) {
    case 'token':
      return { method: 'token', tokenFile: resolvePath(auth.token_file) }
    case 'approle':
      return {
        method: 'approle',
        mount: auth.mount,
        roleIdFile: resolvePath(auth.role_id_file),
        secretIdFile: resolvePath(auth.secret_id_file),
      }
    case 'jwt':
      return { method: 'jwt', mount: auth.mount, role: auth.role, jwtFile: resolvePath(auth.jwt_file) }
  }
}
