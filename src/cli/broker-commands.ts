import type { Command } from 'commander'

import type { Whoami } from '../client/resources.ts'
import { card, type CardEntry } from './card.ts'
import { CommandFailed, EXIT } from './command-failed.ts'
import { doing } from './doing.ts'
import { jsonLine } from './json-line.ts'
import { openClient, operatorClient } from './open-client.ts'
import { printable } from './printable.ts'
import type { Terminal } from './terminal.ts'

interface Asked {
  readonly json?: true
}

/** `mayfly whoami` and `mayfly health`: is the broker there, and who does it take you for. */
export function brokerCommands(program: Command, terminal: Terminal): void {
  const signal = terminal.interrupted

  program
    .command('whoami')
    .description('say who the broker takes you for')
    .option('--json', "the API's answer")
    .action(
      doing(terminal, async ({ json }: Asked) => {
        const client = await operatorClient(terminal)
        const caller = await client.whoami({ signal })
        terminal.out(json ? jsonLine(caller) : card(terminal, [['broker', [client.url]], ...entries(caller)]))
      }),
    )

  program
    .command('health')
    .description('say whether the broker can grant; ends with 75 if it cannot')
    .option('--json', "the API's answer: { ready, reasons }")
    .action(
      doing(terminal, async ({ json }: Asked) => {
        const { ready, reasons } = await openClient(terminal).health.ready({ signal })
        if (json) terminal.out(jsonLine({ ready, reasons }))
        else if (ready) terminal.out('ready\n')
        if (ready) return
        throw new CommandFailed(EXIT.later, {
          cause: ['The broker is not ready.', ...reasons.map((reason) => `  ${printable(reason)}`)].join('\n'),
          mend: 'Try again in a moment. If it stays so, the log of the broker says more.',
        })
      }),
    )
}

function entries(caller: Whoami): readonly CardEntry[] {
  const you = (kind: string): CardEntry => ['you are', [printable(`${kind} ${caller.id}`)]]
  switch (caller.type) {
    case 'agent':
      return [
        you('agent'),
        ['proven by', [printable(caller.issuer)]],
        ['subject', [printable(caller.subject)]],
        ['instance', caller.instance === '' ? [] : [printable(caller.instance)]],
      ]
    case 'lease':
      return [you('lease'), ['agent', [printable(caller.agent)]]]
    case 'operator':
      return [you('operator'), ['role', [caller.role]]]
    case 'pep':
      return [
        you('enforcement point'),
        ['audiences', caller.audiences.map(printable)],
        ['tools', caller.tools.map(printable)],
      ]
  }
}
