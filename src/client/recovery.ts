import type { Recovery } from './resources.ts'
import type { CallOptions, Transport } from './transport.ts'

interface Acknowledgement {
  readonly reason?: string
  /** Providers that could not be cut off, and that the operator answers for. */
  readonly accept?: readonly string[]
}

export interface RecoveryCalls {
  /** How far the recovery has come; where there is none, what one would do. */
  readonly get: (options?: CallOptions) => Promise<Recovery>
  /** Nothing may be used or minted from now on: every lease, key and provider follows. */
  readonly begin: (reason: string, options?: CallOptions) => Promise<Recovery>
  /** Lets the broker mint again. Rejects with `conflict` while something is not done. */
  readonly acknowledge: (acknowledgement: Acknowledgement, options?: CallOptions) => Promise<Recovery>
}

export const recoveryOf = (transport: Transport): RecoveryCalls => ({
  get: (options) => transport.json({ method: 'GET', path: '/v1/recovery' }, options),
  begin: (reason, options) => transport.json({ method: 'POST', path: '/v1/recovery/begin', body: { reason } }, options),
  acknowledge: (acknowledgement, options) =>
    transport.json({ method: 'POST', path: '/v1/recovery/acknowledge', body: acknowledgement }, options),
})
