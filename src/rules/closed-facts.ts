import { AUTONOMY, ORIGINS, TRUST } from '../core/catalogue.ts'
import type { ConfiguredNames } from '../core/configured-names.ts'

/** The values that facts can have, by name, where they are few and known at load. */
export type ClosedFacts = ReadonlyMap<string, readonly (string | bigint)[]>

export function closedFacts(names: ConfiguredNames): ClosedFacts {
  const purposes = names.purposes && ['', ...names.purposes]
  const facts: readonly (readonly [string, readonly (string | bigint)[] | null])[] = [
    ['intent.autonomy', AUTONOMY],
    ['declared.autonomy', ['', ...AUTONOMY]],
    ['intent.origin', ORIGINS],
    ['declared.origin', ['', ...ORIGINS]],
    ['intent.purpose', purposes],
    ['declared.purpose', purposes],
    ['agent.trust', TRUST],
    ['agent.id', names.agents],
    ['agent.owner', names.owners],
    ['agent.issuer', names.issuers],
    ['now.hour', upTo(0, 23)],
    ['now.weekday', upTo(1, 7)],
    ['access[].grant', names.grants],
    ['access[].provider', names.providers],
    ['tools[].tool', names.tools],
  ]
  return new Map(facts.flatMap(([name, values]) => (values ? [[name, [...new Set(values)]]] : [])))
}

const upTo = (from: number, to: number): readonly bigint[] =>
  Array.from({ length: to - from + 1 }, (_, at) => BigInt(from + at))
