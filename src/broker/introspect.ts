import type { JsonObject } from '../core/json.ts'
import type { OperatorCaller, PepCaller } from './caller.ts'
import type { AccessTokens, Broker } from './ports.ts'
import { isGrantFrozen, standing } from './standing.ts'

export type Introspection = { readonly active: false } | { readonly active: true; readonly claims: JsonObject }

const INACTIVE: Introspection = { active: false }

/**
 * RFC 7662. A token is active only while it, its credential, its lease and every ancestor are, and nothing is frozen. A token for an audience
 * that is not the caller's reads like one that never was, so a PEP learns nothing about its neighbours' tokens.
 */
export async function introspect(
  broker: Pick<Broker, 'clock' | 'store' | 'unsaved'> & { readonly accessTokens: AccessTokens },
  caller: PepCaller | OperatorCaller,
  token: string,
): Promise<Introspection> {
  const verified = await broker.accessTokens.verify(token, broker.clock())
  if (!verified || (caller.type === 'pep' && !caller.audiences.includes(verified.audience))) return INACTIVE
  const { reads } = broker.store
  const credential = reads.credential(verified.credential)
  const lease = credential && reads.lease(credential.lease)
  // Read after the await: a lease that closed while the signature was being checked is closed.
  const now = broker.clock()
  if (!lease || credential.state !== 'active' || now >= credential.expiresAt) return INACTIVE
  if (standing(broker, reads, lease, now) !== 'usable' || isGrantFrozen(broker, reads, credential)) return INACTIVE
  return { active: true, claims: { ...verified.claims, token_type: 'Bearer' } }
}
