import { readYaml } from '../config/read-yaml.ts'
import type { Verdict } from '../core/decision.ts'
import { describeFault } from '../core/fault.ts'
import { judgeLease, type RuleSet } from '../core/judge.ts'
import { caseFacts } from './case-facts.ts'
import { parseCase, type RuleCase } from './rule-case.ts'

export interface CaseResult {
  readonly file: string
  readonly name: string
  readonly passed: boolean
  /** What came out otherwise than expected, a line each. */
  readonly differences: readonly string[]
}

/** Runs one case file against a rule set. A file that is no case fails: a test that cannot be read must not look passed. */
export function testRules(rules: RuleSet, file: string, text: string): CaseResult {
  const document = readYaml(file, text)
  if (!document.ok) return failed(file, document.error.map(describeFault))
  const parsed = parseCase(document.value)
  if (!parsed.ok) return failed(file, parsed.error.map(describeFault))
  const { name, facts, expect } = parsed.value
  const differences = compare(expect, judgeLease(rules, caseFacts(facts)))
  return { file, name, passed: differences.length === 0, differences }
}

const failed = (file: string, differences: readonly string[]): CaseResult => ({
  file,
  name: file,
  passed: false,
  differences,
})

function compare(expected: RuleCase['expect'], verdict: Verdict): readonly string[] {
  const got = {
    effect: verdict.effect,
    tier: verdict.risk.tier,
    score: verdict.risk.score,
    rules: verdict.rules.map(({ id }) => id),
  }
  const checks = Object.entries(expected) as [keyof typeof got, unknown][]
  if (checks.length === 0) return ['The case expects nothing, so it tests nothing']
  return checks.flatMap(([name, want]) =>
    JSON.stringify(want) === JSON.stringify(got[name])
      ? []
      : [`${name}: expected ${JSON.stringify(want)}, got ${JSON.stringify(got[name])}`],
  )
}
