import { follow } from './follow.ts'
import type { Freeze, FreezeQuery, Page, RevokedScope, Scope } from './resources.ts'
import { step, type CallOptions, type Transport } from './transport.ts'

/** What can be revoked as a whole. `agent` beside a task: the one whose task it is, where several have one of that name. */
export type StickyScope =
  { readonly agent: string } | { readonly owner: string } | { readonly task: string; readonly agent?: string }

/** What operators stop things with. */
export interface Stops {
  /** Stops a scope and destroys nothing. What an upstream has issued keeps working there. */
  readonly freeze: (scope: Scope, reason: string, options?: CallOptions) => Promise<Freeze>
  readonly unfreeze: (freeze: string, reason: string, options?: CallOptions) => Promise<Freeze>
  /** The freezes in force, newest first. */
  readonly freezes: (query?: FreezeQuery, options?: CallOptions) => Promise<Page<Freeze>>
  readonly followFreezes: (options?: CallOptions) => AsyncGenerator<Freeze, void>
  /** Ends every lease of it, and keeps new ones away until it is restored. */
  readonly revoke: (scope: StickyScope, reason: string, options?: CallOptions) => Promise<RevokedScope>
  /** New leases may be asked for again. What was ended stays ended. */
  readonly restore: (
    scope: StickyScope,
    reason: string,
    options?: CallOptions,
  ) => Promise<{ readonly already: boolean }>
}

export function stopsOf(transport: Transport): Stops {
  const freezes: Stops['freezes'] = (query, options) =>
    transport.json({ method: 'GET', path: '/v1/freezes', ...(query && { query }) }, options)
  return {
    freeze: (scope, reason, options) =>
      transport.json({ method: 'POST', path: '/v1/freeze', body: { scope, reason } }, options),
    unfreeze: (id, reason, options) =>
      transport.json({ method: 'POST', path: '/v1/unfreeze', body: { id, reason } }, options),
    freezes,
    followFreezes: (options) =>
      follow((cursor) => freezes({ limit: 200, ...(cursor !== undefined && { cursor }) }, options)),
    revoke: async (scope, reason, options) => transport.json(sticky(scope, 'revoke', reason), options),
    restore: async (scope, reason, options) => transport.json(sticky(scope, 'restore', reason), options),
  }
}

function sticky(scope: StickyScope, verb: 'revoke' | 'restore', reason: string) {
  const call = (path: string, body: object) => ({ method: 'POST', path: `${path}/${verb}`, body }) as const
  if ('task' in scope) {
    const { task, agent } = scope
    return call(`/v1/tasks/${step(task)}`, { reason, ...(agent !== undefined && { agent }) })
  }
  return 'owner' in scope
    ? call(`/v1/owners/${step(scope.owner)}`, { reason })
    : call(`/v1/agents/${step(scope.agent)}`, { reason })
}
