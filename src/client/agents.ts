import { follow } from './follow.ts'
import type { Agent, AgentQuery, Page } from './resources.ts'
import { step, type CallOptions, type Transport } from './transport.ts'

export interface Agents {
  readonly get: (agent: string, options?: CallOptions) => Promise<Agent>
  readonly list: (query?: AgentQuery, options?: CallOptions) => Promise<Page<Agent>>
  /** Every configured agent, by id. */
  readonly follow: (query?: Omit<AgentQuery, 'cursor'>, options?: CallOptions) => AsyncGenerator<Agent, void>
}

export function agentsOf(transport: Transport): Agents {
  const list: Agents['list'] = (query, options) =>
    transport.json({ method: 'GET', path: '/v1/agents', ...(query && { query }) }, options)
  return {
    get: async (agent, options) => transport.json({ method: 'GET', path: `/v1/agents/${step(agent)}` }, options),
    list,
    follow: (query, options) =>
      follow((cursor) => list({ ...query, ...(cursor !== undefined && { cursor }) }, options)),
  }
}
