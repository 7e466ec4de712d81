import type { Finding } from '../../../broker/provider-port.ts'
import type { AwsGrant } from '../../../core/catalogue.ts'
import type { Caller } from '../who-am-i.ts'
import type { Context } from './condition.ts'
import { assumedRole, trusts } from './trust-policy.ts'

/** What each call of AssumeRole needs of the trust policy, and what for. */
const NEEDED = {
  'sts:AssumeRole': 'the broker itself',
  'sts:TagSession': 'its session tags',
  'sts:SetSourceIdentity': 'its source identity',
} as const

/** Whether a role's trust policy lets the broker assume it the way it does: tagged, and under a source identity. */
export function checkTrust(policy: unknown, grant: AwsGrant, caller: Caller): readonly Finding[] {
  const asking = { caller, context: contextOf(grant, caller) }
  return Object.entries(NEEDED).map(([action, what]) => {
    const answer = trusts(policy, action, asking)
    const said = { no: 'refuses', yes: 'takes', depends: 'takes, under conditions that only a mint can show,' }[answer]
    return {
      check: 'trust-policy',
      ok: answer !== 'no',
      detail: `The trust policy of ${grant.roleArn} ${said} ${what} (${action} by ${caller.arn})`,
      mend:
        answer === 'no'
          ? `Allow ${caller.arn} ${action} in the trust policy of the role, under no condition that its sessions do not meet.`
          : null,
    }
  })
}

/** What AssumeRole will say of a session, as far as it is known before there is one. */
function contextOf({ externalId }: AwsGrant, { arn, account }: Caller): Context {
  const name = ['crd_00000000000000000000000000']
  const tags = ['lease', 'task', 'agent']
  return new Map<string, readonly string[] | 'some'>([
    ['sts:externalid', externalId === null ? [] : [externalId]],
    ['sts:rolesessionname', name],
    ['sts:sourceidentity', name],
    ['sts:transitivetagkeys', tags],
    ['aws:tagkeys', tags],
    ['aws:requesttag/lease', ['lse_00000000000000000000000000']],
    ['aws:requesttag/task', 'some'],
    ['aws:requesttag/agent', 'some'],
    ['aws:principalaccount', [account]],
    // A session's principal is its role, whose path its own ARN does not show.
    ['aws:principalarn', assumedRole(arn) === undefined ? [arn] : 'some'],
  ])
}
