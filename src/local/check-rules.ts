import { readYaml } from '../config/read-yaml.ts'
import type { Catalogue } from '../core/catalogue.ts'
import type { Fault } from '../core/fault.ts'
import { err, type Result } from '../core/result.ts'
import { compileRules, type CompiledRules } from '../rules/compile-rules.ts'

/** Nothing is configured: rules that select by label, class and posture load all the same. */
const NOTHING: Catalogue = { agents: new Map(), grants: new Map(), tools: new Map() }

/** Rule files on their own, without a configuration. Selectors and agent ids that name something need the configuration. */
export function checkRules(
  files: readonly string[],
  readFile: (path: string) => string,
): Result<CompiledRules, readonly Fault[]> {
  const read = files.map((file) => readYaml(file, readFile(file)))
  const faults = read.flatMap((document) => (document.ok ? [] : document.error))
  if (faults.length > 0) return err(faults)
  return compileRules(
    read.flatMap((document) => (document.ok ? [document.value] : [])),
    { catalogue: NOTHING, labels: [] },
  )
}
