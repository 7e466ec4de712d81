import * as z from 'zod'

import { scopeOnWire } from '../../broker/audit-entries.ts'
import { freeze, unfreeze } from '../../broker/freeze.ts'
import { restoreScope, revokeScope, type StickyScope } from '../../broker/revoke-scope.ts'
import type { Reads } from '../../broker/store-port.ts'
import type { JsonObject } from '../../core/json.ts'
import type { Mark } from '../../core/mark.ts'
import { ok } from '../../core/result.ts'
import { rfc3339 } from '../../core/time.ts'
import { pageBody, pageOf } from '../cursor.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import { Instant, Name, Reason } from '../schemas/atoms.ts'
import { listOf, pageQuery } from '../schemas/list.ts'
import { AskedScope, toAskedScope } from '../schemas/scope.ts'
import type { Services } from '../services.ts'

const Hits = z.strictObject({ leases: z.int(), credentials: z.int() })
const Freeze = z
  .strictObject({
    id: z.string(),
    scope: z.record(z.string(), z.union([z.string(), z.literal(true)])),
    reason: z.string(),
    by: z.string(),
    at: Instant,
    hits: Hits.nullable().meta({ description: 'What it covers by now; null in lists, where nobody counts' }),
    note: z.string(),
  })
  .meta({ id: 'Freeze' })

/** Said in every answer, because a freeze looks like more than it is. */
const NOTE =
  'Credentials that an upstream has issued keep working there until they are closed: revoke what has to end now.'

/** What stops things: freezes, which can be lifted, and revocations of agents, owners and tasks, which stick. */
export function stopRoutes({ broker }: Services): readonly Endpoint[] {
  const { reads } = broker.store
  const set = endpoint({
    method: 'post',
    path: '/v1/freeze',
    summary: 'Stop a scope, reversibly: nothing is granted or allowed, and nothing is destroyed',
    tag: 'Stops',
    callers: ['operator'],
    role: 'operator',
    body: z.strictObject({ scope: AskedScope, reason: Reason }),
    answers: {
      200: { description: 'It was frozen already', schema: Freeze },
      201: {
        description: 'Frozen. Credentials that an upstream issued keep working there until they are closed',
        schema: Freeze,
      },
    },
    handle: async ({ body, caller, requestId }) => {
      const frozen = await freeze(broker, {
        operator: caller,
        scope: toAskedScope(body.scope),
        reason: body.reason,
        requestId,
      })
      if (!frozen.ok) return frozen
      const { mark, already } = frozen.value
      return ok({ status: already ? 200 : 201, body: freezeOnWire(reads, mark) })
    },
  })
  const lift = endpoint({
    method: 'post',
    path: '/v1/unfreeze',
    summary: 'Lift a freeze',
    tag: 'Stops',
    callers: ['operator'],
    role: 'operator',
    body: z.strictObject({ id: z.string().min(1).max(64), reason: Reason }),
    answers: { 200: { description: 'The freeze that was lifted', schema: Freeze } },
    handle: async ({ body, caller, requestId }) => {
      const lifted = await unfreeze(broker, { operator: caller, ...body, requestId })
      return lifted.ok ? ok({ status: 200, body: freezeOnWire(reads, lifted.value) }) : lifted
    },
  })
  const list = endpoint({
    method: 'get',
    path: '/v1/freezes',
    summary: 'List the freezes in force, newest first',
    tag: 'Stops',
    callers: ['operator'],
    query: z.strictObject(pageQuery),
    answers: { 200: { description: 'One page', schema: listOf(Freeze) } },
    handle: ({ query: { limit, cursor } }) => {
      const filters = { list: 'freezes' }
      const page = pageOf({ limit, cursor }, filters)
      if (!page.ok) return page
      const { after } = page.value
      const rows = reads
        .marks()
        .filter(({ kind }) => kind === 'freeze')
        .map((mark) => ({ mark, id: mark.id, createdAt: mark.since }))
        .sort((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? 1 : -1))
        .filter(
          ({ id, createdAt }) =>
            !after || createdAt < after.createdAt || (createdAt === after.createdAt && id < after.id),
        )
        .slice(0, page.value.limit)
      return ok({ status: 200, body: pageBody(rows, limit, filters, ({ mark }) => freezeOnWire(null, mark)) })
    },
  })
  return [set, lift, list, ...(['agent', 'owner', 'task'] as const).flatMap((kind) => stickyRoutes(broker, kind))]
}

/** Revoke and restore, the same for agents, owners and tasks. A task may be several agents': the body says whose. */
function stickyRoutes(broker: Services['broker'], kind: 'agent' | 'owner' | 'task'): readonly Endpoint[] {
  const params = z.object({ [kind]: z.string().min(1).max(256) })
  const body = z.strictObject({ reason: Reason, ...(kind === 'task' && { agent: Name.optional() }) })
  const scopeOf = ({ [kind]: value = '' }: Readonly<Record<string, string>>, sent: object): StickyScope =>
    kind === 'task'
      ? ({ kind, value, agent: 'agent' in sent && typeof sent.agent === 'string' ? sent.agent : null } as const)
      : ({ kind, value } as const)
  const revoke = endpoint({
    method: 'post',
    path: `/v1/${kind}s/{${kind}}/revoke`,
    summary: `End every lease of ${article(kind)}, and keep new ones away until it is restored`,
    tag: 'Stops',
    callers: ['operator'],
    role: 'operator',
    params,
    body,
    answers: { 200: { description: 'What it hits', schema: Hits.extend({ already: z.boolean() }) } },
    handle: async ({ params: named, body: sent, caller, requestId }) => {
      const revoked = await revokeScope(broker, {
        operator: caller,
        scope: scopeOf(named, sent),
        reason: sent.reason,
        requestId,
      })
      return revoked.ok ? ok({ status: 200, body: { ...revoked.value } }) : revoked
    },
  })
  const restore = endpoint({
    method: 'post',
    path: `/v1/${kind}s/{${kind}}/restore`,
    summary: `Let ${article(kind)} have leases again; what was ended stays ended`,
    tag: 'Stops',
    callers: ['operator'],
    role: 'operator',
    params,
    body,
    answers: { 200: { description: 'Restored', schema: z.strictObject({ already: z.boolean() }) } },
    handle: async ({ params: named, body: sent, caller, requestId }) => {
      const restored = await restoreScope(broker, {
        operator: caller,
        scope: scopeOf(named, sent),
        reason: sent.reason,
        requestId,
      })
      return restored.ok ? ok({ status: 200, body: { ...restored.value } }) : restored
    },
  })
  return [revoke, restore]
}

const article = (kind: string): string => (kind === 'task' ? 'a task' : `an ${kind}`)

function freezeOnWire(reads: Pick<Reads, 'hits'> | null, { id, scope, reason, by, since }: Mark): JsonObject {
  const hits = reads && { ...reads.hits(scope) }
  return { id, scope: scopeOnWire(scope), reason, by, at: rfc3339(since), hits, note: NOTE }
}
