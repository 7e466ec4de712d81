import * as z from 'zod'

import type { LeaseRequest } from '../../broker/lease-request.ts'
import type { AskedAccess as AskedAccessEntry } from '../../core/access.ts'
import type { ArgumentBounds, ToolAccess } from '../../core/tool-access.ts'
import { AskedAccessList, AskedToolList } from './access.ts'
import { Autonomy, FreeJson, Origin, Slug, TaskName, Ttl } from './atoms.ts'

const MAX_CONTEXT_BYTES = 8192
const DEFAULT_TTL_SECONDS = 300

const Intent = z.strictObject({
  goal: z.string().min(1).max(4096).meta({ description: 'Shown to people; never parsed, never grants' }),
  purpose: Slug.optional(),
  data_classes: z.array(Slug).max(64).optional(),
  autonomy: Autonomy.optional(),
  origin: Origin.optional(),
  on_behalf_of: z.string().min(1).max(256).optional(),
})

const Context = z
  .record(z.string(), FreeJson)
  .refine(
    (context) => new TextEncoder().encode(JSON.stringify(context)).length <= MAX_CONTEXT_BYTES,
    'is larger than 8 KiB',
  )

/** The body of `POST /v1/leases`. */
export const LeaseRequestBody = z
  .strictObject({
    task: TaskName,
    intent: Intent,
    access: AskedAccessList.optional(),
    tools: AskedToolList.optional(),
    ttl: Ttl.optional().meta({ description: 'Seconds; 300 if left out. The answer is never longer' }),
    heartbeat: z.int().min(5).max(3600).optional(),
    context: Context.optional(),
  })
  .refine(({ access, tools }) => (access?.length ?? 0) + (tools?.length ?? 0) > 0, 'names neither access nor tools')
  .meta({ id: 'LeaseRequest' })

type Body = z.output<typeof LeaseRequestBody>

/** The parsed body in the broker's words. What was left out is null or empty here, and worst where it is judged. */
export function toLeaseRequest(body: Body): LeaseRequest {
  const { intent } = body
  return {
    task: body.task,
    intent: {
      goal: intent.goal,
      purpose: intent.purpose ?? '',
      dataClasses: intent.data_classes ?? [],
      autonomy: intent.autonomy ?? null,
      origin: intent.origin ?? null,
      onBehalfOf: intent.on_behalf_of ?? null,
    },
    access: (body.access ?? []).map(toAskedAccess),
    tools: (body.tools ?? []).map(toToolAccess),
    ttlSeconds: body.ttl ?? DEFAULT_TTL_SECONDS,
    heartbeatSeconds: body.heartbeat ?? null,
    context: body.context ?? {},
  }
}

function toAskedAccess(entry: NonNullable<Body['access']>[number]): AskedAccessEntry {
  return { grant: entry.grant, actions: entry.actions ?? null, resources: entry.resources ?? null }
}

export function toToolAccess(entry: NonNullable<Body['tools']>[number]): ToolAccess {
  return {
    tool: entry.tool,
    // zod types an optional member as `T | undefined`; parsed JSON never holds undefined.
    arguments: (entry.arguments ?? {}) as Readonly<Record<string, ArgumentBounds>>,
    max_calls: entry.max_calls ?? null,
    only: entry.only ?? false,
  }
}
