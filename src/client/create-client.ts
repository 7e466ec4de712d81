import { agentsOf, type Agents } from './agents.ts'
import { approvalsOf, type Approvals } from './approvals.ts'
import { auditOf, type Audit } from './audit.ts'
import { healthOf, type Health } from './health.ts'
import { introspectWith, type Introspect } from './introspection.ts'
import { leasesOf, type Leases } from './leases.ts'
import { obtainWith, type Obtain } from './obtain-lease.ts'
import type { Whoami } from './resources.ts'
import { createTransport, type CallOptions, type ClientOptions } from './transport.ts'

/**
 * One broker, asked with one token. Every call rejects with a `MayflyProblem` when the broker says no, and with
 * `MayflyUnreachable` when it says nothing. Neither holds a secret.
 */
export interface Client {
  readonly url: string
  readonly leases: Leases
  readonly approvals: Approvals
  readonly agents: Agents
  readonly audit: Audit
  readonly health: Health
  readonly introspect: Introspect
  /** Asks for a lease, waits for a person where the rules want one, and fetches the credentials. */
  readonly obtainLease: Obtain
  /** Who the broker takes this token for. */
  readonly whoami: (options?: CallOptions) => Promise<Whoami>
  /** The same broker, asked with another token, such as that of a lease. */
  readonly withToken: (token: string) => Client
}

export function createClient(options: ClientOptions): Client {
  const transport = createTransport(options)
  return {
    url: transport.url,
    leases: leasesOf(transport),
    approvals: approvalsOf(transport),
    agents: agentsOf(transport),
    audit: auditOf(transport),
    health: healthOf(transport),
    introspect: introspectWith(transport),
    obtainLease: obtainWith({ leases: leasesOf(transport), as: (token) => leasesOf(transport.withToken(token)) }),
    whoami: (given) => transport.json({ method: 'GET', path: '/v1/whoami' }, given),
    withToken: (token) => createClient({ ...options, token }),
  }
}
