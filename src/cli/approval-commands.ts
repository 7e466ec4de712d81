import { Option, type Command } from 'commander'

import type { Approval } from '../client/resources.ts'
import { approve, deny, type ApproveOptions, type DenyOptions } from './answer-approval.ts'
import { needs, wants } from './approval-card.ts'
import { doing } from './doing.ts'
import { cardOf, findApproval, pendingApprovals } from './find-approval.ts'
import { group } from './group.ts'
import { jsonLine } from './json-line.ts'
import { operatorClient } from './open-client.ts'
import { wholeNumber } from './parse-option.ts'
import { reviewApprovals } from './review-approvals.ts'
import { table } from './table.ts'
import type { Terminal } from './terminal.ts'
import { upTo } from './up-to.ts'
import { when } from './when.ts'

const STATES = ['pending', 'approved', 'denied', 'expired', 'cancelled', 'used', 'all'] as const

/** `mayfly approval`: what agents ask people for, and the answers. */
export function approvalCommands(program: Command, terminal: Terminal): void {
  const approval = group(program, 'approval', 'see what agents ask people for, and answer')

  approval
    .command('list')
    .description('list approvals, newest first')
    .addOption(new Option('--state <state>', 'only in this state').choices(STATES).default('pending'))
    .option('--agent <id>', 'only of this agent')
    .option('--task <id>', 'only of this task')
    .option('--limit <count>', 'at most so many', wholeNumber(1, 999_999_999), 50)
    .option('--all', 'without a limit')
    .option('--json', "the API's page: { items, next_cursor }")
    .action(doing(terminal, (options: ListOptions) => listApprovals(terminal, options)))

  approval
    .command('show')
    .description('show what one approval is about')
    .argument('<id>', 'its id, or the beginning of it')
    .option('--json', "the API's approval")
    .action(
      doing(terminal, async (given: string, { json }: Asked) => {
        const shown = await findApproval(terminal, given)
        terminal.out(json ? jsonLine(shown.approval) : await cardOf(terminal, shown))
      }),
    )

  approval
    .command('review')
    .description('read what waits for an answer; on a terminal, answer it, one after the other')
    .argument('[id]', 'only this one: its id, or the beginning of it')
    .option('--json', "a line an approval: the API's; nothing is asked")
    .action(
      doing(terminal, async (given: string | undefined, { json = false }: Asked) => {
        const all = given === undefined ? await pendingApprovals(terminal) : [await findApproval(terminal, given)]
        await reviewApprovals(terminal, all, { json })
      }),
    )

  approval
    .command('approve')
    .description('say yes to exactly what is shown, or to less')
    .argument('<id>', 'its id, or the beginning of it')
    .option('--reason <text>', 'for the record')
    .option('--ttl <seconds>', 'for less time than was asked', wholeNumber(5, 86_400))
    .option('--narrow <file>', 'to less than was asked: JSON { access, tools }, or - for standard input')
    .option('--digest <digest>', 'refuse if anything but this is asked by now')
    .option('--yes', 'do not ask')
    .option('--json', "the API's approval")
    .action(doing(terminal, (given: string, options: ApproveOptions) => approve(terminal, given, options)))

  approval
    .command('deny')
    .description('say no: the lease is closed')
    .argument('<id>', 'its id, or the beginning of it')
    .requiredOption('--reason <text>', 'why; the agent reads it')
    .option('--digest <digest>', 'refuse if anything but this is asked by now')
    .option('--yes', 'do not ask')
    .option('--json', "the API's approval")
    .action(doing(terminal, (given: string, options: DenyOptions) => deny(terminal, given, options)))
}

interface Asked {
  readonly json?: boolean
}

interface ListOptions extends Asked {
  readonly state: (typeof STATES)[number]
  readonly agent?: string
  readonly task?: string
  readonly limit: number
  readonly all?: true
}

async function listApprovals(terminal: Terminal, { json, limit, all, state, ...of }: ListOptions): Promise<void> {
  const client = await operatorClient(terminal)
  const query = { ...of, ...(state !== 'all' && { state }) }
  const signal = terminal.interrupted
  const page = await upTo(all ? Infinity : limit, (part) => client.approvals.list({ ...query, ...part }, { signal }))
  if (json) terminal.out(jsonLine(page))
  else if (page.items.length === 0)
    terminal.err(state === 'pending' ? 'Nothing waits for an answer.\n' : 'No approvals.\n')
  else terminal.out(table(terminal, HEADINGS, page.items.map(row)))
  if (page.next_cursor !== null) terminal.err('There are more: --all lists them.\n')
}

const HEADINGS = ['ID', 'STATE', 'AGENT', 'TASK', 'WANTS', 'NEEDS', 'LAPSES']

const row = (approval: Approval): readonly string[] => [
  approval.id,
  approval.state,
  approval.agent,
  approval.task,
  wants(approval),
  needs(approval),
  when(approval.expires_at),
]
