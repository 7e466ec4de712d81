import { readYaml } from '../../../src/config/read-yaml.ts'
import type { ConfiguredNames } from '../../../src/core/configured-names.ts'
import type { Fault } from '../../../src/core/fault.ts'
import type { RuleSet } from '../../../src/core/judge.ts'
import type { Result } from '../../../src/core/result.ts'
import { compileRules, type CompiledRules } from '../../../src/rules/compile-rules.ts'

/** What rules may name in these tests. */
export const NAMES: ConfiguredNames = {
  issuers: ['ci'],
  agents: ['support-bot', 'other-bot'],
  owners: ['dana@example.com'],
  purposes: ['customer-support'],
  providers: ['tokens'],
  grants: ['refunds-api', 'orders.read', 'orders.write'],
  tools: ['orders.get', 'email.send', 'email.send.bulk', 'emailx'],
  labels: ['regulated'],
  carried: ['private_data', 'external_send'],
  groups: ['security'],
}

export const TIERS = 'tiers: { low: { below: 30, effect: allow, max_ttl: 900 }, critical: { effect: deny } }'

/** Rule files `rules-1.yaml`, `rules-2.yaml` and so on, compiled together. */
export function compile(
  texts: string | readonly string[],
  names: ConfiguredNames = NAMES,
): Result<CompiledRules, readonly Fault[]> {
  const documents = [texts].flat().map((text, at) => {
    const document = readYaml(`rules-${at + 1}.yaml`, text)
    if (!document.ok) throw new Error(document.error.map(({ message }) => message).join('\n'))
    return document.value
  })
  return compileRules(documents, { names, allRules: true })
}

/** A file of these rules, with tiers. Each is written as a rule without what does not matter to it. */
export const fileOf = (...rules: readonly object[]): string =>
  JSON.stringify({
    version: 1,
    rules: rules.map((rule, at) => ({ id: `r${at}`, on: 'lease', reason: 'Because', ...effect(rule), ...rule })),
    tiers: { low: { below: 30, effect: 'allow', max_ttl: 900 }, critical: { effect: 'deny' } },
  })

const effect = (rule: object): object => ('effect' in rule || 'risk' in rule ? {} : { effect: 'ask' })

/** The rule set of a file that has no fault. */
export function setOf(texts: string | readonly string[], names?: ConfiguredNames): RuleSet {
  return good(compile(texts, names)).rules
}

export function good(compiled: Result<CompiledRules, readonly Fault[]>): CompiledRules {
  if (compiled.ok) return compiled.value
  throw new Error(compiled.error.map(({ message, mend }) => `${message}. ${mend}`).join('\n'))
}

/** `file:line:column message. mend` of every fault. */
export function faultsOf(texts: string | readonly string[], names?: ConfiguredNames): readonly string[] {
  const compiled = compile(texts, names)
  return compiled.ok
    ? []
    : compiled.error.map((each) => `${each.file}:${each.line}:${each.column} ${each.message}. ${each.mend}`)
}

/** What is said of one condition, without its place. */
export function saidOf(rule: string | object, names?: ConfiguredNames): readonly string[] {
  const compiled = compile(fileOf(typeof rule === 'string' ? { when: rule } : rule), names)
  return compiled.ok ? [] : compiled.error.map(({ message }) => message.replace(/^Rule r\d+: /, ''))
}
