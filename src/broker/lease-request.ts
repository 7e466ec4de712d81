import type { AskedAccess } from '../core/access.ts'
import { intentOnWire, type DeclaredIntent } from '../core/intent.ts'
import type { Json, JsonObject } from '../core/json.ts'
import { toolOnWire, type ToolAccess } from '../core/tool-access.ts'

/** A request for a task lease, parsed. Durations in seconds. */
export interface LeaseRequest {
  readonly task: string
  readonly intent: DeclaredIntent
  readonly access: readonly AskedAccess[]
  readonly tools: readonly ToolAccess[]
  readonly ttlSeconds: number
  readonly heartbeatSeconds: number | null
  readonly context: Json
}

/** What was asked, as the audit keeps it: the same members as of a lease that was granted. */
export function askedSubject(request: LeaseRequest): JsonObject {
  return {
    task: request.task,
    intent: intentOnWire(request.intent),
    access: request.access.map(({ grant, actions, resources }) => ({ grant, actions, resources })),
    tools: request.tools.map(toolOnWire),
    ttl: request.ttlSeconds,
  }
}
