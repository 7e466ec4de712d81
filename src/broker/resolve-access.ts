import { narrow, type AskedAccess, type GrantedAccess } from '../core/access.ts'
import type { Agent, Catalogue, Grant, Tool } from '../core/catalogue.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { ToolAccess } from '../core/tool-access.ts'
import type { FieldError, Refusal } from './refusal.ts'

/** One access entry, narrowed, beside the grant it was narrowed from. */
export interface ResolvedAccess {
  readonly grant: Grant
  readonly access: GrantedAccess
  readonly broad: boolean
}

export interface Resolved {
  readonly agent: Agent
  readonly access: readonly ResolvedAccess[]
  readonly tools: readonly { readonly tool: Tool; readonly entry: ToolAccess }[]
}

interface Asked {
  readonly purpose: string
  readonly access: readonly AskedAccess[]
  readonly tools: readonly ToolAccess[]
}

/**
 * What was asked, resolved against the agent's own ceiling. Everything outside it is refused, every entry at once; a
 * grant that does not exist reads like one that is not this agent's, so that asking does not map the catalogue.
 */
export function resolveAccess(catalogue: Catalogue, agent: Agent, asked: Asked): Result<Resolved, Refusal> {
  const access = asked.access.map((entry, at) => resolveEntry(catalogue, agent, entry, `/access/${at}`))
  const tools = asked.tools.map((entry, at) => resolveTool(catalogue, agent, entry, `/tools/${at}/tool`))
  const errors = [
    ...purposeErrors(agent, asked.purpose),
    ...[...access, ...tools].flatMap((one) => (one.ok ? [] : [one.error])),
  ]
  if (errors.length > 0) {
    const detail = `Agent ${agent.id} may not ask for this. Ask for less, or have its grants, tools or purposes widened in the configuration.`
    return err({ reason: 'not-granted', detail, errors })
  }
  return ok({
    agent,
    access: access.flatMap((one) => (one.ok ? [one.value] : [])),
    tools: tools.flatMap((one) => (one.ok ? [one.value] : [])),
  })
}

function purposeErrors(agent: Agent, purpose: string): readonly FieldError[] {
  if (purpose === '' || agent.purposes.includes(purpose)) return []
  return [{ path: '/intent/purpose', message: `"${purpose}" is not one of the purposes of agent ${agent.id}` }]
}

function resolveEntry(
  catalogue: Catalogue,
  agent: Agent,
  asked: AskedAccess,
  path: string,
): Result<ResolvedAccess, FieldError> {
  const grant = agent.grants.includes(asked.grant) ? catalogue.grants.get(asked.grant) : undefined
  if (!grant) return err({ path: `${path}/grant`, message: `"${asked.grant}" is not a grant of agent ${agent.id}` })
  const narrowed = narrow(asked, grant)
  if (!narrowed.ok) {
    const { member, value } = narrowed.error
    return err({ path: `${path}/${member}`, message: `"${value}" is outside grant ${grant.name}` })
  }
  return ok({ grant, ...narrowed.value })
}

function resolveTool(
  catalogue: Catalogue,
  agent: Agent,
  entry: ToolAccess,
  path: string,
): Result<{ readonly tool: Tool; readonly entry: ToolAccess }, FieldError> {
  const tool = agent.tools.includes(entry.tool) ? catalogue.tools.get(entry.tool) : undefined
  return tool ? ok({ tool, entry }) : err({ path, message: `"${entry.tool}" is not a tool of agent ${agent.id}` })
}
