import { agentsOf, type Agents } from './agents.ts'
import { approvalsOf, type Approvals } from './approvals.ts'
import { auditOf, type Audit } from './audit.ts'
import { credentialsOf, type Credentials } from './credentials.ts'
import { healthOf, type Health } from './health.ts'
import { introspectWith, type Introspect } from './introspection.ts'
import { keysOf, type Keys } from './keys.ts'
import { leasesOf, type Leases } from './leases.ts'
import { obtainWith, type Obtain } from './obtain-lease.ts'
import { recoveryOf, type RecoveryCalls } from './recovery.ts'
import type { Whoami } from './resources.ts'
import { stopsOf, type Stops } from './stops.ts'
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
  readonly credentials: Credentials
  readonly stops: Stops
  readonly audit: Audit
  readonly keys: Keys
  readonly recovery: RecoveryCalls
  readonly health: Health
  readonly introspect: Introspect
  /** Asks for a lease, waits for a person where the rules want one, and fetches the credentials. */
  readonly obtainLease: Obtain
  /** Who the broker takes this token for. */
  readonly whoami: (options?: CallOptions) => Promise<Whoami>
  /** Says that the broker's wall clock is right, after it jumped. Returns the time that is believed from now on. */
  readonly acceptClock: (options?: CallOptions) => Promise<{ readonly time: string }>
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
    credentials: credentialsOf(transport),
    stops: stopsOf(transport),
    audit: auditOf(transport),
    keys: keysOf(transport),
    recovery: recoveryOf(transport),
    health: healthOf(transport),
    introspect: introspectWith(transport),
    obtainLease: obtainWith({ leases: leasesOf(transport), as: (token) => leasesOf(transport.withToken(token)) }),
    whoami: (given) => transport.json({ method: 'GET', path: '/v1/whoami' }, given),
    acceptClock: (given) => transport.json({ method: 'POST', path: '/v1/clock/accept' }, given),
    withToken: (token) => createClient({ ...options, token }),
  }
}
