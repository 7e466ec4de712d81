import canonicalize from 'canonicalize'
import type { Agent, IdentityMatch } from '../core/catalogue.ts'
import type { JsonObject } from '../core/json.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { VerifiedIdentity } from './verify-identity.ts'

export interface FoundAgent {
  readonly agent: Agent
  readonly identity: VerifiedIdentity
}

/** The one agent that these verified claims are an identity of. Zero or two is a refusal; the error says which. */
export function findAgent(agents: Iterable<Agent>, verified: readonly VerifiedIdentity[]): Result<FoundAgent, string> {
  const found = [...agents].flatMap((agent): readonly FoundAgent[] => {
    const identity = verified.find(({ issuer, claims }) =>
      agent.identities.some((each) => each.issuer === issuer.name && matches(each, claims)),
    )
    return identity ? [{ agent, identity }] : []
  })
  const [only] = found
  if (only && found.length === 1) return ok(only)
  return err(only ? `it matches ${found.map(({ agent }) => agent.id).join(' and ')}` : 'it matches no agent')
}

/** Exact, and never vacuous: a match that names neither subject nor claim would be everybody. */
function matches({ subject, claims }: IdentityMatch, actual: JsonObject): boolean {
  const named = Object.entries(claims)
  if (subject === null && named.length === 0) return false
  if (subject !== null && actual['sub'] !== subject) return false
  return named.every(([name, value]) => Object.hasOwn(actual, name) && actual[name] === value)
}

/**
 * Which running instance of the agent it is: its instance claims in RFC 8785 form, `""` where none are configured. Without
 * one of them instances could not be told apart and would share their history, so the error names it.
 */
export function instanceOf(agent: Agent, claims: JsonObject): Result<string, string> {
  if (agent.instanceClaims.length === 0) return ok('')
  const missing = agent.instanceClaims.find(
    (name) => !Object.hasOwn(claims, name) || claims[name] === null || claims[name] === '',
  )
  if (missing !== undefined) return err(`the instance claim ${missing} is missing`)
  const named = Object.fromEntries(agent.instanceClaims.map((name) => [name, claims[name]]))
  return ok(canonicalize(named) ?? '')
}
