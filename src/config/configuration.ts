import type { Guards, Limits } from '../broker/ports.ts'
import type { Catalogue } from '../core/catalogue.ts'
import type { Fault } from '../core/fault.ts'
import type { Role } from '../core/role.ts'
import type { Secret } from '../core/secret.ts'
import type { Instant } from '../core/time.ts'
import type { ConfigurationFile } from './schema/configuration.ts'

type IssuerFile = ConfigurationFile['issuers'][number]
type Common = Pick<IssuerFile, 'name' | 'audience' | 'algorithms' | 'require'>

/** Where an issuer's keys come from. Files have absolute paths. */
export type IssuerSettings =
  | (Common & { readonly type: 'oidc'; readonly issuer: string })
  | (Common & {
      readonly type: 'jwks'
      readonly issuer: string
      readonly keys: { readonly file: string } | { readonly url: string }
    })

/** A provider, with absolute paths. What each of its kind makes of it stands in src/providers. */
export type ProviderSettings = JwtProviderSettings | AwsStsProviderSettings | VaultProviderSettings

interface JwtProviderSettings {
  readonly type: 'jwt'
  readonly name: string
}

interface AwsStsProviderSettings {
  readonly type: 'aws-sts'
  readonly name: string
  readonly region: string
  readonly endpoint: string | null
  readonly credentials:
    | { readonly from: 'files'; readonly accessKeyIdFile: string; readonly secretAccessKeyFile: string }
    | { readonly from: 'profile'; readonly profile: string }
    | { readonly from: 'chain' }
}

interface VaultProviderSettings {
  readonly type: 'vault'
  readonly name: string
  readonly address: string
  readonly namespace: string | null
  readonly caFile: string | null
  readonly auth:
    | { readonly method: 'token'; readonly tokenFile: string }
    | {
        readonly method: 'approle'
        readonly mount: string
        readonly roleIdFile: string
        readonly secretIdFile: string
      }
    | { readonly method: 'jwt'; readonly mount: string; readonly role: string; readonly jwtFile: string }
  readonly parentRole: string
  readonly secretsPolicy: string
}

export type SealKeySettings =
  | { readonly from: 'file'; readonly file: string }
  | { readonly from: 'environment'; readonly variable: string; readonly value: Secret<string> }
  | { readonly from: 'data-folder' }

/** A configuration that is whole: every reference resolved, every default filled in, every path absolute. Never changed. */
export interface Configuration {
  readonly file: string
  readonly server: {
    readonly host: string
    readonly port: number
    /** Null: the listening address, which is then a loopback one. */
    readonly publicUrl: string | null
    readonly dataDir: string
    readonly trustedProxies: readonly string[]
    readonly dangerouslyListenWithoutTls: boolean
  }
  readonly sealKey: SealKeySettings
  readonly issuers: readonly IssuerSettings[]
  readonly operators: readonly {
    readonly id: string
    readonly role: Role
    readonly groups: readonly string[]
    readonly tokenSha256: string
    readonly expiresAt: Instant | null
  }[]
  readonly peps: readonly {
    readonly name: string
    readonly tools: readonly string[]
    readonly audiences: readonly string[]
    readonly vouchesForLease: boolean
    readonly tokenSha256: string
  }[]
  readonly providers: readonly ProviderSettings[]
  readonly catalogue: Catalogue
  readonly labels: readonly string[]
  readonly limits: Limits
  readonly historyWindowSeconds: number
  readonly guards: Guards
  readonly approvals: { readonly expireAfterSeconds: number; readonly pendingPerAgent: number }
  readonly sweepEvery: string
  /** What was accepted and does nothing, or is probably not meant. */
  readonly warnings: readonly Fault[]
  /** Every file that was read: a change of any is a reason to reload. */
  readonly files: readonly string[]
}
