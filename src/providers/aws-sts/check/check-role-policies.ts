import type { Finding } from '../../../broker/provider-port.ts'
import { covers } from '../../../core/aws-action.ts'
import type { AwsGrant } from '../../../core/catalogue.ts'
import { isEscape } from '../session-policy.ts'
import { member, statements, texts } from '../policy-document.ts'
import type { RolePolicies } from './role-policies.ts'

/**
 * A role's own policies are the ceiling of all its sessions. Actions of the grant that they never allow are a session that
 * does not work; a way out of the session is held back by one statement only.
 */
export function checkRolePolicies({ inline, attached }: RolePolicies, grant: AwsGrant): readonly Finding[] {
  const allowed = [...inline, ...attached].flatMap((policy) => statements(policy, 'Allow').flatMap(patterns))
  const missing = grant.actions.filter((action) => !allowed.some((pattern) => covers(pattern, action)))
  const escapes = [...new Set(allowed.filter(isEscape))]
  return [
    finding(missing.length === 0, {
      good: `The policies of ${grant.roleArn} name every action of grant ${grant.name}`,
      bad: `The policies of ${grant.roleArn} never allow ${missing.join(', ')}, which grant ${grant.name} offers`,
      mend: 'Allow them in the policies of the role, or take them out of the grant.',
    }),
    finding(escapes.length === 0, {
      good: `The policies of ${grant.roleArn} hold no way out of a session`,
      bad: `The policies of ${grant.roleArn} allow ${escapes.join(', ')}: only the session policy keeps agents from it`,
      mend: 'Name what the role is for, without iam:, organizations: and sts:AssumeRole.',
    }),
  ]
}

/** What a statement may allow: all of it, where it only says what it leaves out. */
const patterns = (statement: unknown): readonly string[] =>
  member(statement, 'NotAction') === undefined ? texts(member(statement, 'Action')) : ['*']

const finding = (
  ok: boolean,
  { good, bad, mend }: { readonly good: string; readonly bad: string; readonly mend: string },
): Finding => ({ check: 'role-policies', ok, detail: ok ? good : bad, mend: ok ? null : mend })
