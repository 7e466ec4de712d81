import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'

import { CommandFailed, EXIT } from './command-failed.ts'
import { printable } from './printable.ts'
import type { Terminal } from './terminal.ts'

/** The JSON of a file, or of standard input where it is `-`. What it must hold the broker checks, member by member. */
export async function readJson(terminal: Terminal, file: string, mend: string): Promise<unknown> {
  const text = file === '-' ? await terminal.readStdin() : await read(resolve(terminal.cwd, file))
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    const why = error instanceof Error ? error.message : 'unknown'
    const cause = printable(`${file === '-' ? 'Standard input' : file} is not JSON: ${why}.`)
    throw new CommandFailed(EXIT.usage, { cause, mend })
  }
}

function read(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: unknown) => {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    throw new CommandFailed(EXIT.usage, {
      cause: `${printable(path)} cannot be read (${code}).`,
      mend: 'Write the path of a file that is there, or - for standard input.',
    })
  })
}
