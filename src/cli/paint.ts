import { styleText } from 'node:util'

import type { Terminal } from './terminal.ts'

/** The text in that style where colour is welcome. Whether it is has been found out already. */
export const paint = ({ colour }: Terminal, style: Parameters<typeof styleText>[0], text: string): string =>
  colour ? styleText(style, text, { validateStream: false }) : text
