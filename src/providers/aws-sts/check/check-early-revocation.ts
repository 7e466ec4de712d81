import { PutRolePolicyCommand } from '@aws-sdk/client-iam'
import type { Finding } from '../../../broker/provider-port.ts'
import { AwsFailure, awsFailure } from '../aws-failure.ts'
import { denyPolicy, MAX_INLINE_POLICY } from '../deny-policy.ts'
import type { Role } from '../role-arn.ts'
import { readDenyPolicy, type Iam } from '../role-policy.ts'
import type { Caller } from '../who-am-i.ts'

/** Fewer ended sessions than this fill up in a busy quarter of an hour. */
const TOO_FEW = 50

const ALLOW =
  'Allow the broker iam:PutRolePolicy and iam:GetRolePolicy on the role: see early revocation in docs/aws.md.'

/** Whether the broker could deny a session of this role now. */
export async function checkEarlyRevocation(
  iam: Iam,
  { role, caller }: { readonly role: Role; readonly caller: Caller },
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  if (role.account !== caller.account)
    return [failed(`${role.arn} is in another account than the broker`, 'Take early_revocation out of its grants.')]
  const tried = [
    { action: 'iam:GetRolePolicy', failure: await failureOf(readDenyPolicy(iam, role.name, signal)) },
    { action: 'iam:PutRolePolicy', failure: await failureOf(mayWrite(iam, role.name, signal)) },
  ]
  return tried.map(({ action, failure }) =>
    failure
      ? failed(`The broker cannot take sessions of ${role.arn} back early: ${failure.message}`, ALLOW)
      : { check: 'early-revocation', ok: true, detail: `The broker may ${action} on ${role.arn}`, mend: null },
  )
}

/** Whether the role's other inline policies leave room for those who end early. */
export function checkRoom(role: Role, inline: readonly unknown[]): Finding {
  const used = inline.reduce<number>((sum, policy) => sum + JSON.stringify(policy).length, 0)
  const each = denyPolicy(['crd_00000000000000000000000000', 'crd_00000000000000000000000001']).length
  const one = denyPolicy(['crd_00000000000000000000000000']).length
  const room = Math.max(0, Math.floor((MAX_INLINE_POLICY - used - one) / (each - one)) + 1)
  const detail = `The inline policies of ${role.arn} leave room for ${room} sessions that ended early`
  return room < TOO_FEW
    ? failed(detail, 'Make them shorter, or attach them as managed policies.')
    : { check: 'early-revocation', ok: true, detail, mend: null }
}

/**
 * IAM looks at rights before it looks at the document, so that a document that it has to refuse shows whether it would
 * have been let, and changes nothing.
 */
async function mayWrite({ iam, ask }: Iam, roleName: string, signal: AbortSignal): Promise<void> {
  const command = new PutRolePolicyCommand({
    RoleName: roleName,
    PolicyName: 'MayflyPermissionProbe',
    PolicyDocument: '{}',
  })
  try {
    await ask('iam:PutRolePolicy', signal, (options) => iam.send(command, options))
  } catch (error) {
    if (error instanceof AwsFailure && error.code === 'MalformedPolicyDocument') return
    throw error
  }
}

const failureOf = (trial: Promise<unknown>): Promise<AwsFailure | null> =>
  trial.then(
    () => null,
    (error: unknown) => awsFailure('IAM', error),
  )

const failed = (detail: string, mend: string): Finding => ({ check: 'early-revocation', ok: false, detail, mend })
