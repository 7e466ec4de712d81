import type { Endpoint } from './endpoint.ts'
import { agentRoutes } from './routes/agents.ts'
import { approvalRoutes } from './routes/approvals.ts'
import { auditRoutes } from './routes/audit.ts'
import { described } from './routes/description.ts'
import { credentialRoutes } from './routes/credentials.ts'
import { decisionRoutes } from './routes/decisions.ts'
import { evaluatorRoutes } from './routes/evaluators.ts'
import { healthRoutes } from './routes/health.ts'
import { keepAliveRoutes } from './routes/keep-alive.ts'
import { keyRoutes } from './routes/keys.ts'
import { leaseVerbRoutes } from './routes/lease-verbs.ts'
import { leaseRoutes } from './routes/leases.ts'
import { recoveryRoutes } from './routes/recovery.ts'
import { requestLeaseRoute } from './routes/request-lease.ts'
import { stopRoutes } from './routes/stops.ts'
import { tokenRoutes } from './routes/tokens.ts'
import type { Services } from './services.ts'

/** Every route of the broker. */
export function endpoints(services: Services): readonly Endpoint[] {
  const routes = [
    requestLeaseRoute(services),
    ...leaseRoutes(services),
    ...leaseVerbRoutes(services),
    ...keepAliveRoutes(services),
    ...credentialRoutes(services),
    ...stopRoutes(services),
    ...evaluatorRoutes(services),
    ...decisionRoutes(services),
    ...approvalRoutes(services),
    ...agentRoutes(services),
    ...keyRoutes(services),
    ...recoveryRoutes(services),
    ...auditRoutes(services),
    ...tokenRoutes(services),
    ...healthRoutes(services),
  ]
  return described(routes, services.version)
}
