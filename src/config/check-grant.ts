import { isResource } from '../core/resource.ts'
import { spell } from '../core/schema-faults.ts'
import type { Step } from '../core/source-document.ts'
import type { Say } from './say.ts'
import type { ConfigurationFile } from './schema/configuration.ts'

/** RFC 6749 section 3.3: what a word of a scope may hold. */
const SCOPE_TOKEN = /^[\x21\x23-\x5b\x5d-\x7e]+$/

/** Members of other kinds of provider. */
const NOT_JWT = ['role_arn', 'external_id', 'early_revocation', 'path', 'method', 'data', 'policies'] as const

/** A grant against the type of its provider, which is undefined where that has a fault of its own. */
export function checkGrant(
  grant: ConfigurationFile['grants'][number],
  type: string | undefined,
  path: readonly Step[],
  say: Say,
): void {
  grant.resources.forEach((resource, index) => {
    if (!isResource(resource))
      say(
        [...path, 'resources', index],
        `"${resource}" is not a resource`,
        'Write it exactly, or end it in one "*" after "/" or ":".',
      )
  })
  if (type !== 'jwt') return
  if (grant.audience === undefined)
    say(path, `Grant ${grant.name} has no audience`, 'Write the one API that its tokens are for.')
  grant.actions.forEach((action, index) => {
    if (!SCOPE_TOKEN.test(action))
      say(
        [...path, 'actions', index],
        `"${action}" is not a scope token`,
        'Write it without blanks, quotes and backslashes (RFC 6749 section 3.3).',
      )
  })
  for (const member of NOT_JWT) {
    if (grant[member] !== undefined)
      say([...path, member], `${spell([...path, member])} means nothing to a jwt provider`, 'Take it out.')
  }
}
