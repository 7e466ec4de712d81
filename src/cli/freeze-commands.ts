import type { Command } from 'commander'

import type { Freeze } from '../client/resources.ts'
import { confirmStop } from './confirm-stop.ts'
import { counted } from './counted.ts'
import { doing } from './doing.ts'
import { describeScope, findFreeze, reachOf, scopeFrom, scopeOptions, type ScopeOptions } from './freeze-scope.ts'
import { jsonLine } from './json-line.ts'
import { operatorClient } from './open-client.ts'
import { wholeNumber } from './parse-option.ts'
import { table } from './table.ts'
import type { Terminal } from './terminal.ts'
import { upTo } from './up-to.ts'
import { when } from './when.ts'

interface FreezeOptions extends ScopeOptions {
  readonly reason: string
  readonly yes?: boolean
  readonly json?: boolean
}

interface ListOptions {
  readonly limit: number
  readonly json?: boolean
}

/** `mayfly freeze`, `mayfly unfreeze` and `mayfly freezes`: stops that destroy nothing and can be lifted. */
export function freezeCommands(program: Command, terminal: Terminal): void {
  const signal = terminal.interrupted

  scopeOptions(program.command('freeze').description('stop a scope for now: nothing is granted or allowed'))
    .requiredOption('--reason <text>', 'why, for the record')
    .option('--yes', 'do not ask')
    .option('--json', "the API's freeze")
    .action(
      doing(terminal, async ({ reason, yes = false, json, ...options }: FreezeOptions) => {
        const client = await operatorClient(terminal)
        const scope = await scopeFrom(terminal, client, options)
        const says = `This stops ${describeScope(scope)}: ${await reachOf(terminal, client, scope)}.`
        await confirmStop(terminal, { says, question: 'Stop it?', yes })
        const frozen = await client.stops.freeze(scope, reason, { signal })
        terminal.err(`${frozen.note}\n`)
        terminal.out(
          json ? jsonLine(frozen) : `${frozen.id}  ${describeScope(frozen.scope)}  frozen: ${hitsOf(frozen)}\n`,
        )
      }),
    )

  scopeOptions(program.command('unfreeze').description('lift a freeze'))
    .argument('[id]', 'its id, or the beginning of it; or name its scope')
    .requiredOption('--reason <text>', 'why, for the record')
    .option('--json', "the API's freeze")
    .action(
      doing(terminal, async (given: string | undefined, { reason, json, ...options }: FreezeOptions) => {
        const client = await operatorClient(terminal)
        const lifted = await client.stops.unfreeze(await findFreeze(terminal, client, given, options), reason, {
          signal,
        })
        terminal.out(json ? jsonLine(lifted) : `${lifted.id}  ${describeScope(lifted.scope)}  lifted\n`)
      }),
    )

  program
    .command('freezes')
    .description('list the freezes in force, newest first')
    .option('--limit <count>', 'at most so many', wholeNumber(1, 999_999_999), 50)
    .option('--json', "the API's page: { items, next_cursor }")
    .action(
      doing(terminal, async ({ limit, json }: ListOptions) => {
        const client = await operatorClient(terminal)
        const page = await upTo(limit, (part) => client.stops.freezes(part, { signal }))
        if (json) terminal.out(jsonLine(page))
        else if (page.items.length === 0) terminal.err('Nothing is frozen.\n')
        else terminal.out(table(terminal, HEADINGS, page.items.map(row)))
        if (page.next_cursor !== null) terminal.err('There are more: --limit shows them.\n')
      }),
    )
}

function hitsOf({ hits }: Freeze): string {
  return hits === null
    ? 'nobody has counted'
    : `${counted(hits.leases, 'lease')}, ${counted(hits.credentials, 'credential')}`
}

const HEADINGS = ['ID', 'SCOPE', 'BY', 'SINCE', 'REASON']

const row = (freeze: Freeze): readonly string[] => [
  freeze.id,
  describeScope(freeze.scope),
  freeze.by,
  when(freeze.at),
  freeze.reason,
]
