import { open } from 'node:fs/promises'
import { resolve } from 'node:path'

import { CommandFailed, EXIT } from './command-failed.ts'
import { printable } from './printable.ts'
import type { Terminal } from './terminal.ts'

/** Group and others. */
const OTHERS = 0o077

/** Where a token stands: a variable that holds it, or one that names a file with it. */
export interface TokenPlace {
  readonly value: string
  readonly file: string
  /** A file that others may read is refused. Platforms mount identity tokens with wider modes, and renew them often. */
  readonly private: 'always' | 'as the platform mounts it'
}

/** The token of that place, or undefined if neither variable is set. */
export async function readToken(terminal: Terminal, place: TokenPlace): Promise<string | undefined> {
  const value = terminal.env[place.value] ?? ''
  if (value !== '') return checked(value.trim(), place.value)
  const file = terminal.env[place.file] ?? ''
  if (file === '') return undefined
  return checked((await read(resolve(terminal.cwd, file), place)).trim(), place.file)
}

async function read(path: string, place: TokenPlace): Promise<string> {
  const shown = `${place.file} (${printable(path)})`
  try {
    await using handle = await open(path, 'r')
    const { mode } = await handle.stat()
    if (place.private === 'always' && (mode & OTHERS) !== 0) {
      throw new CommandFailed(EXIT.unauthenticated, {
        cause: `${shown} can be read by others than its owner (mode ${(mode & 0o777).toString(8).padStart(4, '0')}).`,
        mend: `Run: chmod 600 '${printable(path)}'`,
      })
    }
    return await handle.readFile('utf8')
  } catch (error) {
    if (error instanceof CommandFailed) throw error
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    throw new CommandFailed(EXIT.unauthenticated, {
      cause: `${shown} cannot be read (${code}).`,
      mend: 'Name a file that is there and that you may read.',
    })
  }
}

/** Said here without the text: whatever it is, it may be part of a secret. */
function checked(token: string, variable: string): string {
  if (/^[!-~]+$/.test(token)) return token
  throw new CommandFailed(EXIT.unauthenticated, {
    cause: `${variable} holds no token: it is empty, or has blanks or other signs in it.`,
    mend: 'Put the whole token there, and nothing else.',
  })
}
