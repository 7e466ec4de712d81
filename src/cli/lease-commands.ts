import { Option, type Command } from 'commander'

import type { Client } from '../client/create-client.ts'
import type { LeaseQuery, LeaseRow, LeaseState } from '../client/resources.ts'
import { doing } from './doing.ts'
import { findId } from './find-id.ts'
import { group } from './group.ts'
import { jsonLine } from './json-line.ts'
import { leaseCard, stateOf } from './lease-card.ts'
import { agentClient, operatorClient } from './open-client.ts'
import { moment, wholeNumber } from './parse-option.ts'
import { requestLease, type RequestCommandOptions } from './request-lease.ts'
import { revokeLease } from './revoke-lease.ts'
import { table } from './table.ts'
import type { Terminal } from './terminal.ts'
import { upTo } from './up-to.ts'
import { watchLeases } from './watch-leases.ts'
import { when } from './when.ts'

const STATES: readonly LeaseState[] = ['pending', 'active', 'closing', 'closed']

/** `mayfly lease`: ask for leases, see them, end them. */
export function leaseCommands(program: Command, terminal: Terminal): void {
  const lease = group(program, 'lease', 'ask for leases, see them, end them')
  const signal = terminal.interrupted

  lease
    .command('request')
    .description("ask for a lease, with the agent's identity")
    .argument('<file>', 'the request as JSON (the body of POST /v1/leases), or - for standard input')
    .option('--wait', 'if a person has to approve it, wait for the answer and fetch the credentials')
    .option('--idempotency-key <key>', 'makes it safe to send again: the same key gives the same lease')
    .option('--json', "the API's lease, secrets included")
    .action(doing(terminal, (file: string, options: RequestCommandOptions) => requestLease(terminal, file, options)))

  lease
    .command('list')
    .description('list leases, newest first')
    .addOption(new Option('--state <state>', 'only in this state').choices(STATES))
    .option('--agent <id>', 'only of this agent')
    .option('--owner <id>', 'only of this owner')
    .option('--task <id>', 'only of this task')
    .option('--grant <name>', 'only with this grant')
    .option('--tier <name>', 'only of this risk tier')
    .option('--since <time>', 'not before this time, or this long ago: 30m, 2h, 7d', moment)
    .option('--until <time>', 'before this time', moment)
    .option('--limit <count>', 'at most so many', wholeNumber(1, 999_999_999), 50)
    .option('--all', 'without a limit')
    .option('--json', "the API's page: { items, next_cursor }")
    .action(doing(terminal, (options: ListOptions) => listLeases(terminal, options)))

  lease
    .command('show')
    .description('show one lease')
    .argument('<id>', 'its id, or the beginning of it')
    .option('--json', "the API's lease")
    .action(
      doing(terminal, async (given: string, { json }: Shown) => {
        const client = await operatorClient(terminal)
        const id = await leaseId(client, given)
        const shown = await client.leases.get(id, { signal })
        terminal.out(json ? jsonLine(shown) : leaseCard(terminal, shown))
      }),
    )

  lease
    .command('watch')
    .description('show the open leases, and every change to them, until interrupted')
    .option('--every <seconds>', 'how often to look', wholeNumber(1, 3600), 1)
    .option('--json', "a line a change: the API's lease")
    .action(
      doing(terminal, async ({ every, json = false }: Shown & { readonly every: number }) => {
        await watchLeases(terminal, { client: await operatorClient(terminal), everySeconds: every, json })
      }),
    )

  lease
    .command('complete')
    .description('say that its task is over: everything is taken back')
    .argument('<id>', 'its id')
    .addOption(
      new Option('--outcome <outcome>', 'how the task went').choices(['success', 'failure']).default('success'),
    )
    .option('--summary <text>', 'for the record')
    .option('--json', "the API's lease")
    .action(
      doing(terminal, async (given: string, { outcome, summary, json }: CompleteOptions) => {
        const client = await agentClient(terminal)
        const id = await leaseId(client, given)
        const completion = { outcome, ...(summary !== undefined && { summary }) }
        const done = await client.leases.complete(id, completion, { signal, waitSeconds: 5 })
        terminal.out(json ? jsonLine(done) : `${done.id}  ${stateOf(done)}\n`)
      }),
    )

  lease
    .command('revoke')
    .description('take a lease back')
    .argument('<id>', 'its id, or the beginning of it')
    .requiredOption('--reason <text>', 'why, for the record and for the agent')
    .option('--yes', 'do not ask')
    .option('--json', "the API's lease")
    .action(
      doing(terminal, async (given: string, { reason, yes = false, json = false }: RevokeOptions) => {
        const client = await operatorClient(terminal)
        const id = await leaseId(client, given)
        await revokeLease(terminal, { client, id, reason, yes, json })
      }),
    )
}

const leaseId = (client: Client, given: string): Promise<string> =>
  findId({ kind: 'lse', given, all: () => client.leases.follow({ limit: 200 }) })

interface Shown {
  readonly json?: boolean
}

interface ListOptions extends Shown, Omit<LeaseQuery, 'cursor' | 'limit'> {
  readonly limit: number
  readonly all?: true
}

interface CompleteOptions extends Shown {
  readonly outcome: 'success' | 'failure'
  readonly summary?: string
}

interface RevokeOptions extends Shown {
  readonly reason: string
  readonly yes?: boolean
}

async function listLeases(terminal: Terminal, { json, limit, all, ...query }: ListOptions): Promise<void> {
  const client = await operatorClient(terminal)
  const signal = terminal.interrupted
  const page = await upTo(all ? Infinity : limit, (of) => client.leases.list({ ...query, ...of }, { signal }))
  if (json) terminal.out(jsonLine(page))
  else if (page.items.length === 0) terminal.err('No leases.\n')
  else terminal.out(table(terminal, HEADINGS, page.items.map(row)))
  if (page.next_cursor !== null) terminal.err('There are more: --all lists them.\n')
}

const HEADINGS = ['ID', 'STATE', 'AGENT', 'TASK', 'GRANTS', 'TIER', 'ENDS']

const row = (lease: LeaseRow): readonly string[] => [
  lease.id,
  stateOf(lease),
  lease.agent,
  lease.task,
  lease.access.map(({ grant }) => grant).join(','),
  lease.decision.risk.tier,
  when(lease.closed_at ?? lease.expires_at),
]
