import type { Clock } from '../../broker/ports.ts'
import type { Grant } from '../../core/catalogue.ts'
import type { JsonObject } from '../../core/json.ts'

/** How the broker itself logs in. Files are read anew at every login, so that whoever rotates them needs no restart. */
export type VaultAuth =
  | { readonly method: 'token'; readonly tokenFile: string }
  | { readonly method: 'approle'; readonly mount: string; readonly roleIdFile: string; readonly secretIdFile: string }
  | { readonly method: 'jwt'; readonly mount: string; readonly role: string; readonly jwtFile: string }

/** One HashiCorp Vault or OpenBao, as the operator configured it. Paths are absolute. */
export interface VaultSettings {
  readonly name: string
  /** Scheme, host and port: https, or plain http on loopback. */
  readonly address: string
  readonly namespace: string | null
  /** Certificates to trust instead of the system's, in PEM. */
  readonly caFile: string | null
  readonly auth: VaultAuth
  /** The token role that makes parents: orphans with a period. */
  readonly parentRole: string
  /** The policy of the tokens that dynamic secrets are read with. */
  readonly secretsPolicy: string
}

/** What docs/vault.md calls them. */
export const VAULT_NAMES = { parentRole: 'mayfly-parent', secretsPolicy: 'mayfly-secrets' } as const

export interface VaultTimings {
  /** How long a token lives that nobody has recorded yet. */
  readonly birthSeconds: number
  /** How long one request may take, in milliseconds. */
  readonly callMs: number
  /** How long one mint may take, in milliseconds. */
  readonly mintMs: number
  /** How long Vault takes to end the secrets of a token that was revoked: its queue does it, at once. In milliseconds. */
  readonly cascadeMs: number
}

export const VAULT_TIMINGS: VaultTimings = { birthSeconds: 60, callMs: 8_000, mintMs: 10_000, cascadeMs: 2_000 }

/** What the rest of the broker gives the provider. */
export interface VaultParts {
  readonly clock: Clock
  /** The environment: node-vault reads it behind everybody's back, so what it finds there has to be judged. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** The grants that name this provider. */
  readonly grants: () => readonly Grant[]
  /** What `record` kept last of every credential of this provider that has not ended, of every boot. MUST be complete. */
  readonly recorded: () => Promise<readonly JsonObject[]>
  /** The same of those that were recorded last, ended or not, as far as it goes: a recovery looks for parents in it. */
  readonly lately?: () => Promise<readonly JsonObject[]>
  readonly timings?: VaultTimings
}
