import type { Plan, Unplannable, UpstreamOrder } from '../../broker/provider-port.ts'
import type { VaultSecretGrant, VaultTokenGrant } from '../../core/catalogue.ts'
import { err, ok, type Result } from '../../core/result.ts'
import { SECOND_MS, type Instant } from '../../core/time.ts'
import { checkPolicies, checkSecretPath } from './names.ts'
import type { VaultSettings, VaultTimings } from './settings.ts'

/** Engines end a secret a little after its lease, so that a lease never outlives its secret: PostgreSQL's by 5 s. */
export const ENGINE_GRACE_MS = 5 * SECOND_MS

/** STS makes nothing shorter. */
export const STS_LEAST_SECONDS = 900

/** When a credential has to end: with its lease, and never after the grant's maximum. */
export const endOf = ({ lease, grant, now }: Pick<UpstreamOrder, 'lease' | 'grant' | 'now'>): Instant =>
  Math.min(lease.expiresAt, now + grant.maxTtlSeconds * SECOND_MS)

/** The path of AWS's engine at which it makes STS sessions, which nobody can take back. */
export const isSts = ({ path }: VaultSecretGrant): boolean => path.split('/').slice(1, -1).includes('sts')

type Planned = Pick<VaultSettings, 'address' | 'namespace'> & { readonly timings: VaultTimings }

/**
 * What an order would make. Vault narrows nothing: a path makes what its role says, and a token has its policies. So an
 * order for less than the whole grant is refused. The handle is the credential's id: the display name of the token, and
 * with docs/vault.md's template a part of the database user's name.
 */
export function planOf(vault: Planned, order: UpstreamOrder): Result<Plan, Unplannable> {
  const { grant, access, now, credential } = order
  if (grant.type !== 'vault-secret' && grant.type !== 'vault-token')
    return err({ detail: `A Vault makes no credential of type ${grant.type}` })
  if (!sameSet(access.actions, grant.actions) || !sameSet(access.resources, grant.resources))
    return err({ detail: `What grant ${grant.name} gives cannot be narrowed: ask for all of it` })
  const fits = grant.type === 'vault-secret' ? checkSecretPath(grant.path) : checkPolicies(grant.policies)
  if (!fits.ok) return err({ detail: `${fits.error}, in grant ${grant.name}` })

  const end = endOf(order)
  const seconds = Math.floor((end - now) / SECOND_MS)
  const sts = grant.type === 'vault-secret' && isSts(grant)
  const least = sts ? STS_LEAST_SECONDS : 1
  if (seconds < least)
    return err({
      detail: `Grant ${grant.name} makes nothing that ends within ${least} s, as the lease or its max_ttl wants`,
    })
  return ok({
    handle: credential,
    target: targetOf(vault, grant),
    // The last request may reach Vault as late as its time limit allows, and counts its seconds from then.
    notAfter: end + vault.timings.mintMs + ENGINE_GRACE_MS,
    revocation: sts ? 'at_expiry' : 'immediate',
  })
}

/** A database that is down holds up its own secrets only, so each path is a target of its own. */
function targetOf({ address, namespace }: Planned, grant: VaultSecretGrant | VaultTokenGrant): string {
  const place = namespace === null ? address : `${address}/${namespace}`
  return grant.type === 'vault-secret' ? `${place}/${grant.path}` : place
}

const sameSet = (left: readonly string[], right: readonly string[]): boolean =>
  left.length === right.length && left.every((each) => right.includes(each))
