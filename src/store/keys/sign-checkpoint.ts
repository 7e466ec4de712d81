import { CompactSign } from 'jose'
import { rfc3339, type Instant } from '../../core/time.ts'
import type { Keys } from './open-key-ring.ts'
import { publicKeySet } from './public-key-set.ts'
import { CHECKPOINT_TYPE, verifyCheckpoint, type ChainHeads } from './verify-checkpoint.ts'

/**
 * A signed statement of how far every audit stream reaches. Kept elsewhere, it shows later that a tail was cut off or that
 * history was written anew. Throws while there is no audit key, and where the published keys would not verify it.
 */
export async function signCheckpoint(keys: Keys, heads: ChainHeads, now: Instant): Promise<string> {
  const key = keys.signer('EdDSA', now)
  if (!key) throw new Error('There is no audit key yet')
  const streams = Object.fromEntries(Object.entries(heads).map(([name, { seq, hash }]) => [name, { seq, hash }]))
  const payload = new TextEncoder().encode(JSON.stringify({ streams, time: rfc3339(now) }))
  const signed = await new CompactSign(payload)
    .setProtectedHeader({ alg: key.algorithm, typ: CHECKPOINT_TYPE, kid: key.kid })
    .sign(key.privateKey)
  // It is needed when something has gone wrong: then it is too late to find that it never verified.
  const verified = await verifyCheckpoint(signed, publicKeySet(keys.published(now)))
  if (!verified.ok) throw new Error(verified.error)
  return signed
}
