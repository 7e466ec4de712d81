import type { AgentCaller } from '../../../src/broker/caller.ts'
import type { IdentityRefusal } from '../../../src/broker/ports.ts'
import type { Agent } from '../../../src/core/catalogue.ts'
import type { Result } from '../../../src/core/result.ts'
import {
  createIdentities,
  type TrustedIdentities,
  type TrustedParties,
} from '../../../src/identity/create-identities.ts'
import type { Fetch } from '../../../src/identity/fetch-json.ts'
import type { JwksIssuer, OidcIssuer } from '../../../src/identity/trusted-issuer.ts'

/** A clock that stands still until it is told to move. */
export const testClock = (now = Date.parse('2027-03-01T12:00:00Z')) => ({ now })
export type TestClock = ReturnType<typeof testClock>

export const OWN_ISSUER = 'https://mayfly.test'

export const agent = (id: string, over: Partial<Agent> = {}): Agent => ({
  id,
  owner: 'dana@example.com',
  trust: 'low',
  autonomy: null,
  purposes: [],
  dataClasses: [],
  identities: [{ issuer: 'ci', subject: id, claims: {} }],
  instanceClaims: [],
  heartbeatSeconds: null,
  grants: [],
  tools: [],
  ...over,
})

const TRUST = { name: 'ci', audience: 'mayfly', algorithms: ['EdDSA'], require: {} } as const

export const jwks = (keys: JwksIssuer['keys'], over: Partial<JwksIssuer> = {}): JwksIssuer => ({
  ...TRUST,
  type: 'jwks',
  issuer: 'https://issuer.test',
  keys,
  ...over,
})

export const oidc = (issuer: string, over: Partial<OidcIssuer> = {}): OidcIssuer => ({
  ...TRUST,
  type: 'oidc',
  issuer,
  ...over,
})

export function trust(
  parties: Partial<Omit<TrustedParties, 'agents'>> & { agents?: readonly Agent[] },
  { clock, before, fetch = globalThis.fetch }: { clock: TestClock; before?: TrustedIdentities; fetch?: Fetch },
): TrustedIdentities {
  const { agents = [agent('bot')], ...rest } = parties
  const all = {
    issuers: [],
    operators: [],
    peps: [],
    ownIssuer: OWN_ISSUER,
    ...rest,
    agents: new Map(agents.map((each) => [each.id, each])),
  }
  return createIdentities(all, { clock: () => clock.now, fetch, ...(before && { before }) })
}

/** Claims of a good identity token of now. */
export const claimsOf = (issuer: string, clock: TestClock, over: object = {}) => ({
  iss: issuer,
  sub: 'bot',
  aud: 'mayfly',
  iat: clock.now / 1000,
  exp: clock.now / 1000 + 300,
  ...over,
})

/** The cause of a refusal, or what was wrongly accepted. */
export const causeOf = (result: Result<AgentCaller, IdentityRefusal>): string =>
  result.ok ? `accepted as ${result.value.agent}` : result.error.cause
