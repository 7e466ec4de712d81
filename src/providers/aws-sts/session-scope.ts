import type { GrantedAccess } from '../../core/access.ts'
import type { AwsGrant } from '../../core/catalogue.ts'
import { isResource, resourceInside } from '../../core/resource.ts'
import { err, ok, type Result } from '../../core/result.ts'
import { isEscape } from './session-policy.ts'

/** What a session may do: the access entry as IAM reads it. */
export interface SessionScope {
  readonly actions: readonly string[]
  readonly resources: readonly string[]
}

/** One action and no pattern: IAM would read `*` and `?` as more than what was judged. */
const ACTION = /^[a-z0-9-]+:[A-Za-z0-9-]+$/
/** Everything before the resource's own part is named, so that its one `*` never stands for a service or an account. */
const ARN = /^arn:[a-z-]+:[a-z0-9-]+:[^:*]*:[^:*]*:.+$/
/** What a session policy may hold (AssumeRole, `Policy`), without blanks and control characters. */
const POLICY_TEXT = /^[\x21-\x7e\xa1-\xff]+$/

/** IAM compares service prefixes without case, and so they are written in one. */
const withLowerCasePrefix = (action: string): string => action.replace(/^[^:]*/, (prefix) => prefix.toLowerCase())

/**
 * The scope of an access entry, or why there is none. Everything that is not exactly understood is refused: what is left
 * out here would be all that the role may do.
 */
export function sessionScope(access: GrantedAccess, grant: AwsGrant): Result<SessionScope, string> {
  const actions = unique(access.actions.map(withLowerCasePrefix))
  if (actions.length === 0) return err('It names no action, and a session without one would be the whole role')
  const granted = grant.actions.map(withLowerCasePrefix)
  for (const action of actions) {
    if (!ACTION.test(action)) return err(`"${action}" is not one exact action such as s3:GetObject`)
    if (!granted.includes(action)) return err(`"${action}" is not an action of grant ${grant.name}`)
    if (isEscape(action)) return err(`"${action}" is never for an agent: with it a session could leave its lease`)
  }
  // Only a grant without resources means all of them.
  const all = grant.resources.length === 0
  if (all && access.resources.length > 0) return err(`Grant ${grant.name} has no resources to choose from`)
  if (!all && access.resources.length === 0) return err(`It names none of the resources of grant ${grant.name}`)
  const resources = all ? ['*'] : unique(access.resources)
  for (const resource of all ? [] : resources) {
    if (!isResource(resource) || !POLICY_TEXT.test(resource) || !(resource === '*' || ARN.test(resource)))
      return err(`"${resource}" is not one exact ARN, or one that ends in "*" after "/" or ":"`)
    if (!grant.resources.some((outer) => resourceInside(resource, outer)))
      return err(`"${resource}" is outside the resources of grant ${grant.name}`)
  }
  return ok({ actions, resources })
}

const unique = (texts: readonly string[]): readonly string[] => [...new Set(texts)]
