import { readYaml } from '../config/read-yaml.ts'
import { NO_CONFIGURATION } from '../core/configured-names.ts'
import type { Fault } from '../core/fault.ts'
import { err, type Result } from '../core/result.ts'
import { compileRules, type CompiledRules } from '../rules/compile-rules.ts'

/** Rule files on their own, without a configuration: what they say of its names is a warning that it was not checked. */
export function checkRules(
  files: readonly string[],
  readFile: (path: string) => string,
): Result<CompiledRules, readonly Fault[]> {
  const read = files.map((file) => readYaml(file, readFile(file)))
  const unreadable = read.flatMap((document) => (document.ok ? [] : document.error))
  const compiled = compileRules(
    read.flatMap((document) => (document.ok ? [document.value] : [])),
    { names: NO_CONFIGURATION, allRules: unreadable.length === 0 },
  )
  return unreadable.length === 0 ? compiled : err([...unreadable, ...(compiled.ok ? [] : compiled.error)])
}
