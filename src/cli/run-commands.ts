import { randomBytes } from 'node:crypto'
import { basename } from 'node:path'
import { Option, type Command } from 'commander'

import type { LeaseRequest } from '../client/resources.ts'
import { CommandFailed, EXIT } from './command-failed.ts'
import { doing } from './doing.ts'
import { agentClient } from './open-client.ts'
import { collect, wholeNumber } from './parse-option.ts'
import { printable } from './printable.ts'
import { runUnderLease } from './run-under-lease.ts'
import type { Terminal } from './terminal.ts'

type Intent = LeaseRequest['intent']
type Access = NonNullable<LeaseRequest['access']>[number]

interface RunOptions {
  readonly intent?: string
  readonly task?: string
  readonly grant?: readonly string[]
  readonly ttl: number
  readonly purpose?: string
  readonly autonomy?: NonNullable<Intent['autonomy']>
  readonly origin?: NonNullable<Intent['origin']>
}

const HELP = `
The command finds what it may use in files that only its user can read, and that are gone when it ends:
  $MAYFLY_CREDENTIALS/GRANT.json   each credential, as the API gives it
  $MAYFLY_CREDENTIALS/GRANT.token  of a JWT, the token alone
  $MAYFLY_LEASE_FILE               the lease, without secrets
  $MAYFLY_TOKEN_FILE               the lease's token: \`mayfly whoami\` and \`mayfly lease show\` take it from there
A slash in the name of a grant is %2F there. The agent's identity is not passed on.

  mayfly run --grant refunds-api:refund:create -- ./refund.sh 1234
`

/** `mayfly run`: a command under a lease. */
export function runCommands(program: Command, terminal: Terminal): void {
  program
    .command('run')
    .description('run a command under a lease that ends with it, and end as it does')
    .argument('<command...>', 'after --: the command and its arguments')
    .option('--grant <name[:action,..]>', 'what it needs; may be given again', collect)
    .option('--intent <text>', 'what it is for; people who are asked read this')
    .option('--task <id>', 'the task it belongs to; a new one if left out')
    .option('--ttl <seconds>', 'how long what it gets is good, at most', wholeNumber(5, 86_400), 300)
    .option('--purpose <slug>', 'one that the agent is configured for')
    .addOption(
      new Option('--autonomy <level>', 'who watches it; nobody if left out').choices([
        'interactive',
        'supervised',
        'autonomous',
      ]),
    )
    .addOption(
      new Option('--origin <who>', 'who asked for it; an event if left out').choices([
        'user',
        'agent',
        'schedule',
        'event',
      ]),
    )
    .passThroughOptions()
    .addHelpText('after', HELP)
    .action(
      doing(terminal, async ([command = '', ...args]: readonly string[], options: RunOptions) => {
        const request = requestOf(command, options)
        await runUnderLease(terminal, { client: await agentClient(terminal), request, command, args })
      }),
    )
}

function requestOf(
  command: string,
  { grant = [], intent, task, ttl, purpose, autonomy, origin }: RunOptions,
): LeaseRequest {
  if (grant.length === 0) {
    throw new CommandFailed(EXIT.usage, {
      cause: 'A command without a grant needs no lease.',
      mend: 'Name what it needs: --grant NAME, or --grant NAME:action,action for less than all of it.',
    })
  }
  return {
    task: task ?? `run-${randomBytes(6).toString('hex')}`,
    intent: {
      // Not its arguments: they may hold a secret, and the goal is shown and kept.
      goal: intent ?? `Run ${basename(command)}`,
      ...(purpose !== undefined && { purpose }),
      ...(autonomy !== undefined && { autonomy }),
      ...(origin !== undefined && { origin }),
    },
    access: grant.map(toAccess),
    ttl,
  }
}

/** `NAME` or `NAME:action,action`. An action may hold colons, as in `s3:GetObject`. */
function toAccess(text: string): Access {
  const [, name = '', actions] = /^([^:]*)(?::(.*))?$/s.exec(text) ?? []
  if (actions === undefined) return { grant: name }
  const listed = actions.split(',').map((action) => action.trim())
  if (name === '' || listed.includes('')) {
    throw new CommandFailed(EXIT.usage, {
      cause: `--grant "${printable(text)}" leaves out a name.`,
      mend: 'Write it as NAME, or as NAME:action,action.',
    })
  }
  return { grant: name, actions: listed }
}
