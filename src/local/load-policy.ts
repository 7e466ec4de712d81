import type { Configuration } from '../config/configuration.ts'
import { loadConfiguration, type ConfigurationSources } from '../config/load-configuration.ts'
import type { Fault } from '../core/fault.ts'
import type { RuleSet } from '../core/judge.ts'
import { ok, type Result } from '../core/result.ts'
import { compileRules } from '../rules/compile-rules.ts'

/** A configuration and its rules, both whole. */
export interface LoadedPolicy {
  readonly configuration: Configuration
  readonly rules: RuleSet
  readonly warnings: readonly Fault[]
}

/** Loads everything that an operator wrote, or says all that is wrong with it. */
export function loadPolicy(file: string, sources: ConfigurationSources): Result<LoadedPolicy, readonly Fault[]> {
  const loaded = loadConfiguration(file, sources)
  if (!loaded.ok) return loaded
  const configuration = loaded.value
  const { catalogue, labels } = configuration
  const compiled = compileRules(configuration.rules, { catalogue, labels })
  if (!compiled.ok) return compiled
  return ok({
    configuration,
    rules: compiled.value.rules,
    warnings: [...configuration.warnings, ...compiled.value.warnings],
  })
}
