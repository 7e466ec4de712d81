import { follow } from './follow.ts'
import type { Approval, ApprovalQuery, No, Page, Yes } from './resources.ts'
import { step, type CallOptions, type Transport } from './transport.ts'

interface GetOptions extends CallOptions {
  /** Holds the answer back while the approval is pending, up to 30. */
  readonly waitSeconds?: number
}

export interface Approvals {
  readonly get: (approval: string, options?: GetOptions) => Promise<Approval>
  readonly list: (query?: ApprovalQuery, options?: CallOptions) => Promise<Page<Approval>>
  /** Every approval that the query finds, newest first. */
  readonly follow: (query?: Omit<ApprovalQuery, 'cursor'>, options?: CallOptions) => AsyncGenerator<Approval, void>
  /** Yes to exactly what the digest covers, or to less. Still pending while it needs more people. */
  readonly approve: (approval: string, yes: Yes, options?: CallOptions) => Promise<Approval>
  /** No: the lease is closed. */
  readonly deny: (approval: string, no: No, options?: CallOptions) => Promise<Approval>
  /** The agent takes its question back. Needs the lease's own token. */
  readonly cancel: (approval: string, options?: CallOptions) => Promise<Approval>
}

export function approvalsOf(transport: Transport): Approvals {
  const path = (approval: string, verb = ''): string => `/v1/approvals/${step(approval)}${verb}`
  const list: Approvals['list'] = (query, options) =>
    transport.json({ method: 'GET', path: '/v1/approvals', ...(query && { query }) }, options)
  return {
    get: async (approval, { waitSeconds = 0, ...options } = {}) =>
      transport.json({ method: 'GET', path: path(approval), query: { wait: waitSeconds }, waitSeconds }, options),
    list,
    follow: (query, options) =>
      follow((cursor) => list({ ...query, ...(cursor !== undefined && { cursor }) }, options)),
    approve: async (approval, body, options) =>
      transport.json({ method: 'POST', path: path(approval, '/approve'), body }, options),
    deny: async (approval, body, options) =>
      transport.json({ method: 'POST', path: path(approval, '/deny'), body }, options),
    cancel: async (approval, options) => transport.json({ method: 'POST', path: path(approval, '/cancel') }, options),
  }
}
