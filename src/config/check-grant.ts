import { isResource } from '../core/resource.ts'
import { spell } from '../core/schema-faults.ts'
import type { Step } from '../core/source-document.ts'
import type { Say } from './say.ts'
import type { ConfigurationFile } from './schema/configuration.ts'

type GrantFile = ConfigurationFile['grants'][number]
type ProviderType = ConfigurationFile['providers'][number]['type']

/** RFC 6749 section 3.3: what a word of a scope may hold. */
const SCOPE_TOKEN = /^[\x21\x23-\x5b\x5d-\x7e]+$/
/** IAM User Guide, "IAM JSON policy elements: Action". An agent may be given exact actions only, so the ceiling has no pattern. */
const AWS_ACTION = /^[A-Za-z0-9-]+:[A-Za-z0-9]+$/
const ROLE_ARN = /^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]{1,512}$/
/** node-vault does not escape names, so nothing that could leave its segment gets near it. */
const VAULT_PATH = /^[A-Za-z0-9_-]{1,64}(\/[A-Za-z0-9_-]{1,64})+$/

/** The members that belong to one type of provider. */
const OWN = {
  jwt: ['audience'],
  'aws-sts': ['role_arn', 'external_id', 'early_revocation'],
  vault: ['path', 'method', 'data', 'policies'],
} as const satisfies Readonly<Record<ProviderType, readonly (keyof GrantFile)[]>>

/** A grant against the type of its provider, which is undefined where that has a fault of its own. */
export function checkGrant(grant: GrantFile, type: ProviderType | undefined, path: readonly Step[], say: Say): void {
  grant.resources.forEach((resource, index) => {
    if (!isResource(resource))
      say(
        [...path, 'resources', index],
        `"${resource}" is not a resource`,
        'Write it exactly, or end it in one "*" after "/" or ":".',
      )
  })
  if (type === undefined) return
  CHECKS[type](grant, path, say)
  foreignMembers(grant, type, path, say)
}

function foreignMembers(grant: GrantFile, type: ProviderType, path: readonly Step[], say: Say): void {
  for (const [owner, members] of Object.entries(OWN)) {
    for (const member of owner === type ? [] : members) {
      if (grant[member] !== undefined)
        say(
          [...path, member],
          `${spell([...path, member])} means nothing to a provider of type ${type}`,
          'Take it out.',
        )
    }
  }
}

function jwt({ name, audience, actions }: GrantFile, path: readonly Step[], say: Say): void {
  if (audience === undefined) say(path, `Grant ${name} has no audience`, 'Write the one API that its tokens are for.')
  actions.forEach((action, index) => {
    if (!SCOPE_TOKEN.test(action))
      say(
        [...path, 'actions', index],
        `"${action}" is not a scope token`,
        'Write it without blanks, quotes and backslashes (RFC 6749 section 3.3).',
      )
  })
}

function aws({ name, role_arn: role, actions }: GrantFile, path: readonly Step[], say: Say): void {
  if (role === undefined) say(path, `Grant ${name} has no role_arn`, 'Write the role whose sessions it gives.')
  else if (!ROLE_ARN.test(role))
    say(
      [...path, 'role_arn'],
      `"${role}" is not the ARN of a role`,
      'Write it like arn:aws:iam::123456789012:role/NAME.',
    )
  // Without actions a session would have nothing, or, in brokers that leave the policy away, the whole role.
  if (actions.length === 0)
    say(
      path,
      `Grant ${name} has no actions`,
      'Write the actions that it may give, such as s3:GetObject: it never falls back to the whole role.',
    )
  actions.forEach((action, index) => {
    if (!AWS_ACTION.test(action))
      say(
        [...path, 'actions', index],
        `"${action}" is not one action`,
        'Write it exactly, without "*" or "?": agents are given exact actions.',
      )
  })
}

function vault({ name, path: secret, policies, method, data }: GrantFile, path: readonly Step[], say: Say): void {
  if ((secret === undefined) === (policies === undefined))
    say(
      path,
      `Grant ${name} must say once what it gives`,
      'Write exactly one of path (a dynamic secret) and policies (a child token).',
    )
  if (secret !== undefined && !VAULT_PATH.test(secret))
    say(
      [...path, 'path'],
      `"${secret}" is not a path that is safe to send`,
      'Write segments of A-Z, a-z, 0-9, "_" and "-", such as database/creds/orders-ro.',
    )
  if (policies?.length === 0)
    say([...path, 'policies'], 'There is no policy', 'Name at least one: a child token without one can do nothing.')
  if (policies?.includes('root') === true)
    say([...path, 'policies'], 'root is a policy of nobody', 'Name the policies that the task needs.')
  if (data !== undefined && method !== 'write')
    say([...path, 'data'], 'data goes with method: write', 'Write method: write, or take data out.')
  if (secret === undefined && method !== undefined) say([...path, 'method'], 'method goes with path', 'Take it out.')
}

const CHECKS: Readonly<Record<ProviderType, (grant: GrantFile, path: readonly Step[], say: Say) => void>> = {
  jwt,
  'aws-sts': aws,
  vault,
}
