import type { Configuration } from '../config/configuration.ts'
import type { ConfigurationSources } from '../config/configuration-sources.ts'
import { loadConfiguration } from '../config/load-configuration.ts'
import type { Fault } from '../core/fault.ts'
import type { RuleSet } from '../core/judge.ts'
import { err, ok, type Result } from '../core/result.ts'
import { compileRules } from '../rules/compile-rules.ts'

/** A configuration and its rules, both whole. */
export interface LoadedPolicy {
  readonly configuration: Configuration
  readonly rules: RuleSet
  readonly warnings: readonly Fault[]
}

/** Loads everything that an operator wrote, or says all that is wrong with it, rules included. */
export function loadPolicy(file: string, sources: ConfigurationSources): Result<LoadedPolicy, readonly Fault[]> {
  const { configuration, faults, rules, allRules, names } = loadConfiguration(file, sources)
  const compiled = compileRules(rules, { names, allRules })
  if (!configuration || !compiled.ok) return err([...faults, ...(compiled.ok ? [] : compiled.error)])
  return ok({
    configuration,
    rules: compiled.value.rules,
    warnings: [...configuration.warnings, ...compiled.value.warnings],
  })
}
