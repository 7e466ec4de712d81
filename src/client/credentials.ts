import { follow } from './follow.ts'
import type { Approval, Credential, CredentialQuery, Page } from './resources.ts'
import { step, type CallOptions, type Transport } from './transport.ts'

/** What operators do about credentials. None of it shows a secret. */
export interface Credentials {
  readonly list: (query?: CredentialQuery, options?: CallOptions) => Promise<Page<Credential>>
  /** Every credential that the query finds, newest first. */
  readonly follow: (query?: Omit<CredentialQuery, 'cursor'>, options?: CallOptions) => AsyncGenerator<Credential, void>
  /** Tries to take it back now, instead of when it would be due. */
  readonly retry: (credential: string, options?: CallOptions) => Promise<Credential>
  /** Asks another admin to give up on it. */
  readonly abandon: (credential: string, reason: string, options?: CallOptions) => Promise<Approval>
}

export function credentialsOf(transport: Transport): Credentials {
  const path = (credential: string, verb: string): string => `/v1/credentials/${step(credential)}/${verb}`
  const list: Credentials['list'] = (query, options) =>
    transport.json({ method: 'GET', path: '/v1/credentials', ...(query && { query }) }, options)
  return {
    list,
    follow: (query, options) =>
      follow((cursor) => list({ ...query, ...(cursor !== undefined && { cursor }) }, options)),
    retry: async (credential, options) => transport.json({ method: 'POST', path: path(credential, 'retry') }, options),
    abandon: async (credential, reason, options) =>
      transport.json({ method: 'POST', path: path(credential, 'abandon'), body: { reason } }, options),
  }
}
