import type { Command } from 'commander'

import type { Agent } from '../client/resources.ts'
import { card } from './card.ts'
import { doing } from './doing.ts'
import { group } from './group.ts'
import { jsonLine } from './json-line.ts'
import { operatorClient } from './open-client.ts'
import { wholeNumber } from './parse-option.ts'
import { printable } from './printable.ts'
import { table } from './table.ts'
import type { Terminal } from './terminal.ts'
import { upTo } from './up-to.ts'

/** `mayfly agent`: who may ask, and for what. The configuration says so; nothing here changes it. */
export function agentCommands(program: Command, terminal: Terminal): void {
  const agent = group(program, 'agent', 'see the configured agents, stop them, and let them go on')
  const signal = terminal.interrupted

  agent
    .command('list')
    .description('list the configured agents, by id')
    .option('--limit <count>', 'at most so many', wholeNumber(1, 999_999_999), 50)
    .option('--all', 'without a limit')
    .option('--json', "the API's page: { items, next_cursor }")
    .action(
      doing(terminal, async ({ limit, all, json }: ListOptions) => {
        const client = await operatorClient(terminal)
        const page = await upTo(all ? Infinity : limit, (part) => client.agents.list(part, { signal }))
        if (json) terminal.out(jsonLine(page))
        else if (page.items.length === 0) terminal.err('No agents.\n')
        else terminal.out(table(terminal, HEADINGS, page.items.map(row)))
        if (page.next_cursor !== null) terminal.err('There are more: --all lists them.\n')
      }),
    )

  agent
    .command('show')
    .description('show one agent and what it may ask for')
    .argument('<id>', 'its id')
    .option('--json', "the API's agent")
    .action(
      doing(terminal, async (id: string, { json }: Asked) => {
        const shown = await (await operatorClient(terminal)).agents.get(id, { signal })
        terminal.out(json ? jsonLine(shown) : agentCard(terminal, shown))
      }),
    )
}

interface Asked {
  readonly json?: true
}

interface ListOptions extends Asked {
  readonly limit: number
  readonly all?: true
}

const HEADINGS = ['ID', 'OWNER', 'TRUST', 'GRANTS', 'TOOLS', 'OPEN LEASES']

const row = ({ id, owner, trust, grants, tools, open_leases }: Agent): readonly string[] => [
  id,
  owner,
  trust,
  String(grants.length),
  String(tools.length),
  String(open_leases),
]

function agentCard(terminal: Terminal, agent: Agent): string {
  return card(terminal, [
    ['agent', [printable(agent.id)]],
    ['owner', [printable(agent.owner)]],
    ['trust', [printable(agent.trust)]],
    ['autonomy', agent.autonomy === null ? [] : [printable(`${agent.autonomy} at least`)]],
    ['purposes', agent.purposes.map(printable)],
    ['data', agent.data_classes.map(printable)],
    ['grants', agent.grants.map(printable)],
    ['tools', agent.tools.map(printable)],
    ['heartbeat', agent.heartbeat === null ? [] : [`every ${agent.heartbeat} s`]],
    ['open leases', [String(agent.open_leases)]],
  ])
}
