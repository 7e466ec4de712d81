import { covers } from '../../../core/aws-action.ts'
import { parseRoleArn } from '../role-arn.ts'
import type { Caller } from '../who-am-i.ts'
import { conditionHolds, type Answer, type Context } from './condition.ts'
import { member, statements, texts } from '../policy-document.ts'

/** Who asks to assume a role, and with what. */
export interface Asking {
  readonly caller: Caller
  readonly context: Context
}

/**
 * What a trust policy says to one action, as IAM reads it: a deny wins, and what nothing allows is refused. `depends`: on
 * something that the broker cannot know beforehand.
 */
export function trusts(policy: unknown, action: string, asking: Asking): Answer {
  const said = (effect: 'Allow' | 'Deny'): readonly Answer[] =>
    statements(policy, effect).map((statement) => applies(statement, action, asking))
  const [denied, allowed] = [said('Deny'), said('Allow')]
  if (denied.includes('yes') || allowed.every((each) => each === 'no')) return 'no'
  return allowed.includes('yes') && !denied.includes('depends') ? 'yes' : 'depends'
}

/** Whether a statement is about this action of this principal. */
function applies(statement: unknown, action: string, { caller, context }: Asking): Answer {
  if (!texts(member(statement, 'Action')).some((pattern) => covers(pattern, action))) return 'no'
  const principal = member(statement, 'Principal')
  const named = principal === '*' ? ['*'] : texts(member(principal, 'AWS'))
  if (!named.some((name) => isPrincipal(name, caller))) return 'no'
  return conditionHolds(member(statement, 'Condition'), context)
}

/** An account stands for everyone in it whom its own policies let; a session is named by its role, or by itself. */
function isPrincipal(name: string, { arn, account }: Caller): boolean {
  if (['*', arn, account].includes(name) || /^arn:[a-z-]+:iam::(\d+):root$/.exec(name)?.[1] === account) return true
  const role = parseRoleArn(name)
  return role?.account === account && role.name === assumedRole(arn)
}

/** The name of the role that a session's ARN is of. */
export const assumedRole = (arn: string): string | undefined => /:assumed-role\/([^/]+)\//.exec(arn)?.[1]
