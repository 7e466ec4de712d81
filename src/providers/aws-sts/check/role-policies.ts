import {
  GetPolicyCommand,
  GetPolicyVersionCommand,
  GetRolePolicyCommand,
  ListAttachedRolePoliciesCommand,
  ListRolePoliciesCommand,
} from '@aws-sdk/client-iam'
import { CUT_OFF_POLICY_NAME, DENY_POLICY_NAME } from '../deny-policy.ts'
import { parsePolicy, type Iam } from '../role-policy.ts'

/** The policies of a role, parsed, without Mayfly's own. */
export interface RolePolicies {
  readonly inline: readonly unknown[]
  readonly attached: readonly unknown[]
}

export async function readRolePolicies(
  { iam, ask }: Iam,
  roleName: string,
  signal: AbortSignal,
): Promise<RolePolicies> {
  const { PolicyNames = [] } = await ask('iam:ListRolePolicies', signal, (options) =>
    iam.send(new ListRolePoliciesCommand({ RoleName: roleName }), options),
  )
  const inline: unknown[] = []
  for (const name of PolicyNames.filter((each) => each !== DENY_POLICY_NAME && each !== CUT_OFF_POLICY_NAME)) {
    const command = new GetRolePolicyCommand({ RoleName: roleName, PolicyName: name })
    const { PolicyDocument } = await ask('iam:GetRolePolicy', signal, (options) => iam.send(command, options))
    inline.push(parsePolicy(PolicyDocument))
  }
  const { AttachedPolicies = [] } = await ask('iam:ListAttachedRolePolicies', signal, (options) =>
    iam.send(new ListAttachedRolePoliciesCommand({ RoleName: roleName }), options),
  )
  const attached: unknown[] = []
  for (const { PolicyArn } of AttachedPolicies) attached.push(await readManagedPolicy({ iam, ask }, PolicyArn, signal))
  return { inline, attached }
}

async function readManagedPolicy({ iam, ask }: Iam, arn: string | undefined, signal: AbortSignal): Promise<unknown> {
  const { Policy } = await ask('iam:GetPolicy', signal, (options) =>
    iam.send(new GetPolicyCommand({ PolicyArn: arn }), options),
  )
  const command = new GetPolicyVersionCommand({ PolicyArn: arn, VersionId: Policy?.DefaultVersionId })
  const { PolicyVersion } = await ask('iam:GetPolicyVersion', signal, (options) => iam.send(command, options))
  return parsePolicy(PolicyVersion?.Document)
}
