import * as z from 'zod'

import type { AskedScope as Asked } from '../../broker/resolve-scope.ts'
import { Name } from './atoms.ts'

const Owner = z.string().min(1).max(256)

/** Exactly one of the members; `agent` beside `task` says whose task. */
export const AskedScope = z
  .union([
    z.strictObject({ all: z.literal(true) }),
    z.strictObject({ agent: Name }),
    z.strictObject({ owner: Owner }),
    z.strictObject({ task: Name, agent: Name.optional() }),
    z.strictObject({ lease: Name }),
    z.strictObject({ provider: Name }),
    z.strictObject({ grant: Name }),
  ])
  .meta({ id: 'Scope', description: 'What is stopped' })

export function toAskedScope(scope: z.output<typeof AskedScope>): Asked {
  if ('all' in scope) return { kind: 'all' }
  if ('task' in scope) return { kind: 'task', value: scope.task, agent: scope.agent ?? null }
  if ('agent' in scope) return { kind: 'agent', value: scope.agent }
  if ('owner' in scope) return { kind: 'owner', value: scope.owner }
  if ('lease' in scope) return { kind: 'lease', value: scope.lease }
  if ('provider' in scope) return { kind: 'provider', value: scope.provider }
  return { kind: 'grant', value: scope.grant }
}
