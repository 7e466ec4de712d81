import { z } from 'zod'
import type { Finding } from '../../broker/provider-port.ts'
import type { Grant } from '../../core/catalogue.ts'
import type { VaultSettings } from './settings.ts'
import type { VaultAnswer } from './transport.ts'

const parentRole = z.object({
  data: z.object({
    orphan: z.boolean(),
    renewable: z.boolean(),
    token_period: z.number().default(0),
    token_explicit_max_ttl: z.number().default(0),
    token_type: z.string().default('default-service'),
    allowed_policies: z.array(z.string()).nullish(),
  }),
})

/** A finding that is well, or says what to do. */
export const finding = (
  check: string,
  wrong: { readonly detail: string; readonly mend: string } | null,
  well: string,
): Finding => (wrong ? { check, ok: false, ...wrong } : { check, ok: true, detail: well, mend: null })

/** Whether the token role makes what a parent has to be, and may hand down what the grants need. */
export function judgeParentRole(settings: VaultSettings, grants: readonly Grant[], answer: VaultAnswer): Finding {
  const name = settings.parentRole
  const role =
    answer.kind === 'answered' && answer.status === 200 ? parentRole.safeParse(answer.body).data?.data : undefined
  const mend = `Write auth/token/roles/${name} as docs/vault.md has it`
  const of = (detail: string | null): Finding =>
    finding('parent role', detail === null ? null : { detail, mend }, `Token role ${name} makes periodic orphans`)
  if (!role) return of(`Token role ${name} is not there, or the broker may not read it`)
  if (!role.orphan) return of(`Token role ${name} makes tokens that end with the broker's own login (orphan is false)`)
  if (role.token_period === 0) return of(`Token role ${name} makes tokens with a maximum (token_period is 0)`)
  if (!role.renewable || role.token_explicit_max_ttl > 0)
    return of(`Token role ${name} makes tokens that cannot be kept`)
  if (role.token_type === 'batch' || role.token_type === 'default-batch')
    return of(`Token role ${name} makes batch tokens, which have no children and cannot be revoked`)
  const allowed = role.allowed_policies ?? []
  if (allowed.length === 0 || allowed.includes('root'))
    return of(`Token role ${name} names no policies, so a parent has all of the broker's own`)
  const missing = policiesOf(settings, grants).find((policy) => !allowed.includes(policy))
  return of(missing === undefined ? null : `Token role ${name} does not allow policy ${missing}, which a grant needs`)
}

const policiesOf = ({ secretsPolicy }: VaultSettings, grants: readonly Grant[]): readonly string[] =>
  grants.flatMap((grant) =>
    grant.type === 'vault-token' ? grant.policies : grant.type === 'vault-secret' ? [secretsPolicy] : [],
  )

const databaseRole = z.object({
  data: z.object({ creation_statements: z.array(z.string()), revocation_statements: z.array(z.string()).nullish() }),
})

/** Whether a role of the database engine makes users that end by themselves, and ends what they have open. */
export function judgeDatabaseRole(check: string, path: string, answer: VaultAnswer): Finding {
  if (answer.kind !== 'answered' || answer.status !== 200) {
    const why = answer.kind === 'answered' && answer.status === 404 ? 'is not there' : 'could not be read'
    const mend = `Make it, and let the broker's policy read it:\npath "${path}" { capabilities = ["read"] }`
    return finding(check, { detail: `Role ${path} ${why}`, mend }, '')
  }
  const role = databaseRole.safeParse(answer.body).data?.data
  if (!role) return finding(check, null, `Role ${path} is not a database's, so there is no SQL to look at`)
  const [creation, revocation] = [role.creation_statements, role.revocation_statements ?? []].map(sqlOf)
  // MySQL and its kin quote a user so. They know no VALID UNTIL, and end sessions in their own ways.
  if (/'@'/.test(creation ?? ''))
    return finding(check, null, `Role ${path} is not PostgreSQL's, so its SQL is not judged`)
  if (!/\bvalid\s+until\s+'\{\{expiration\}\}'/i.test(creation ?? '')) {
    const mend = `Add VALID UNTIL '{{expiration}}' to creation_statements: docs/vault.md has the whole`
    return finding(check, { detail: `Role ${path} makes users that do not end by themselves`, mend }, '')
  }
  if (!/\bpg_terminate_backend\s*\(/i.test(revocation ?? '') || !/\bdrop\s+(?:role|user)\b/i.test(revocation ?? '')) {
    const mend = 'Take the revocation_statements of docs/vault.md: they end open sessions, then drop the user'
    return finding(check, { detail: `Role ${path} leaves the open sessions of a revoked user alive`, mend }, '')
  }
  return finding(check, null, `Role ${path} makes users that end by themselves, and ends their sessions`)
}

/** The statements without comments: a word in a comment does nothing. */
const sqlOf = (statements: readonly string[]): string =>
  statements.join('\n').replace(/--[^\n]*|\/\*[\s\S]*?\*\//g, ' ')
