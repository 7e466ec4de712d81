import { fileURLToPath } from 'node:url'

import type { Terminal } from '../cli/terminal.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url)).replace(/\/$/, '')
const FROM_SOURCE = import.meta.url.endsWith('.ts')

/** How this user calls `mayfly` from where they stand, ready to paste into a shell. */
export function mayflyCommand({ cwd, env }: Pick<Terminal, 'cwd' | 'env'>): string {
  // npx says so; it finds the package in the project's own node_modules.
  if (!FROM_SOURCE) return env['npm_command'] === 'exec' ? 'npx mayfly' : 'mayfly'
  return cwd === ROOT ? 'npm run -s mayfly --' : `npm run -s --prefix ${shellWord(ROOT)} mayfly --`
}

/** One word to a POSIX shell, whatever it holds. */
export const shellWord = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
