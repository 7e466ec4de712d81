import type { JsonObject } from '../core/json.ts'
import { isUsable } from '../core/lease.ts'
import type { OperatorCaller, PepCaller } from './caller.ts'
import type { AccessTokens, Broker } from './ports.ts'

export type Introspection = { readonly active: false } | { readonly active: true; readonly claims: JsonObject }

const INACTIVE: Introspection = { active: false }

/**
 * RFC 7662. A token is active only while it, its credential, its lease and every ancestor are. A token for an audience
 * that is not the caller's reads like one that never was, so a PEP learns nothing about its neighbours' tokens.
 */
export async function introspect(
  broker: Pick<Broker, 'clock' | 'store'> & { readonly accessTokens: AccessTokens },
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
  if (!lease || credential.state !== 'active' || now >= credential.expiresAt || !isUsable(lease, now)) return INACTIVE
  if (!reads.ancestors(lease).every((ancestor) => isUsable(ancestor, now))) return INACTIVE
  return { active: true, claims: { ...verified.claims, token_type: 'Bearer' } }
}
