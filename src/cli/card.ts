import { paint } from './paint.ts'
import type { Terminal } from './terminal.ts'

/** A label, and the lines that belong to it. Without lines it is left out. */
export type CardEntry = readonly [label: string, lines: readonly string[]]

/** Labels on the left, what they say on the right. Who fills it in has made foreign text printable. */
export function card(terminal: Terminal, entries: readonly CardEntry[]): string {
  const filled = entries.filter(([, lines]) => lines.length > 0)
  const width = Math.max(...filled.map(([label]) => label.length)) + 2
  const shown = filled.flatMap(([label, lines]) =>
    lines.map((line, at) => paint(terminal, 'dim', (at === 0 ? label : '').padEnd(width)) + line),
  )
  return `${shown.join('\n')}\n`
}
