import type { AgentCaller, OperatorCaller, PepCaller } from '../broker/caller.ts'
import type { Clock, Identities, IdentityRefusal } from '../broker/ports.ts'
import type { Agent } from '../core/catalogue.ts'
import { parseCompactToken } from '../core/compact-token.ts'
import { err, ok, type Result } from '../core/result.ts'
import { timesFault } from './check-claims.ts'
import type { Fetch } from './fetch-json.ts'
import { findAgent, instanceOf } from './find-agent.ts'
import { createKeySource, type KeySource } from './key-source.ts'
import { knownTokens, type KnownToken } from './known-tokens.ts'
import { loadKeySet } from './load-key-set.ts'
import { createVerifiedTokens } from './verified-tokens.ts'
import { verifyIdentity, type VerifiedIdentity } from './verify-identity.ts'
import type { TrustedIssuer } from './trusted-issuer.ts'

/** Whom one configuration trusts. */
export interface TrustedParties {
  readonly issuers: readonly TrustedIssuer[]
  readonly agents: ReadonlyMap<string, Agent>
  readonly operators: readonly KnownToken<OperatorCaller>[]
  readonly peps: readonly KnownToken<PepCaller>[]
  /** `iss` of Mayfly's own tokens: they are credentials, and never an identity. */
  readonly ownIssuer: string
}

export interface IdentityParts {
  readonly clock: Clock
  readonly fetch: Fetch
  /** Of the configuration before: issuers whose keys come from the same place confirm those that they have. */
  readonly before?: TrustedIdentities
}

export interface TrustedIdentities extends Identities {
  /** By where the keys come from. */
  readonly keySources: ReadonlyMap<string, KeySource>
}

interface Trusted {
  readonly issuer: TrustedIssuer
  readonly keys: KeySource
}

interface Remembered {
  readonly caller: AgentCaller
  readonly trusted: Trusted
  readonly keys: string
}

/**
 * Who is asking, under one configuration. A reload makes a new one, so that nothing verified under the old trust is
 * remembered under the new.
 */
export function createIdentities(parties: TrustedParties, { clock, fetch, before }: IdentityParts): TrustedIdentities {
  const keySources = new Map<string, KeySource>()
  const trusted = parties.issuers.map((issuer): Trusted => {
    const origin = originOf(issuer)
    const keys =
      keySources.get(origin) ??
      before?.keySources.get(origin) ??
      createKeySource(() => loadKeySet(issuer, fetch), clock)
    keySources.set(origin, keys)
    // Whoever took a key out of a file, or knows of one to distrust, has reloaded for it to count now.
    keys.confirm()
    return { issuer, keys }
  })
  const byIssuer = Map.groupBy(trusted, ({ issuer }) => issuer.issuer)
  const remembered = createVerifiedTokens<Remembered>()

  async function workload(text: string): Promise<Result<AgentCaller, IdentityRefusal>> {
    const known = recall(text)
    if (known) return ok(known)
    const parsed = parseCompactToken(text)
    if (!parsed.ok) return err(notAccepted(`The token ${parsed.error}`))
    const { iss } = parsed.value.payload
    if (iss === parties.ownIssuer) return err(notAccepted("It is one of Mayfly's own tokens"))
    const candidates = typeof iss === 'string' ? (byIssuer.get(iss) ?? []) : []
    if (candidates.length === 0) return err(notAccepted('Its issuer is not trusted'))
    const proofs = candidates.map((each) => verifyIdentity({ text, token: parsed.value, now: clock(), ...each }))
    const verified = await Promise.all(proofs)
    const holding = verified.flatMap((each) => (each.ok ? [each.value] : []))
    if (holding.length === 0) return err(notAccepted(causesOf(candidates, verified)))
    return callerOf(text, holding)
  }

  function callerOf(text: string, holding: readonly VerifiedIdentity[]): Result<AgentCaller, IdentityRefusal> {
    const found = findAgent(parties.agents.values(), holding)
    if (!found.ok)
      return err(unknownAgent(`Issuer ${holding.map(({ issuer }) => issuer.name).join(', ')}: ${found.error}`))
    const { agent, identity } = found.value
    const instance = instanceOf(agent, identity.claims)
    if (!instance.ok) return err(notAccepted(`Agent ${agent.id}: ${instance.error}`))
    const { sub } = identity.claims
    const subject = typeof sub === 'string' ? sub : ''
    const caller: AgentCaller = {
      type: 'agent',
      agent: agent.id,
      issuer: identity.issuer.name,
      subject,
      instance: instance.value,
      claims: identity.claims,
    }
    const from = trusted.find(({ issuer }) => issuer === identity.issuer)
    if (from) remembered.set(text, { caller, trusted: from, keys: identity.keys })
    return ok(caller)
  }

  /** What was verified before, if its times still hold and its issuer still publishes the same keys. */
  function recall(text: string): AgentCaller | undefined {
    const entry = remembered.get(text)
    if (!entry) return undefined
    if (entry.trusted.keys.digest() === entry.keys && timesFault(entry.caller.claims, clock()) === undefined)
      return entry.caller
    remembered.delete(text)
    return undefined
  }

  return {
    keySources,
    workload,
    operator: knownTokens('o', parties.operators, clock),
    pep: knownTokens('p', parties.peps, clock),
  }
}

/** Where an issuer's keys come from. Two issuers that share it share one cache and one limit of fetches. */
function originOf(issuer: TrustedIssuer): string {
  switch (issuer.type) {
    case 'oidc':
      return JSON.stringify([issuer.type, issuer.issuer])
    case 'jwks':
      return JSON.stringify([issuer.type, issuer.keys])
  }
}

/** One text for every failed check: which one failed would tell an attacker what to try next. */
function notAccepted(cause: string): IdentityRefusal {
  return { reason: 'unauthenticated', detail: 'The identity token was not accepted.', cause }
}

function unknownAgent(cause: string): IdentityRefusal {
  const detail =
    'The identity was proven, but it is not that of exactly one configured agent. Ask an operator to configure it.'
  return { reason: 'unknown-agent', detail, cause }
}

function causesOf(candidates: readonly Trusted[], results: readonly Result<unknown, string>[]): string {
  return candidates.map(({ issuer }, at) => `Issuer ${issuer.name}: ${causeOf(results[at])}`).join('; ')
}

const causeOf = (result: Result<unknown, string> | undefined): string =>
  result && !result.ok ? result.error : 'nothing failed'
