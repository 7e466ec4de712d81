import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'

import { CommandFailed, EXIT } from '../cli/command-failed.ts'
import type { Terminal } from '../cli/terminal.ts'
import { fileSources } from '../config/file-sources.ts'
import { describeFault, type Fault } from '../core/fault.ts'
import type { Result } from '../core/result.ts'
import { loadPolicy, type LoadedPolicy } from '../local/load-policy.ts'

/** The text of a file that the command line named, or what is wrong with the path. */
export function readNamed(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    throw new CommandFailed(EXIT.usage, {
      cause: `${path} cannot be read (${why}).`,
      mend: 'Write the path of a file that is there.',
    })
  }
}

/** The configuration of that file with its rules, or all faults on stderr and the command failed. */
export function readPolicy(terminal: Terminal, file: string): LoadedPolicy {
  const path = resolve(terminal.cwd, file)
  readNamed(path)
  return orFaults(terminal, loadPolicy(path, fileSources(terminal.env)))
}

/** The value, or every fault on stderr. */
export function orFaults<T>(terminal: Terminal, loaded: Result<T, readonly Fault[]>): T {
  if (loaded.ok) return loaded.value
  for (const fault of loaded.error) terminal.err(`${describeFault(fault)}\n`)
  const count = loaded.error.length === 1 ? 'There is a fault' : `There are ${loaded.error.length} faults`
  throw new CommandFailed(EXIT.error, { cause: `${count}.`, mend: 'Mend what is listed above, then run this again.' })
}
