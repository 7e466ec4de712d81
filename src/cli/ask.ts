import { confirm, isCancel, select, text } from '@clack/prompts'

import type { Terminal } from './terminal.ts'

/** Questions go to stderr, like everything that is not data. Only an interactive terminal may be asked. */
const place = (terminal: Terminal) => ({
  ...(terminal.questions ?? { output: process.stderr }),
  signal: terminal.interrupted,
})

/** Whether the user said yes. Enter alone is a no. */
export async function confirmed(terminal: Terminal, message: string): Promise<boolean> {
  const said = await confirm({ message, initialValue: false, ...place(terminal) })
  return !isCancel(said) && said
}

/** What the user chose, or null where it was left. */
export async function chosen<T extends string>(
  terminal: Terminal,
  message: string,
  options: readonly T[],
): Promise<T | null> {
  const said = await select<string>({ message, options: options.map((value) => ({ value })), ...place(terminal) })
  return options.find((option) => option === said) ?? null
}

/** A line that the user wrote, or null where it was left. Blank is not taken. */
export async function written(terminal: Terminal, message: string): Promise<string | null> {
  const validate = (line: string | undefined) => ((line ?? '').trim() === '' ? 'Write a reason.' : undefined)
  const said = await text({ message, validate, ...place(terminal) })
  return isCancel(said) ? null : said.trim()
}
