import * as z from 'zod'

import type { Agent } from '../../core/catalogue.ts'
import type { JsonObject } from '../../core/json.ts'
import { err, ok } from '../../core/result.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import { pageBody, pageOf } from '../cursor.ts'
import { Name, Role } from '../schemas/atoms.ts'
import { listOf, pageQuery } from '../schemas/list.ts'
import type { Services } from '../services.ts'

const AgentSchema = z
  .strictObject({
    id: z.string(),
    owner: z.string(),
    trust: z.string(),
    autonomy: z.string().nullable(),
    purposes: z.array(z.string()),
    data_classes: z.array(z.string()),
    grants: z.array(z.string()),
    tools: z.array(z.string()),
    heartbeat: z.int().nullable(),
    open_leases: z.int(),
  })
  .meta({ id: 'Agent' })

const Whoami = z
  .discriminatedUnion('type', [
    z.strictObject({
      type: z.literal('agent'),
      id: z.string(),
      issuer: z.string(),
      subject: z.string(),
      instance: z.string(),
    }),
    z.strictObject({ type: z.literal('lease'), id: z.string(), agent: z.string() }),
    z.strictObject({ type: z.literal('operator'), id: z.string(), role: Role }),
    z.strictObject({
      type: z.literal('pep'),
      id: z.string(),
      audiences: z.array(z.string()),
      tools: z.array(z.string()),
    }),
  ])
  .meta({ id: 'Whoami' })

/** The agents that the configuration knows, and who the caller is. */
export function agentRoutes({ broker }: Services): readonly Endpoint[] {
  const shown = (agent: Agent): JsonObject => ({
    id: agent.id,
    owner: agent.owner,
    trust: agent.trust,
    autonomy: agent.autonomy,
    purposes: agent.purposes,
    data_classes: agent.dataClasses,
    grants: agent.grants,
    tools: agent.tools,
    heartbeat: agent.heartbeatSeconds,
    open_leases: broker.store.reads.countLive(agent.id),
  })
  const list = endpoint({
    method: 'get',
    path: '/v1/agents',
    summary: 'List the configured agents, by id',
    tag: 'Agents',
    callers: ['operator'],
    query: z.strictObject(pageQuery),
    answers: { 200: { description: 'One page', schema: listOf(AgentSchema) } },
    handle: ({ query: { limit, cursor } }) => {
      const page = pageOf({ limit, cursor }, { list: 'agents' })
      if (!page.ok) return page
      const after = page.value.after?.id ?? ''
      const rows = [...broker.policy().catalogue.agents.values()]
        .filter(({ id }) => id > after)
        .sort((a, b) => (a.id < b.id ? -1 : 1))
        .slice(0, page.value.limit)
      const body = pageBody(
        rows.map((agent) => ({ ...agent, createdAt: 0 })),
        limit,
        { list: 'agents' },
        shown,
      )
      return ok({ status: 200, body })
    },
  })
  const show = endpoint({
    method: 'get',
    path: '/v1/agents/{agent}',
    summary: 'Read one agent',
    tag: 'Agents',
    callers: ['operator'],
    params: z.object({ agent: Name }),
    answers: { 200: { description: 'The agent', schema: AgentSchema } },
    handle: ({ params }) => {
      const agent = broker.policy().catalogue.agents.get(params.agent)
      return agent ? ok({ status: 200, body: shown(agent) }) : err({ reason: 'not-found' })
    },
  })
  const whoami = endpoint({
    method: 'get',
    path: '/v1/whoami',
    summary: 'Who Mayfly takes you for',
    tag: 'Agents',
    callers: ['agent', 'lease', 'operator', 'pep'],
    answers: { 200: { description: 'The caller', schema: Whoami } },
    handle: ({ caller }) => {
      switch (caller.type) {
        case 'agent':
          return ok({
            status: 200,
            body: {
              type: 'agent',
              id: caller.agent,
              issuer: caller.issuer,
              subject: caller.subject,
              instance: caller.instance,
            },
          })
        case 'lease':
          return ok({ status: 200, body: { type: 'lease', id: caller.lease, agent: caller.agent } })
        case 'operator':
          return ok({ status: 200, body: { type: 'operator', id: caller.id, role: caller.role } })
        case 'pep':
          return ok({
            status: 200,
            body: { type: 'pep', id: caller.name, audiences: caller.audiences, tools: caller.tools },
          })
      }
    },
  })
  return [list, show, whoami]
}
