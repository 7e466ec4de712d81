import { hash } from 'node:crypto'
import type { AssumeRoleCommandOutput } from '@aws-sdk/client-sts'
import type { Plan, UpstreamMinted } from '../../broker/provider-port.ts'
import { Secret } from '../../core/secret.ts'
import { rfc3339 } from '../../core/time.ts'
import { AwsFailure } from './aws-failure.ts'
import type { SessionRequest } from './plan-session.ts'
import { parseRoleArn } from './role-arn.ts'

interface ReadSession {
  readonly minted: UpstreamMinted
  /** How much of what STS takes for policy and tags they filled, in percent. */
  readonly packedPercent: number
}

/**
 * What STS answered, if it is the session that was planned: of this role, under this name, and ended by STS in time.
 * Throws for everything else, and never shows what it looked at.
 */
export function readSession(answer: AssumeRoleCommandOutput, plan: Plan, request: SessionRequest): ReadSession {
  const { Credentials, AssumedRoleUser, SourceIdentity } = answer
  const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = Credentials ?? {}
  if (!AccessKeyId || !SecretAccessKey || !SessionToken || !Expiration) throw wrong('without a credential')
  const hardExpiresAt = Expiration.getTime()
  if (!Number.isFinite(hardExpiresAt)) throw wrong('without a time at which it ends')
  if (hardExpiresAt > plan.notAfter)
    throw wrong(`that ends at ${rfc3339(hardExpiresAt)}, later than planned: look at the broker's clock`)
  if (AssumedRoleUser?.Arn !== sessionArn(request.roleArn, plan.handle)) throw wrong('of another role or name')
  if (SourceIdentity !== undefined && SourceIdentity !== plan.handle) throw wrong('of another source identity')
  const packedPercent = packedSize(answer)
  if (packedPercent > 100) throw wrong('whose policy and tags are more than it takes')
  const expiresAt = Math.min(request.deadline, hardExpiresAt)
  return {
    packedPercent,
    minted: {
      value: new Secret({ AccessKeyId, SecretAccessKey, SessionToken, Expiration: rfc3339(expiresAt) }),
      fingerprint: hash('sha256', SecretAccessKey),
      expiresAt,
      hardExpiresAt,
    },
  }
}

/** The newer of the two members is not everywhere yet. */
function packedSize(answer: AssumeRoleCommandOutput): number {
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- the only one that every partition answers
  return Math.max(answer.PackedPolicySize ?? 0, answer.SessionTokenUtilization ?? 0)
}

/** STS names a session by its role's name alone, without the path. */
function sessionArn(roleArn: string, handle: string): string | undefined {
  const role = parseRoleArn(roleArn)
  return role && `arn:${role.partition}:sts::${role.account}:assumed-role/${role.name}/${handle}`
}

const wrong = (how: string): AwsFailure =>
  new AwsFailure({ class: 'unknown', code: 'NotAsPlanned', message: `STS answered with a session ${how}` })
