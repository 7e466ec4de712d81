import type { UpstreamProvider } from '../broker/provider-port.ts'
import { ok } from '../core/result.ts'
import { SECOND_MS } from '../core/time.ts'
import { CONSISTENCY_MS } from './aws-sts/early-revocation.ts'
import { planSession } from './aws-sts/plan-session.ts'
import { requireSafe } from './aws-sts/require-safe.ts'
import type { AwsStsParts, AwsStsSettings } from './aws-sts/settings.ts'

/**
 * Sessions of AWS roles. Narrowed to the task by a session policy of exactly the access entry; ends by itself at the
 * lease's deadline, which the policy holds because STS's shortest session is 900 s; taken back early by a deny policy on
 * the role where the grant allows it, in seconds and never at once, else not before the deadline. Its handle is its
 * session name, the credential's id. Disposing closes its connections. Throws for an endpoint that is not safe.
 */
export function createAwsStsProvider(settings: AwsStsSettings, parts: AwsStsParts): UpstreamProvider & AsyncDisposable {
  if (settings.endpoint !== null) requireSafe(new URL(settings.endpoint))
  // The SDK costs half a second and 60 MB: loaded at the start, so that no request waits for it, by who has configured it.
  const loading = import('./aws-sts/open-sessions.ts').then(({ openSessions }) => openSessions(settings, parts))
  loading.catch(() => undefined)
  return {
    name: settings.name,
    kind: 'upstream',
    timeoutMs: 10 * SECOND_MS,
    consistencyMs: CONSISTENCY_MS,
    plan(order) {
      const planned = planSession(order)
      return planned.ok ? ok(planned.value.plan) : planned
    },
    mint: async (order, plan, record, signal) => (await loading).mint(order, plan, record, signal),
    revoke: async (what, signal) => (await loading).revoke(what, signal),
    check: async (signal) => (await loading).check(signal),
    cutOff: async (before, signal) => (await loading).cutOff(before, signal),
    [Symbol.asyncDispose]: async () => (await loading)[Symbol.dispose](),
  }
}
