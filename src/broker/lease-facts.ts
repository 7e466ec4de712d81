import type { Claims } from '../core/catalogue.ts'
import { NO_HISTORY, NO_PARENT, NO_RECENT, type LeaseFacts } from '../core/facts.ts'
import { worstIntent, type DeclaredIntent } from '../core/intent.ts'
import type { Json } from '../core/json.ts'
import type { TreeHistory } from '../core/lease-use.ts'
import type { Instant } from '../core/time.ts'
import type { Reads } from './store-port.ts'
import type { Resolved } from './resolve-access.ts'

/** What is judged: the resolved request, and who sent it when. */
export interface Judged {
  readonly resolved: Resolved
  readonly intent: DeclaredIntent
  readonly task: string
  readonly ttlSeconds: number
  readonly context: Json
  readonly identity: { readonly issuer: string; readonly claims: Claims }
  /** What its tree has met; of a new root, what the last leases of its instance had. */
  readonly history: TreeHistory
}

/** Gathers every fact that a rule `on: lease` may read. Facts show the effective access, never what was left out. */
export function leaseFacts(reads: Pick<Reads, 'taskSoFar'>, judged: Judged, now: Instant): LeaseFacts {
  const { resolved, intent } = judged
  const { agent } = resolved
  const grants = resolved.access.map(({ grant }) => grant)
  const tools = resolved.tools.map(({ tool }) => tool)
  const worst = worstIntent(intent, { agent, grants, tools })
  const task = reads.taskSoFar(agent.id, judged.task)
  const at = new Date(now)
  return {
    agent: {
      id: agent.id,
      owner: agent.owner,
      trust: agent.trust,
      issuer: judged.identity.issuer,
      claims: judged.identity.claims,
      recent: { hour: NO_RECENT, day: NO_RECENT },
    },
    intent: {
      purpose: worst.purpose,
      data_classes: worst.dataClasses,
      autonomy: worst.autonomy,
      origin: worst.origin,
    },
    declared: {
      goal: intent.goal,
      purpose: intent.purpose,
      data_classes: intent.dataClasses,
      autonomy: intent.autonomy ?? '',
      origin: intent.origin ?? '',
      on_behalf_of: intent.onBehalfOf ?? '',
    },
    access: resolved.access.map(({ grant, access, broad }) => ({
      grant: grant.name,
      provider: grant.provider,
      type: grant.type,
      actions: access.actions,
      resources: access.resources,
      labels: grant.labels,
      broad,
    })),
    tools: resolved.tools.map(({ tool, entry }) => ({
      tool: tool.name,
      labels: tool.labels,
      bounded: Object.keys(entry.arguments),
      max_calls: entry.max_calls ?? 0,
      only: entry.only,
    })),
    ttl: judged.ttlSeconds,
    task: { id: judged.task, open_leases: task.openLeases, outcomes: task.outcomes },
    parent: NO_PARENT,
    now: { hour: at.getUTCHours(), weekday: at.getUTCDay() === 0 ? 7 : at.getUTCDay() },
    context: judged.context,
    history: { ...NO_HISTORY, ...judged.history },
  }
}
