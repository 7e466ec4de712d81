import { confirmed } from './ask.ts'
import { CommandEnded } from './command-ended.ts'
import { EXIT } from './command-failed.ts'
import type { Terminal } from './terminal.ts'

/** Says on stderr what would be done, and asks where somebody can answer. Anything but a yes ends the command. */
export async function confirmStop(
  terminal: Terminal,
  { says, question, yes }: { readonly says: string; readonly question: string; readonly yes: boolean },
): Promise<void> {
  terminal.err(`${says}\n`)
  if (!terminal.interactive || yes || (await confirmed(terminal, question))) return
  terminal.err('Nothing was done.\n')
  throw new CommandEnded(EXIT.error)
}
