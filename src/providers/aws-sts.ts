import type { UpstreamProvider } from '../broker/provider-port.ts'
import { ok } from '../core/result.ts'
import { SECOND_MS } from '../core/time.ts'
import { checkProvider } from './aws-sts/check/check-provider.ts'
import { createClients } from './aws-sts/create-clients.ts'
import { mintSession } from './aws-sts/mint-session.ts'
import { planSession } from './aws-sts/plan-session.ts'
import { CONSISTENCY_MS, createRevocations } from './aws-sts/revoke-session.ts'
import type { AwsStsParts, AwsStsSettings } from './aws-sts/settings.ts'

/**
 * Sessions of AWS roles. Narrowed to the task by a session policy of exactly the access entry; ends by itself at the
 * lease's deadline, which the policy holds because STS's shortest session is 900 s; taken back early by a deny policy on
 * the role where the grant allows it, in seconds and never at once, else not before the deadline. Its handle is its
 * session name, the credential's id. Disposing closes its connections. Throws for an endpoint that is not safe.
 */
export function createAwsStsProvider(settings: AwsStsSettings, parts: AwsStsParts): UpstreamProvider & Disposable {
  const clients = createClients(settings, parts)
  return {
    name: settings.name,
    kind: 'upstream',
    timeoutMs: 10 * SECOND_MS,
    consistencyMs: CONSISTENCY_MS,
    plan(order) {
      const planned = planSession(order)
      return planned.ok ? ok(planned.value.plan) : planned
    },
    mint: (order, plan, record, signal) => mintSession(clients, { order, plan, record, signal, report: parts.report }),
    revoke: createRevocations(clients, parts),
    check: (signal) => checkProvider(clients, settings, parts, signal),
    [Symbol.dispose]: () => clients[Symbol.dispose](),
  }
}
