import { Option, type Command } from 'commander'

import type { Client } from '../client/create-client.ts'
import type { Credential, CredentialQuery } from '../client/resources.ts'
import { CommandEnded } from './command-ended.ts'
import { EXIT } from './command-failed.ts'
import { confirmStop } from './confirm-stop.ts'
import { doing } from './doing.ts'
import { findId } from './find-id.ts'
import { group } from './group.ts'
import { jsonLine } from './json-line.ts'
import { stateOf } from './lease-card.ts'
import { operatorClient } from './open-client.ts'
import { wholeNumber } from './parse-option.ts'
import { table } from './table.ts'
import type { Terminal } from './terminal.ts'
import { upTo } from './up-to.ts'
import { when } from './when.ts'

const STATES: readonly Credential['state'][] = ['minting', 'active', 'revoking', 'closed']

interface ListOptions {
  readonly state?: Credential['state']
  readonly stuck?: true
  readonly grant?: string
  readonly lease?: string
  readonly limit: number
  readonly all?: true
  readonly json?: boolean
}

interface AbandonOptions {
  readonly reason: string
  readonly yes?: boolean
  readonly json?: boolean
}

/** `mayfly credential`: what was handed out, and what waits to be taken back. */
export function credentialCommands(program: Command, terminal: Terminal): void {
  const credential = group(program, 'credential', 'see what was handed out, and take back what is stuck')
  const signal = terminal.interrupted

  credential
    .command('list')
    .description('list credentials, newest first; never a secret')
    .addOption(new Option('--state <state>', 'only in this state').choices(STATES))
    .option('--stuck', 'only those that cannot be taken back: somebody has to look')
    .option('--grant <name>', 'only of this grant')
    .option('--lease <id>', 'only of this lease: its id, or the beginning of it')
    .option('--limit <count>', 'at most so many', wholeNumber(1, 999_999_999), 50)
    .option('--all', 'without a limit')
    .option('--json', "the API's page: { items, next_cursor }")
    .action(doing(terminal, (options: ListOptions) => listCredentials(terminal, options)))

  credential
    .command('retry')
    .description('try to take one back now, instead of when it would be due')
    .argument('<id>', 'its id, or the beginning of it')
    .option('--json', "the API's credential")
    .action(
      doing(terminal, async (given: string, { json }: { readonly json?: true }) => {
        const client = await operatorClient(terminal)
        const tried = await client.credentials.retry(await credentialId(terminal, client, given), { signal })
        terminal.out(json ? jsonLine(tried) : `${tried.id}  ${stateOf(tried)}, is tried now\n`)
      }),
    )

  credential
    .command('abandon')
    .description('ask another admin to give up on one that cannot be taken back')
    .argument('<id>', 'its id, or the beginning of it')
    .requiredOption('--reason <text>', 'why, for the other admin and for the record')
    .option('--yes', 'do not ask')
    .option('--json', "the API's approval")
    .action(
      doing(terminal, async (given: string, options: AbandonOptions) => {
        const client = await operatorClient(terminal)
        await abandon(terminal, client, await credentialId(terminal, client, given), options)
      }),
    )
}

/** Those that wait to be taken back come first to mind, and are few: only they are looked through. */
const credentialId = (terminal: Terminal, client: Client, given: string): Promise<string> =>
  findId({
    kind: 'crd',
    given,
    all: () => client.credentials.follow({ state: 'revoking', limit: 200 }, { signal: terminal.interrupted }),
  })

async function abandon(
  terminal: Terminal,
  client: Client,
  id: string,
  { reason, yes = false, json }: AbandonOptions,
): Promise<void> {
  const says = `This asks to give up on credential ${id}: it may go on working, and nobody tries to end it any more.`
  await confirmStop(terminal, { says, question: 'Ask another admin to give up on it?', yes })
  const asked = await client.credentials.abandon(id, reason, { signal: terminal.interrupted })
  terminal.out(json ? jsonLine(asked) : `${asked.id}  ${asked.state}, lapses ${when(asked.expires_at)}\n`)
  terminal.err(`Another admin has to approve this, who runs: mayfly approval review ${asked.id}\n`)
  throw new CommandEnded(EXIT.pending)
}

async function listCredentials(
  terminal: Terminal,
  { json, limit, all, stuck, lease, ...rest }: ListOptions,
): Promise<void> {
  const client = await operatorClient(terminal)
  const signal = terminal.interrupted
  const leases = () => client.leases.follow({ limit: 200 }, { signal })
  const query: CredentialQuery = {
    ...rest,
    ...(stuck && { stuck: 'true' }),
    ...(lease !== undefined && { lease: await findId({ kind: 'lse', given: lease, all: leases }) }),
  }
  const page = await upTo(all ? Infinity : limit, (part) => client.credentials.list({ ...query, ...part }, { signal }))
  if (json) terminal.out(jsonLine(page))
  else if (page.items.length === 0) terminal.err(stuck ? 'Nothing is stuck.\n' : 'No credentials.\n')
  else terminal.out(table(terminal, HEADINGS, page.items.map(row)))
  if (page.next_cursor !== null) terminal.err('There are more: --all lists them.\n')
}

const HEADINGS = ['ID', 'STATE', 'GRANT', 'LEASE', 'ENDS', 'TRIED', 'NEXT', 'ERROR']

const row = (credential: Credential): readonly string[] => [
  credential.id,
  credential.stuck ? `${credential.state} (stuck)` : stateOf(credential),
  credential.grant,
  credential.lease,
  when(credential.hard_expires_at ?? credential.expires_at),
  String(credential.attempts),
  credential.next_attempt_at === null ? '' : when(credential.next_attempt_at),
  credential.last_error ?? '',
]
