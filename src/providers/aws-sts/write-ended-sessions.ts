import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../../broker/ports.ts'
import { SECOND_MS, type Instant } from '../../core/time.ts'
import { AwsFailure, awsFailure } from './aws-failure.ts'
import { deniedBy, DENY_POLICY_NAME, denyPolicy, fitting, stillLiving, type EndedSession } from './deny-policy.ts'
import { readDenyPolicy, readRolePolicy, writeRolePolicy, type Iam, type RolePolicyName } from './role-policy.ts'

/** IAM spreads a policy in seconds; "a few minutes" is what AWS allows itself. Said to whoever asks, never hidden. */
const SPREADS_IN_MS = 30 * SECOND_MS
/** A read may be behind the write that it follows: it is repeated, so often at most, after so long. */
const READS = 6
const READ_AGAIN_MS = SECOND_MS / 2

/** What one write came to. `denied` are the sessions that the policy was read back with. */
export type WriteOutcome =
  | { readonly kind: 'confirmed'; readonly denied: ReadonlySet<string>; readonly effectiveAfter: Instant }
  | { readonly kind: 'failed'; readonly failure: AwsFailure }

export interface DenyPolicyParts extends Iam {
  readonly clock: Clock
  readonly pause: (ms: number) => Promise<void>
}

/** Denies these sessions and no others, and looks whether IAM has it so. Never rejects. */
export async function writeEndedSessions(
  parts: DenyPolicyParts,
  roleName: string,
  sessions: () => readonly EndedSession[],
  signal: AbortSignal,
): Promise<WriteOutcome> {
  const { clock } = parts
  try {
    const handles = await toDeny(parts, roleName, stillLiving(sessions(), clock()), signal)
    const policy = denyPolicy(handles)
    // A policy that denies nobody is not one that IAM takes; what it had to say has ended by itself.
    if (handles.length > 0) {
      const where = { roleName, policyName: DENY_POLICY_NAME }
      await writeRolePolicy(parts, where, policy, signal)
      await readBack(parts, where, policy, signal)
    }
    return { kind: 'confirmed', denied: new Set(handles), effectiveAfter: clock() + SPREADS_IN_MS }
  } catch (error) {
    return { kind: 'failed', failure: awsFailure('The deny policy was not written', error) }
  }
}

/** Reads until IAM has it as it was written. Throws an `AwsFailure` where it never does. */
export async function readBack(
  parts: Pick<DenyPolicyParts, 'iam' | 'ask' | 'pause'>,
  where: RolePolicyName,
  policy: string,
  signal: AbortSignal,
): Promise<void> {
  for (let reads = 1; ; reads += 1) {
    if (isDeepStrictEqual(await readRolePolicy(parts, where, signal), JSON.parse(policy))) return
    if (reads === READS) {
      const message = 'iam:GetRolePolicy: what is read back is not what was written, or somebody else wrote in between'
      throw new AwsFailure({ class: 'unknown', code: 'NotReadBack', message })
    }
    await parts.pause(READ_AGAIN_MS)
  }
}

/** All of them, or, where the quota does not take all, those that the role already denies before any other. */
async function toDeny(
  iam: Iam,
  roleName: string,
  living: readonly string[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const fits = fitting(living)
  if (fits.length === living.length) return living
  const denied = new Set(deniedBy(await readDenyPolicy(iam, roleName, signal)))
  return fitting([...living].sort((one, other) => Number(denied.has(other)) - Number(denied.has(one))))
}
