import { follow } from './follow.ts'
import type {
  Completion,
  Lease,
  LeaseQuery,
  LeaseRequest,
  LeaseRow,
  MintedCredential,
  NewLease,
  Page,
} from './resources.ts'
import { step, type CallOptions, type Transport } from './transport.ts'
import { waitForLease } from './wait-for-lease.ts'

/** How long the broker holds one poll. It takes up to 30. */
const POLL_SECONDS = 25

interface KeyedOptions extends CallOptions {
  /** 1 to 128 visible ASCII characters. Asked again with the same key, the broker gives the same answer, without its secrets. */
  readonly idempotencyKey?: string
}

export interface RequestOptions extends KeyedOptions {
  /** With the key: the first answer was lost. What it held is ended and minted anew, unless somebody came with its token. */
  readonly reissue?: true
}

interface WaitOptions extends CallOptions {
  /** Waits as long as this holds; while the lease is pending if left out. */
  readonly while?: (lease: Lease) => boolean
  /** How long the broker may be away, as over a restart, before the wait gives up; 60,000 if left out. */
  readonly patienceMs?: number
}

interface CompleteOptions extends CallOptions {
  /** How long to wait for upstreams to confirm, up to 30. */
  readonly waitSeconds?: number
}

export interface Leases {
  /** Asks for a lease. Secrets are in this answer only. A pending one has a token and no credentials yet. */
  readonly request: (request: LeaseRequest, options?: RequestOptions) => Promise<NewLease>
  readonly get: (lease: string, options?: CallOptions) => Promise<Lease>
  readonly list: (query?: LeaseQuery, options?: CallOptions) => Promise<Page<LeaseRow>>
  /** Every lease that the query finds, newest first. */
  readonly follow: (query?: Omit<LeaseQuery, 'cursor'>, options?: CallOptions) => AsyncGenerator<LeaseRow, void>
  /** Long-polls until the lease has changed, over restarts of the broker too. */
  readonly waitForLease: (lease: string, options?: WaitOptions) => Promise<Lease>
  /** One more credential inside the lease's access. Needs the lease's own token. */
  readonly fetchCredential: (lease: string, grant: string, options?: KeyedOptions) => Promise<MintedCredential>
  /** More time, if the rules still allow it. Credentials are not extended: fetch them again. Needs the lease's own token. */
  readonly renew: (lease: string, ttlSeconds: number, options?: KeyedOptions) => Promise<Lease>
  /** The agent is alive. Every call with the lease's own token says so too. */
  readonly heartbeat: (lease: string, options?: CallOptions) => Promise<Lease>
  /** Says that the task is over: everything is taken back. */
  readonly complete: (lease: string, completion: Completion, options?: CompleteOptions) => Promise<Lease>
  /** An operator takes the lease back. */
  readonly revoke: (lease: string, reason: string, options?: CallOptions) => Promise<Lease>
}

export function leasesOf(transport: Transport): Leases {
  const path = (lease: string, verb = ''): string => `/v1/leases/${step(lease)}${verb}`
  const list: Leases['list'] = (query, options) =>
    transport.json({ method: 'GET', path: '/v1/leases', ...(query && { query }) }, options)
  return {
    request: (body, { idempotencyKey, reissue, ...options } = {}) => {
      const headers = { ...keyed(idempotencyKey), ...(reissue && { 'Mayfly-Reissue': 'true' }) }
      return transport.json({ method: 'POST', path: '/v1/leases', body, headers }, options)
    },
    get: async (lease, options) => transport.json({ method: 'GET', path: path(lease) }, options),
    list,
    follow: (query, options) =>
      follow((cursor) => list({ ...query, ...(cursor !== undefined && { cursor }) }, options)),
    waitForLease: (lease, { while: unchanged = isPending, signal, patienceMs } = {}) =>
      waitForLease({
        poll: async (state) => {
          const waitSeconds = state === undefined ? 0 : POLL_SECONDS
          const query = state === undefined ? {} : { wait: POLL_SECONDS, state }
          return transport.json({ method: 'GET', path: path(lease), query, waitSeconds }, { signal })
        },
        unchanged,
        signal,
        patienceMs,
      }),
    fetchCredential: async (lease, grant, { idempotencyKey, ...options } = {}) =>
      transport.json(
        { method: 'POST', path: path(lease, '/credentials'), body: { grant }, headers: keyed(idempotencyKey) },
        options,
      ),
    renew: async (lease, ttl, { idempotencyKey, ...options } = {}) =>
      transport.json(
        { method: 'POST', path: path(lease, '/renew'), body: { ttl }, headers: keyed(idempotencyKey) },
        options,
      ),
    heartbeat: async (lease, options) => transport.json({ method: 'POST', path: path(lease, '/heartbeat') }, options),
    complete: async (lease, body, { waitSeconds = 0, ...options } = {}) =>
      transport.json(
        { method: 'POST', path: path(lease, '/complete'), query: { wait: waitSeconds }, body, waitSeconds },
        options,
      ),
    revoke: async (lease, reason, options) =>
      transport.json({ method: 'POST', path: path(lease, '/revoke'), body: { reason } }, options),
  }
}

const keyed = (key: string | undefined) => (key === undefined ? {} : { 'Idempotency-Key': key })

const isPending = ({ state }: Lease): boolean => state === 'pending'
