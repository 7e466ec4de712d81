import type { JsonObject } from './json.ts'

/** How far a human is from the loop, from nearest to farthest. The worse of two is the later one. */
export const AUTONOMY = ['interactive', 'supervised', 'autonomous'] as const
export type Autonomy = (typeof AUTONOMY)[number]

/** What set a task off. Left out, it counts as `event`: the one that nobody asked for. */
export const ORIGINS = ['user', 'agent', 'schedule', 'event'] as const
export type Origin = (typeof ORIGINS)[number]

export const TRUST = ['low', 'medium', 'high'] as const
export type Trust = (typeof TRUST)[number]

/** The words that tools, grants and results are labelled with; an operator may declare more. */
export const BUILT_IN_LABELS = [
  'private_data',
  'untrusted_input',
  'external_send',
  'egress',
  'destructive',
  'financial',
  'access_change',
  'credential',
  'write',
  'production',
  'derives',
] as const

/** One way in which an agent may prove itself: a subject, claims, or both, compared exactly. */
export interface IdentityMatch {
  readonly issuer: string
  readonly subject: string | null
  readonly claims: Readonly<Record<string, string | number | boolean>>
}

/** A workload identity known to the operator. `purposes` empty: it may name none. */
export interface Agent {
  readonly id: string
  readonly owner: string
  readonly trust: Trust
  readonly autonomy: Autonomy | null
  readonly purposes: readonly string[]
  readonly dataClasses: readonly string[]
  readonly identities: readonly IdentityMatch[]
  /** Claims that tell one running instance of the agent from the next. A proof without one of them is refused. */
  readonly instanceClaims: readonly string[]
  readonly heartbeatSeconds: number | null
  readonly grants: readonly string[]
  readonly tools: readonly string[]
}

/** What every grant says: a provider, and the ceiling of what may be asked of it. */
interface GrantCommon {
  readonly name: string
  readonly provider: string
  readonly actions: readonly string[]
  readonly resources: readonly string[]
  readonly maxTtlSeconds: number
  readonly labels: readonly string[]
  readonly dataClasses: readonly string[]
}

/** Mayfly's own access tokens, for one API. */
export interface JwtGrant extends GrantCommon {
  readonly type: 'jwt'
  readonly audience: string
  readonly algorithm: SigningAlgorithm
}

/** Sessions of one AWS role. */
export interface AwsGrant extends GrantCommon {
  readonly type: 'aws'
  readonly roleArn: string
  readonly externalId: string | null
  /** Ended sessions are written into an inline deny policy of the role. */
  readonly earlyRevocation: boolean
}

/** Dynamic secrets that a Vault makes when a path is read or written. */
export interface VaultSecretGrant extends GrantCommon {
  readonly type: 'vault-secret'
  readonly path: string
  readonly method: 'read' | 'write'
  readonly data: JsonObject
}

/** Child tokens of a Vault with exactly these policies. */
export interface VaultTokenGrant extends GrantCommon {
  readonly type: 'vault-token'
  readonly policies: readonly string[]
}

/** Something an operator has made available. `type` is the kind of credential, as the API names it. */
export type Grant = JwtGrant | AwsGrant | VaultSecretGrant | VaultTokenGrant

export const CREDENTIAL_TYPES = ['jwt', 'aws', 'vault-secret', 'vault-token'] as const
export type CredentialType = (typeof CREDENTIAL_TYPES)[number]

export const SIGNING_ALGORITHMS = ['EdDSA', 'ES256', 'RS256'] as const
export type SigningAlgorithm = (typeof SIGNING_ALGORITHMS)[number]

/** A tool that agents may call, and what its arguments mean. Names are exact. */
export interface Tool {
  readonly name: string
  readonly labels: readonly string[]
  readonly dataClasses: readonly string[]
}

/** Everything the operator has named, compiled once from the configuration and never changed. */
export interface Catalogue {
  readonly agents: ReadonlyMap<string, Agent>
  readonly grants: ReadonlyMap<string, Grant>
  readonly tools: ReadonlyMap<string, Tool>
}

/** Verified claims of a workload's identity, as rules see them. */
export type Claims = JsonObject
