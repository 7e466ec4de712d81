import type { CutOff } from '../../broker/provider-port.ts'
import type { Grant } from '../../core/catalogue.ts'
import type { VaultSettings } from './settings.ts'
import { isSts } from './plan.ts'

/** What it comes to that so many parents were revoked, and what that does not reach. */
export function cutOffAt(
  { address, parentRole }: Pick<VaultSettings, 'address' | 'parentRole'>,
  grants: readonly Grant[],
  parents: number,
): CutOff {
  const sts = grants.flatMap((grant) => (grant.type === 'vault-secret' && isSts(grant) ? [grant.name] : []))
  return {
    ended: [`Parents at ${address} were revoked, with every token and secret that was made with them: ${parents}`],
    remains: [
      `What was made with parents that this ledger does not know ends at its own deadline; an administrator ends it by revoking every token that the role ${parentRole} made`,
      ...(sts.length === 0
        ? []
        : [`AWS sessions that ${sts.join(', ')} handed out work on until they end by themselves`]),
      `The broker's own login at ${address} works on: replace it if anybody else may have it`,
    ],
  }
}
