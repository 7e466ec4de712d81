import type { GrantedAccess } from '../core/access.ts'
import type { Grant } from '../core/catalogue.ts'
import type { Credential } from '../core/credential.ts'
import type { JsonObject } from '../core/json.ts'
import type { Lease } from '../core/lease.ts'
import type { Secret } from '../core/secret.ts'
import type { Instant } from '../core/time.ts'
import type { Broker } from './ports.ts'

/** A credential on its way out: the row to store, and the secret that leaves only after the commit. */
export interface Minting {
  readonly credential: Credential
  readonly value: Secret<JsonObject>
}

interface Order {
  readonly lease: Pick<Lease, 'id' | 'task' | 'agent' | 'expiresAt'>
  readonly grant: Grant
  readonly access: GrantedAccess
  readonly now: Instant
}

/**
 * Mints with a local provider: it signs in memory and has no upstream, so nothing exists anywhere until the row is
 * committed. Throws when the provider fails or hands back more time than was ordered.
 */
export async function mint(broker: Pick<Broker, 'ids' | 'providers'>, order: Order): Promise<Minting> {
  const { lease, grant, now } = order
  const provider = broker.providers().get(grant.provider)
  if (provider?.kind !== 'local' || grant.type !== 'jwt') throw new Error(`No provider ${grant.provider} is running`)
  const id = broker.ids.credential()
  const minted = await provider.mint({ credential: id, ...order, grant })
  if (minted.expiresAt > lease.expiresAt) throw new Error(`Provider ${provider.name} minted past the lease`)
  return {
    value: minted.value,
    credential: {
      id,
      lease: lease.id,
      grant: grant.name,
      provider: provider.name,
      type: grant.type,
      state: 'active',
      fence: 0,
      outcome: null,
      issuedAt: now,
      expiresAt: minted.expiresAt,
      hardExpiresAt: minted.hardExpiresAt,
      revocation: minted.revocation,
      offlineUntil: minted.offlineUntil,
      effectiveAfter: null,
      confirmedAt: null,
      attempts: 0,
      nextAttemptAt: null,
      stuck: false,
      lastError: null,
      fingerprint: minted.fingerprint,
    },
  }
}
