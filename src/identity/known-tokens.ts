import { hash } from 'node:crypto'
import type { Clock } from '../broker/ports.ts'
import { bearerKindOf, type BearerKind } from '../core/bearer-token.ts'
import type { Instant } from '../core/time.ts'

/** Who a configured token stands for. Only its SHA-256 is known here, in lower-case hex. */
export interface KnownToken<T> {
  readonly tokenSha256: string
  /** Null: it does not end by itself. */
  readonly expiresAt: Instant | null
  readonly caller: T
}

/**
 * A look-up of configured tokens of one kind. A mistyped token fails its checksum before any look-up; a good one is found
 * by its hash, so nothing that depends on the secret is ever compared byte by byte. Two holders of one token are refused.
 */
export function knownTokens<T>(
  kind: BearerKind,
  tokens: readonly KnownToken<T>[],
  clock: Clock,
): (token: string) => T | undefined {
  const byHash = new Map(tokens.map((token) => [token.tokenSha256, token]))
  if (byHash.size !== tokens.length) throw new Error(`Two holders share one mf${kind}_ token; give each its own`)
  return (text) => {
    if (bearerKindOf(text) !== kind) return undefined
    const known = byHash.get(hash('sha256', text))
    return known && (known.expiresAt === null || clock() < known.expiresAt) ? known.caller : undefined
  }
}
