import { GetRolePolicyCommand, PutRolePolicyCommand } from '@aws-sdk/client-iam'
import { AwsFailure } from './aws-failure.ts'
import type { Clients } from './create-clients.ts'
import { DENY_POLICY_NAME } from './deny-policy.ts'

/** The way to IAM. */
export type Iam = Pick<Clients, 'iam' | 'ask'>

/** The deny policy of a role as IAM has it, parsed; null where the role has none, or is not there itself. */
export async function readDenyPolicy({ iam, ask }: Iam, roleName: string, signal: AbortSignal): Promise<unknown> {
  const command = new GetRolePolicyCommand({ RoleName: roleName, PolicyName: DENY_POLICY_NAME })
  try {
    const { PolicyDocument } = await ask('iam:GetRolePolicy', signal, (options) => iam.send(command, options))
    return parsePolicy(PolicyDocument)
  } catch (error) {
    if (error instanceof AwsFailure && error.class === 'missing') return null
    throw error
  }
}

/** Replaces the deny policy of a role. An answer alone proves nothing: read it back. */
export async function writeDenyPolicy(
  { iam, ask }: Iam,
  roleName: string,
  policy: string,
  signal: AbortSignal,
): Promise<void> {
  const command = new PutRolePolicyCommand({
    RoleName: roleName,
    PolicyName: DENY_POLICY_NAME,
    PolicyDocument: policy,
  })
  await ask('iam:PutRolePolicy', signal, (options) => iam.send(command, options))
}

/** A policy document as IAM answers it: JSON, percent-encoded (RFC 3986). */
export function parsePolicy(document: string | undefined): unknown {
  try {
    return JSON.parse(decodeURIComponent(document ?? ''))
  } catch {
    throw new AwsFailure({ class: 'unknown', code: 'NoPolicy', message: 'IAM answered something that is no policy' })
  }
}
