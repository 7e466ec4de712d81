import { styleText } from 'node:util'

const LABEL_WIDTH = 10
let steps = 0

const print = (text: string): void => void process.stdout.write(`${text}\n`)
// `styleText` looks at the stream itself: no colour into a file, none with NO_COLOR.
const styled = (style: 'bold' | 'dim', text: string): string => styleText(style, text, { stream: process.stdout })

/** Opens the next numbered step. */
export function step(title: string): void {
  steps += 1
  print(`\n${styled('bold', `${steps}. ${title}`)}`)
}

/** Something that happened. */
export const say = (who: string, what: string): void => print(`   ${who.padEnd(LABEL_WIDTH)}${what}`)

/** Why it matters. */
export const because = (why: string): void => print(styled('dim', `   ${'Why'.padEnd(LABEL_WIDTH)}${why}`))

/** Text of its own, at the margin. */
export const tell = (text: string): void => print(text)

/** A token, long enough to recognise and too short to use. */
export const short = (token: string): string => `${token.slice(0, 6)}...${token.slice(-4)}`
