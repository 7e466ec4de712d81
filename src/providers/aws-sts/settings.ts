import type { Clock } from '../../broker/ports.ts'
import type { Finding } from '../../broker/provider-port.ts'
import type { AwsGrant } from '../../core/catalogue.ts'
import type { EndedSession } from './deny-policy.ts'

/** Where the broker's own AWS credentials come from. `chain`: the SDK's default chain, in the broker's own environment. */
export type AwsCredentialSource =
  | { readonly from: 'files'; readonly accessKeyIdFile: string; readonly secretAccessKeyFile: string }
  | { readonly from: 'profile'; readonly profile: string }
  | { readonly from: 'chain' }

/** One provider of type `aws-sts`. Paths are absolute. */
export interface AwsStsSettings {
  readonly name: string
  readonly region: string
  /** In the place of both STS and IAM, https unless it is loopback. Null: the region's own STS, and IAM of its partition. */
  readonly endpoint: string | null
  readonly credentials: AwsCredentialSource
}

/** What the provider needs of the broker around it. */
export interface AwsStsParts {
  readonly clock: Clock
  /** The grants of this provider that are configured now. */
  readonly grants: () => readonly AwsGrant[]
  /**
   * Every session of a role that was taken back and may still do something, in the order in which they ended. What is
   * revoked just now MUST be among them, and what was among them MUST stay until its `notAfter`: the role's deny policy
   * holds these and no others.
   */
  readonly ended: (target: string) => readonly EndedSession[]
  /** Told of what a mint saw and an operator should, such as a policy that is nearly too large. */
  readonly report: (finding: Finding) => void
  readonly pause: (ms: number) => Promise<void>
  /** How long one call to AWS may take: `CALL_MS` outside of tests. */
  readonly callMs: number
}
