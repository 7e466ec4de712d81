import { GetRoleCommand } from '@aws-sdk/client-iam'
import type { Finding } from '../../../broker/provider-port.ts'
import type { AwsGrant } from '../../../core/catalogue.ts'
import { AwsFailure } from '../aws-failure.ts'
import { MIN_SESSION_SECONDS } from '../plan-session.ts'
import { parseRoleArn, type Role } from '../role-arn.ts'
import { parsePolicy, type Iam } from '../role-policy.ts'
import type { Caller } from '../who-am-i.ts'
import { checkEarlyRevocation, checkRoom } from './check-early-revocation.ts'
import { checkRolePolicies } from './check-role-policies.ts'
import { checkTrust } from './check-trust.ts'
import { readRolePolicies } from './role-policies.ts'
import { assumedRole } from './trust-policy.ts'

/** A role that assumes a role gets an hour at most, whatever the second one allows (STS, role chaining). */
const CHAINED_SECONDS = 3600

/** Everything that is looked at for one grant. Never rejects: what cannot be read is a finding. */
export async function checkRole(
  { iam, ask }: Iam,
  { grant, caller }: { readonly grant: AwsGrant; readonly caller: Caller },
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const role = parseRoleArn(grant.roleArn)
  if (!role) return [unread('trust-policy', `"${grant.roleArn}" is not the ARN of one role`, 'Mend role_arn.')]
  return [
    ...(await read('trust-policy', role, async () => {
      const { Role: found } = await ask('iam:GetRole', signal, (options) =>
        iam.send(new GetRoleCommand({ RoleName: role.name }), options),
      )
      const longest = Math.min(found?.MaxSessionDuration ?? CHAINED_SECONDS, chained(caller))
      return [...checkTrust(parsePolicy(found?.AssumeRolePolicyDocument), grant, caller), sessionLength(grant, longest)]
    })),
    ...(await read('role-policies', role, async () => {
      const policies = await readRolePolicies({ iam, ask }, role.name, signal)
      const room = grant.earlyRevocation ? [checkRoom(role, policies.inline)] : []
      return [...checkRolePolicies(policies, grant), ...room]
    })),
    ...(grant.earlyRevocation ? await checkEarlyRevocation({ iam, ask }, { role, caller }, signal) : []),
  ]
}

const chained = ({ arn }: Caller): number => (assumedRole(arn) === undefined ? Infinity : CHAINED_SECONDS)

function sessionLength({ name, roleArn, maxTtlSeconds }: AwsGrant, longest: number): Finding {
  const needed = Math.max(MIN_SESSION_SECONDS, maxTtlSeconds)
  const ok = needed <= longest
  return {
    check: 'session-length',
    ok,
    detail: `Sessions of grant ${name} last up to ${needed} s, and the broker gets up to ${longest} s of ${roleArn}`,
    mend: ok
      ? null
      : "Raise the role's maximum session duration (an hour is all a role gets of a role), or lower max_ttl.",
  }
}

async function read(check: string, role: Role, look: () => Promise<readonly Finding[]>): Promise<readonly Finding[]> {
  try {
    return await look()
  } catch (error) {
    if (!(error instanceof AwsFailure)) throw error
    const mend =
      error.class === 'missing'
        ? 'Create the role, or mend role_arn.'
        : 'Give the broker config/aws/broker-doctor-policy.json while the doctor looks.'
    return [unread(check, `${role.arn} could not be looked at: ${error.message}`, mend)]
  }
}

const unread = (check: string, detail: string, mend: string): Finding => ({ check, ok: false, detail, mend })
