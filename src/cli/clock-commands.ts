import type { Command } from 'commander'

import { confirmStop } from './confirm-stop.ts'
import { doing } from './doing.ts'
import { group } from './group.ts'
import { jsonLine } from './json-line.ts'
import { operatorClient } from './open-client.ts'
import type { Terminal } from './terminal.ts'

interface AcceptOptions {
  readonly yes?: boolean
  readonly json?: boolean
}

/** `mayfly clock`: what to do when the broker does not believe its machine's clock. */
export function clockCommands(program: Command, terminal: Terminal): void {
  group(program, 'clock', "what to do when the broker does not believe its machine's clock")
    .command('accept')
    .description("say that the clock of the broker's machine is right, after it jumped")
    .option('--yes', 'do not ask')
    .option('--json', "the API's answer: { time }")
    .action(
      doing(terminal, async ({ yes = false, json }: AcceptOptions) => {
        const client = await operatorClient(terminal)
        const says =
          "The clock of the broker's machine is believed from now on. Whatever has ended by it is closed, and stays closed."
        await confirmStop(terminal, { says, question: 'Is that clock right?', yes })
        const accepted = await client.acceptClock({ signal: terminal.interrupted })
        terminal.out(json ? jsonLine(accepted) : `It is ${accepted.time}\n`)
      }),
    )
}
