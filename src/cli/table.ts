import Table from 'cli-table3'

import { paint } from './paint.ts'
import { printable } from './printable.ts'
import type { Terminal } from './terminal.ts'

const NO_LINES = {
  ...{ top: '', 'top-mid': '', 'top-left': '', 'top-right': '' },
  ...{ bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '' },
  ...{ left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: '  ' },
}

/** Rows under their headings, in columns that two blanks keep apart: easy to read, and to cut. */
export function table(terminal: Terminal, headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const shown = new Table({
    chars: NO_LINES,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    head: headings.map((heading) => paint(terminal, 'bold', heading)),
  })
  for (const row of rows) shown.push(row.map(printable))
  return `${shown.toString().replace(/ +$/gm, '')}\n`
}
