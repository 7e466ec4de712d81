import { CompactSign } from 'jose'
import type { AuditStream, ChainHead } from '../../core/audit.ts'
import { rfc3339, type Instant } from '../../core/time.ts'
import type { Keys } from './open-key-ring.ts'

/** `typ` of a checkpoint: no other use of a key has it (RFC 8725 section 3.11). */
export const CHECKPOINT_TYPE = 'mayfly-audit+jwt'

/** The last record of every stream. */
export type ChainHeads = Readonly<Record<AuditStream, ChainHead>>

/**
 * A signed statement of how far every audit stream reaches. Kept elsewhere, it shows later that a tail was cut off or that
 * history was written anew. Throws while there is no audit key.
 */
export async function signCheckpoint(keys: Keys, heads: ChainHeads, now: Instant): Promise<string> {
  const key = keys.signer('EdDSA', now)
  if (!key) throw new Error('There is no audit key yet')
  const streams = Object.fromEntries(Object.entries(heads).map(([name, { seq, hash }]) => [name, { seq, hash }]))
  const payload = new TextEncoder().encode(JSON.stringify({ streams, time: rfc3339(now) }))
  return new CompactSign(payload)
    .setProtectedHeader({ alg: key.algorithm, typ: CHECKPOINT_TYPE, kid: key.kid })
    .sign(key.privateKey)
}
