import type { Endpoint } from './endpoint.ts'
import { agentRoutes } from './routes/agents.ts'
import { approvalRoutes } from './routes/approvals.ts'
import { auditRoutes } from './routes/audit.ts'
import { described } from './routes/description.ts'
import { healthRoutes } from './routes/health.ts'
import { leaseVerbRoutes } from './routes/lease-verbs.ts'
import { leaseRoutes } from './routes/leases.ts'
import { requestLeaseRoute } from './routes/request-lease.ts'
import { tokenRoutes } from './routes/tokens.ts'
import type { Services } from './services.ts'

/** Every route of the broker. */
export function endpoints(services: Services): readonly Endpoint[] {
  const routes = [
    requestLeaseRoute(services),
    ...leaseRoutes(services),
    ...leaseVerbRoutes(services),
    ...approvalRoutes(services),
    ...agentRoutes(services),
    ...auditRoutes(services),
    ...tokenRoutes(services),
    ...healthRoutes(services),
  ]
  return described(routes, services.version)
}
