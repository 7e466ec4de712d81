import type { Plan, Unplannable, UpstreamOrder } from '../../broker/provider-port.ts'
import { err, ok, type Result } from '../../core/result.ts'
import { MINUTE_MS, SECOND_MS, type Instant } from '../../core/time.ts'
import { parseRoleArn } from './role-arn.ts'
import { MAX_SESSION_POLICY, sessionPolicy } from './session-policy.ts'
import { sessionScope } from './session-scope.ts'

/** STS's own bounds on the life of a session (AssumeRole, `DurationSeconds`). */
export const MIN_SESSION_SECONDS = 900
export const MAX_SESSION_SECONDS = 43_200

/**
 * STS counts from when it is asked, by its own clock: the wait before the call, the call, and clocks that are a little
 * apart. More than that is a fault that the mint finds.
 */
const MARGIN_MS = MINUTE_MS

/** What both `RoleSessionName` and `SourceIdentity` take. No pattern of a deny policy can be written with it. */
const SESSION_NAME = /^[\w=,.@-]{2,64}$/

/** Whether a text can be the name of a session. */
export const isSessionName = (text: string): boolean => SESSION_NAME.test(text)

/** What is asked of STS. */
export interface SessionRequest {
  readonly roleArn: string
  readonly externalId: string | null
  readonly earlyRevocation: boolean
  readonly policy: string
  readonly deadline: Instant
  readonly durationSeconds: number
}

export interface PlannedSession {
  readonly plan: Plan
  readonly request: SessionRequest
}

/**
 * What an order comes to, or why it cannot be narrowed. Pure, so that the mint sends what was planned. The handle is the
 * credential's id: CloudTrail shows it as session name and source identity, and a deny policy can name it.
 */
export function planSession({
  credential,
  lease,
  grant,
  access,
  now,
}: UpstreamOrder): Result<PlannedSession, Unplannable> {
  const no = (why: string) => err({ detail: `Grant ${grant.name}: ${why}.` })
  if (grant.type !== 'aws') return no('It is not a grant of AWS sessions')
  const role = parseRoleArn(grant.roleArn)
  if (!role) return no(`"${grant.roleArn}" is not the ARN of one role`)
  if (!isSessionName(credential)) return no('The credential has no name that STS takes')
  const scope = sessionScope(access, grant)
  if (!scope.ok) return no(scope.error)

  const last = Math.min(lease.expiresAt, now + grant.maxTtlSeconds * SECOND_MS)
  const deadline = Math.floor(last / SECOND_MS) * SECOND_MS
  if (deadline <= now) return no('The lease ends within the second')
  const seconds = Math.ceil((deadline - now) / SECOND_MS)
  if (seconds > MAX_SESSION_SECONDS)
    return no(`It would last ${seconds} s, and AWS's longest session is ${MAX_SESSION_SECONDS} s`)
  const durationSeconds = Math.max(MIN_SESSION_SECONDS, seconds)

  const policy = sessionPolicy({ ...scope.value, deadline })
  if (policy.length > MAX_SESSION_POLICY)
    return no(
      `Its session policy would have ${policy.length} characters, and AWS takes ${MAX_SESSION_POLICY}. ` +
        'Ask for fewer or shorter resources',
    )
  const { earlyRevocation, externalId } = grant
  return ok({
    plan: {
      handle: credential,
      target: role.arn,
      notAfter: now + durationSeconds * SECOND_MS + MARGIN_MS,
      revocation: earlyRevocation ? 'propagating' : 'at_expiry',
    },
    request: { roleArn: role.arn, externalId, earlyRevocation, policy, deadline, durationSeconds },
  })
}
