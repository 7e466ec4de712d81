import type { CallOptions, Transport } from './transport.ts'

/** What RFC 7662 tells of a token: its claims while it is active, nothing else otherwise. */
interface Introspection {
  readonly active: boolean
  readonly [claim: string]: unknown
}

/** Asks whether an access token is good now. Needs a PEP's token, or an operator's. */
export type Introspect = (token: string, options?: CallOptions) => Promise<Introspection>

export function introspectWith(transport: Transport): Introspect {
  return (token, options) => transport.json({ method: 'POST', path: '/oauth/introspect', form: { token } }, options)
}
