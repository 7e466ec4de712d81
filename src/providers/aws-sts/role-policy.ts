import { GetRolePolicyCommand, PutRolePolicyCommand } from '@aws-sdk/client-iam'
import { AwsFailure } from './aws-failure.ts'
import type { Clients } from './create-clients.ts'
import { DENY_POLICY_NAME } from './deny-policy.ts'

/** The way to IAM. */
export type Iam = Pick<Clients, 'iam' | 'ask'>

/** One inline policy of one role. */
export interface RolePolicyName {
  readonly roleName: string
  readonly policyName: string
}

/** The deny policy of a role as IAM has it, parsed; null where the role has none, or is not there itself. */
export const readDenyPolicy = (iam: Iam, roleName: string, signal: AbortSignal): Promise<unknown> =>
  readRolePolicy(iam, { roleName, policyName: DENY_POLICY_NAME }, signal)

/** The same of any inline policy. */
export async function readRolePolicy(
  { iam, ask }: Iam,
  { roleName, policyName }: RolePolicyName,
  signal: AbortSignal,
): Promise<unknown> {
  const command = new GetRolePolicyCommand({ RoleName: roleName, PolicyName: policyName })
  try {
    const { PolicyDocument } = await ask('iam:GetRolePolicy', signal, (options) => iam.send(command, options))
    return parsePolicy(PolicyDocument)
  } catch (error) {
    if (error instanceof AwsFailure && error.class === 'missing') return null
    throw error
  }
}

/** Replaces an inline policy of a role. An answer alone proves nothing: read it back. */
export async function writeRolePolicy(
  { iam, ask }: Iam,
  { roleName, policyName }: RolePolicyName,
  policy: string,
  signal: AbortSignal,
): Promise<void> {
  const command = new PutRolePolicyCommand({ RoleName: roleName, PolicyName: policyName, PolicyDocument: policy })
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
