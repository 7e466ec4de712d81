import type { CutOff } from '../../broker/provider-port.ts'
import type { AwsGrant } from '../../core/catalogue.ts'
import { rfc3339, SECOND_MS, type Instant } from '../../core/time.ts'
import { AwsFailure, awsFailure } from './aws-failure.ts'
import type { Clients } from './create-clients.ts'
import { CUT_OFF_POLICY_NAME } from './deny-policy.ts'
import { parseRoleArn, type Role } from './role-arn.ts'
import { writeRolePolicy } from './role-policy.ts'
import { iamTime } from './session-policy.ts'
import type { AwsStsParts } from './settings.ts'
import { whoAmI } from './who-am-i.ts'
import { readBack } from './write-ended-sessions.ts'

/** Times of IAM have whole seconds, and the clock of AWS is known to half a second. */
const MARGIN_MS = 2 * SECOND_MS
/** No clock of AWS is waited for longer than this. */
const LONGEST_WAIT_MS = 10 * SECOND_MS

/**
 * Denies everything to whoever opened a session of a role before that moment, this broker or anybody else
 * (`aws:TokenIssueTime`). Sessions that are opened later are not touched, so it may stay for ever.
 */
export const cutOffPolicy = (before: Instant): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Deny',
        Action: '*',
        Resource: '*',
        Condition: { DateLessThan: { 'aws:TokenIssueTime': iamTime(before) } },
      },
    ],
  })

/**
 * Cuts off every older session of every role of which a grant allows early revocation. The others have no policy that the
 * broker may write: what was opened of them ends at its deadline.
 */
export async function cutOffSessions(
  clients: Clients,
  parts: AwsStsParts,
  { before, signal }: { readonly before: Instant; readonly signal: AbortSignal },
): Promise<CutOff> {
  const roles = [...Map.groupBy(parts.grants(), ({ roleArn }) => roleArn)]
  if (roles.length === 0) return { ended: [], remains: [] }
  const { account } = await whoAmI(clients, signal)
  const offset = clients.clockOffsetMs() ?? 0
  const cut = Math.floor((before + offset) / SECOND_MS) * SECOND_MS + MARGIN_MS
  const cutRole = async ([arn, grants]: readonly [string, readonly AwsGrant[]]): Promise<CutOff> => {
    const role = parseRoleArn(arn)
    const early = grants.some(({ earlyRevocation }) => earlyRevocation)
    if (!role || role.account !== account || !early) return { ended: [], remains: [worksOn(arn, grants, before)] }
    await deny({ ...clients, ...parts }, role, cutOffPolicy(cut), signal)
    return { ended: [`Sessions of ${arn} that were opened before ${rfc3339(cut)} are denied everything`], remains: [] }
  }
  const all = await Promise.all(roles.map(cutRole))
  // A session of this very second would be cut off as well.
  const rest = cut + SECOND_MS - (parts.clock() + offset)
  if (rest > 0) await parts.pause(Math.min(rest, LONGEST_WAIT_MS))
  return {
    ended: all.flatMap(({ ended }) => ended),
    remains: [...all.flatMap(({ remains }) => remains), OWN_CREDENTIALS],
  }
}

const OWN_CREDENTIALS = "The broker's own AWS credentials work on: replace them if anybody else may have them"

function worksOn(arn: string, grants: readonly AwsGrant[], before: Instant): string {
  const last = before + Math.max(...grants.map(({ maxTtlSeconds }) => maxTtlSeconds)) * SECOND_MS
  return `Sessions of ${arn} work on until their deadline, at the latest at ${rfc3339(last)}: no grant of it allows early revocation, or it is in another account`
}

async function deny(
  parts: Clients & AwsStsParts,
  { arn, name }: Role,
  policy: string,
  signal: AbortSignal,
): Promise<void> {
  const where = { roleName: name, policyName: CUT_OFF_POLICY_NAME }
  try {
    await writeRolePolicy(parts, where, policy, signal)
    await readBack(parts, where, policy, signal)
  } catch (error) {
    const failure = awsFailure('The cut-off was not written', error)
    // Without its role a session has no permission of its own left.
    if (failure.class === 'missing') return
    throw new AwsFailure({ class: failure.class, code: failure.code, message: `${arn}: ${failure.message}` })
  }
}
