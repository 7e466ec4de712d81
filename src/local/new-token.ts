import { hash } from 'node:crypto'
import { BEARER_ENTROPY_BYTES, formatBearerToken } from '../core/bearer-token.ts'

const KINDS = { operator: 'o', pep: 'p' } as const

/** A new token for an operator or a PEP, and the hash of it that belongs into the configuration. */
export interface NewToken {
  readonly token: string
  readonly token_sha256: string
}

/** Makes a token from `entropy`, which must return that many unpredictable bytes. The broker never sees the token itself. */
export function newToken(holder: keyof typeof KINDS, entropy: (bytes: number) => Uint8Array): NewToken {
  const token = formatBearerToken(KINDS[holder], entropy(BEARER_ENTROPY_BYTES))
  return { token, token_sha256: hash('sha256', token) }
}
