import { LeaseUnusable } from './lease-unusable.ts'
import type { Leases, RequestOptions } from './leases.ts'
import type { ApprovalLink, Lease, LeaseRequest, MintedCredential } from './resources.ts'

/** A lease that is ready to use. `token` and the credentials' values are secrets, and nobody else has them. */
export interface ObtainedLease {
  readonly lease: Lease
  readonly token: string
  readonly credentials: readonly MintedCredential[]
}

interface ObtainOptions extends RequestOptions {
  /** A person is being asked. Called once for each approval that opens. */
  readonly onPending?: (approval: ApprovalLink, lease: Lease) => void
}

interface Asking {
  readonly leases: Leases
  /** The same leases, asked with the lease's own token. */
  readonly as: (token: string) => Leases
}

/** Asks with the agent's identity, then with the token that the lease brings. */
export type Obtain = (request: LeaseRequest, options?: ObtainOptions) => Promise<ObtainedLease>

/**
 * From the request to the credentials, with the wait for a person in between if the rules want one. Whatever goes wrong
 * after the request, the lease is taken back before this rejects: nobody else holds its token. A no that came after the
 * request is `LeaseUnusable`.
 */
export const obtainWith =
  ({ leases, as }: Asking): Obtain =>
  async (request, options = {}) => {
    const answered = await leases.request(request, options)
    const { token, ...asked } = answered
    if (token === undefined) {
      throw new LeaseUnusable(
        asked,
        'This Idempotency-Key was answered before, and the secrets were in that answer only.',
      )
    }
    const own = as(token)
    try {
      if (asked.state === 'active') return { ...taken(asked), token }
      const lease = await answeredBy(own, asked, options)
      if (lease.state !== 'active') throw new LeaseUnusable(lease, ended(lease))
      const credentials: MintedCredential[] = []
      const { signal } = options
      for (const { grant } of lease.access) credentials.push(await own.fetchCredential(lease.id, grant, { signal }))
      return { lease, token, credentials }
    } catch (error) {
      // What is left open lapses by itself; the error that is on its way says more than this one could.
      await own
        .complete(asked.id, { outcome: 'failure', summary: 'It was given up before it could be used' })
        .catch(() => undefined)
      throw error
    }
  }

/** An approval that is answered may open another, by a rule that was not shown: each is told about. */
async function answeredBy(own: Leases, asked: Lease, { signal, onPending }: ObtainOptions): Promise<Lease> {
  let lease = asked
  while (lease.state === 'pending') {
    const open = lease.approval
    if (open) onPending?.(open, lease)
    lease = await own.waitForLease(lease.id, {
      signal,
      while: (now) => now.state === 'pending' && now.approval?.id === open?.id,
    })
  }
  return lease
}

const ended = ({ outcome, reason }: Lease): string =>
  `The lease is closed (${outcome ?? 'no outcome'})${reason === null ? '.' : `: ${reason}`}`

/** The lease without secrets, so that it can be shown, and the credentials with theirs. */
function taken(lease: Lease): Pick<ObtainedLease, 'lease' | 'credentials'> {
  const parts = lease.credentials.map(({ value, ...credential }) => ({ credential, value }))
  return {
    lease: { ...lease, credentials: parts.map(({ credential }) => credential) },
    credentials: parts.flatMap(({ credential, value }) => (value === undefined ? [] : [{ ...credential, value }])),
  }
}
