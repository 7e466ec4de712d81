import { randomFillSync } from 'node:crypto'
import type { Clock, NewIds } from '../broker/ports.ts'
import { BEARER_ENTROPY_BYTES, formatBearerToken } from '../core/bearer-token.ts'
import { formatId, ID_ENTROPY_BYTES, type IdKind, type IdKinds } from '../core/id.ts'
import { Secret } from '../core/secret.ts'

/** One call to the kernel serves some hundred ids (performance.md). */
const POOL_BYTES = 4096

/** Ids that sort by the clock, and lease tokens of 256 bits, from the operating system's randomness. */
export function createNewIds(clock: Clock): NewIds {
  const pool = Buffer.alloc(POOL_BYTES)
  let at = POOL_BYTES

  /** Bytes are wiped once they are used: what made a token must not lie in memory beside it. */
  function withEntropy<T>(bytes: number, use: (entropy: Uint8Array) => T): T {
    if (at + bytes > POOL_BYTES) {
      randomFillSync(pool)
      at = 0
    }
    const entropy = pool.subarray(at, at + bytes)
    at += bytes
    const made = use(entropy)
    entropy.fill(0)
    return made
  }

  const id = <K extends IdKind>(kind: K): IdKinds[K] =>
    withEntropy(ID_ENTROPY_BYTES, (entropy) => formatId(kind, clock(), entropy))
  return {
    lease: () => id('lse'),
    credential: () => id('crd'),
    decision: () => id('dec'),
    approval: () => id('apr'),
    freeze: () => id('frz'),
    revocationMark: () => id('rvk'),
    evaluateToken: () => withEntropy(BEARER_ENTROPY_BYTES, (entropy) => new Secret(formatBearerToken('e', entropy))),
    leaseToken: () => withEntropy(BEARER_ENTROPY_BYTES, (entropy) => new Secret(formatBearerToken('l', entropy))),
  }
}
