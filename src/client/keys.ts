import type { Page, SigningKey } from './resources.ts'
import type { CallOptions, Transport } from './transport.ts'

export interface Keys {
  /** Every signing key that a verifier may meet now, without its private half. */
  readonly list: (options?: CallOptions) => Promise<Page<SigningKey>>
  /** The next key of every use and algorithm signs from now on. What was signed before verifies to its end. */
  readonly rotate: (reason: string | null, options?: CallOptions) => Promise<Page<SigningKey>>
}

export const keysOf = (transport: Transport): Keys => ({
  list: (options) => transport.json({ method: 'GET', path: '/v1/keys' }, options),
  rotate: (reason, options) =>
    transport.json({ method: 'POST', path: '/v1/keys/rotate', body: reason === null ? {} : { reason } }, options),
})
