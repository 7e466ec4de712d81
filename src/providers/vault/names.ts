import { err, ok, type Result } from '../../core/result.ts'

/** node-vault escapes nothing: what is not on this list could climb out of its path, or into a query. */
const NAME = /^[A-Za-z0-9_-]{1,64}$/

/** Vault's own rooms: a grant there would let an agent edit what the broker itself may do. */
const RESERVED = ['sys', 'auth', 'identity', 'cubbyhole']

export const isVaultName = (text: string): boolean => NAME.test(text)

/** A namespace as `team-a/dev`, without slashes around it. */
export const isNamespace = (text: string): boolean => text.split('/').every(isVaultName)

/** A path below a mount at which an engine makes secrets, such as `database/creds/orders-ro`. */
export function checkSecretPath(path: string): Result<string, string> {
  const segments = path.split('/')
  if (segments.length < 2 || !segments.every(isVaultName))
    return err('The path is not two or more names of letters, digits, - and _, with / between them')
  if (RESERVED.includes(segments[0] ?? ''))
    return err(`The path is inside ${segments[0] ?? ''}/, where no secret is made`)
  return ok(path)
}

/** The policies of a child token: none would mean all of its parent's, and root is not a policy to hand out. */
export function checkPolicies(policies: readonly string[]): Result<readonly string[], string> {
  if (policies.length === 0) return err('The grant names no policy')
  const wrong = policies.find((each) => !isVaultName(each) || each === 'root' || each !== each.toLowerCase())
  if (wrong !== undefined) return err(`The policy ${JSON.stringify(wrong.slice(0, 64))} cannot be handed out`)
  return ok(policies)
}
