import type { Agent, Autonomy, Grant, Origin, Tool } from './catalogue.ts'
import { AUTONOMY } from './catalogue.ts'
import type { JsonObject } from './json.ts'

/** What an agent says it will do. Left out is null or empty; `goal` and `onBehalfOf` are shown, never judged or trusted. */
export interface DeclaredIntent {
  readonly goal: string
  readonly purpose: string
  readonly dataClasses: readonly string[]
  readonly autonomy: Autonomy | null
  readonly origin: Origin | null
  readonly onBehalfOf: string | null
}

/** The intent that rules judge: the worse of what was said and what is configured. */
export interface EffectiveIntent {
  readonly purpose: string
  readonly dataClasses: readonly string[]
  readonly autonomy: Autonomy
  readonly origin: Origin
}

/**
 * An agent can raise its risk by what it says, and never lower it, not even by saying nothing: autonomy left out is
 * `autonomous`, origin left out is `event`. Autonomy declared is raised to what is configured; data classes add up.
 */
export function worstIntent(
  declared: DeclaredIntent,
  configured: { readonly agent: Agent; readonly grants: readonly Grant[]; readonly tools: readonly Tool[] },
): EffectiveIntent {
  const classes = [declared, configured.agent, ...configured.grants, ...configured.tools].flatMap(
    (of) => of.dataClasses,
  )
  const autonomy = [declared.autonomy ?? 'autonomous', configured.agent.autonomy ?? 'interactive'] as const
  return {
    purpose: declared.purpose,
    dataClasses: [...new Set(classes)].sort(),
    autonomy: AUTONOMY.indexOf(autonomy[0]) > AUTONOMY.indexOf(autonomy[1]) ? autonomy[0] : autonomy[1],
    origin: declared.origin ?? 'event',
  }
}

/** The declared intent as the API and the audit show it, word for word as it was said. */
export function intentOnWire(intent: DeclaredIntent): JsonObject {
  return {
    goal: intent.goal,
    purpose: intent.purpose,
    data_classes: intent.dataClasses,
    autonomy: intent.autonomy,
    origin: intent.origin,
    on_behalf_of: intent.onBehalfOf,
  }
}
