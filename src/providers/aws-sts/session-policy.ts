import { covers } from '../../core/aws-action.ts'
import type { Instant } from '../../core/time.ts'

/** The longest session policy that STS takes, in characters (AssumeRole, `Policy`). */
export const MAX_SESSION_POLICY = 2048

/**
 * What no session may do, whatever its role may: become somebody else, who would have neither the deadline nor the
 * handle, or change what holds it back.
 */
const NO_ESCAPE = ['sts:AssumeRole', 'sts:TagSession', 'sts:SetSourceIdentity', 'iam:*', 'organizations:*']

/** Whether an action would be an escape: allowing it beside the statement that denies it would promise what never works. */
export const isEscape = (action: string): boolean => NO_ESCAPE.some((pattern) => covers(pattern, action))

/** IAM's clock has whole seconds, so that a deadline within one is over at its start, never a second late. */
export function iamTime(at: Instant): string {
  return new Date(at).toISOString().replace(/\.\d{3}Z$/, 'Z')
}

/**
 * The session policy of one access entry: exactly its actions on exactly its resources, until the deadline, without a
 * way out. STS's shortest session is 900 s, so it is the deadline statement that ends a shorter lease. The statements
 * have no `Sid`: each character counts.
 */
export function sessionPolicy(allowed: {
  readonly actions: readonly string[]
  readonly resources: readonly string[]
  readonly deadline: Instant
}): string {
  const { actions, resources, deadline } = allowed
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Action: actions, Resource: resources },
      deadlineStatement(deadline),
      { Effect: 'Deny', Action: NO_ESCAPE, Resource: '*' },
    ],
  })
}

/** Whether a policy holds the statement that ends it at the deadline: the last look before it is sent. */
export const endsAt = (policy: string, deadline: Instant): boolean =>
  policy.includes(JSON.stringify(deadlineStatement(deadline)))

/** At the deadline it is over: an equal time is denied. */
const deadlineStatement = (deadline: Instant) => ({
  Effect: 'Deny',
  Action: '*',
  Resource: '*',
  Condition: { DateGreaterThanEquals: { 'aws:CurrentTime': iamTime(deadline) } },
})
