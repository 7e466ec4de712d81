import type { Command } from 'commander'

import type { Client } from '../client/create-client.ts'
import type { Scope } from '../client/resources.ts'
import { CommandFailed, EXIT } from './command-failed.ts'
import { findId } from './find-id.ts'
import { printable } from './printable.ts'
import { reach } from './reach.ts'
import type { Terminal } from './terminal.ts'

export interface ScopeOptions {
  readonly all?: true
  readonly agent?: string
  readonly owner?: string
  readonly task?: string
  readonly lease?: string
  readonly provider?: string
  readonly grant?: string
}

type Named = Readonly<Record<string, string | true | undefined>>

/** The scopes that a freeze can have, as options of which one is given. */
export const scopeOptions = (command: Command): Command =>
  command
    .option('--all', 'everything')
    .option('--agent <id>', 'one agent; with --task, whose task')
    .option('--owner <name>', 'every agent of one owner')
    .option('--task <name>', 'one task')
    .option('--lease <id>', 'one lease: its id, or the beginning of it')
    .option('--provider <name>', 'every credential of one provider')
    .option('--grant <name>', 'every credential of one grant')

/** The one scope that the options name. */
export async function scopeFrom(terminal: Terminal, client: Client, options: ScopeOptions): Promise<Scope> {
  const { all, agent, owner, task, lease, provider, grant } = options
  const scopes: readonly (Scope | undefined)[] = [
    all && { all },
    task === undefined ? undefined : { task, ...(agent !== undefined && { agent }) },
    agent === undefined || task !== undefined ? undefined : { agent },
    owner === undefined ? undefined : { owner },
    lease === undefined ? undefined : { lease },
    provider === undefined ? undefined : { provider },
    grant === undefined ? undefined : { grant },
  ]
  const named = scopes.filter((scope) => scope !== undefined)
  const [scope] = named
  if (scope === undefined || named.length > 1) {
    throw new CommandFailed(EXIT.usage, {
      cause: scope === undefined ? 'No scope is named.' : 'More than one scope is named.',
      mend: 'Name one: --agent, --owner, --task, --lease, --provider, --grant or --all.',
    })
  }
  if (!('lease' in scope)) return scope
  const all200 = () => client.leases.follow({ limit: 200 }, { signal: terminal.interrupted })
  return { lease: await findId({ kind: 'lse', given: scope.lease, all: all200 }) }
}

/** `agent support-bot`, `task run-1 of support-bot`, `everything`. */
export function describeScope(scope: Named): string {
  if (scope['all'] === true) return 'everything'
  if (scope['task'] !== undefined)
    return printable(`task ${scope['task']}${scope['agent'] === undefined ? '' : ` of ${scope['agent']}`}`)
  return printable(Object.entries(scope).flat().join(' '))
}

/** What a freeze of it would hit, as far as a list can tell. */
export async function reachOf(terminal: Terminal, client: Client, scope: Scope): Promise<string> {
  if ('provider' in scope) return 'every credential of it'
  if (!('lease' in scope)) return reach(terminal, client, 'all' in scope ? {} : scope)
  const { agent, credentials } = await client.leases.get(scope.lease, { signal: terminal.interrupted })
  const alive = credentials.filter(({ state }) => state !== 'closed').length
  return printable(`${alive} credentials, agent ${agent}`)
}

/** The freeze that is meant: by its id, or as the one of that scope. */
export async function findFreeze(
  terminal: Terminal,
  client: Client,
  given: string | undefined,
  options: ScopeOptions,
): Promise<string> {
  const all = () => client.stops.followFreezes({ signal: terminal.interrupted })
  if (given !== undefined) return findId({ kind: 'frz', given, all })
  const scope = await scopeFrom(terminal, client, options)
  const found: string[] = []
  for await (const freeze of all()) if (covers(freeze.scope, scope)) found.push(freeze.id)
  const [id] = found
  if (id !== undefined && found.length === 1) return id
  if (id === undefined) {
    throw new CommandFailed(EXIT.notFound, {
      cause: `There is no freeze of ${describeScope(scope)}.`,
      mend: '`mayfly freezes` shows what is frozen.',
      link: 'docs/problems.md#not-found',
    })
  }
  throw new CommandFailed(EXIT.usage, {
    cause: `There are ${found.length} freezes of ${describeScope(scope)}.`,
    mend: 'Say whose task with --agent, or give the id: `mayfly freezes` shows them.',
  })
}

/** Whether the freeze is of that scope. A task without its agent may be anybody's; owners are compared as people do. */
function covers(frozen: Named, asked: Named): boolean {
  const folded = (text: string | true | undefined) => (typeof text === 'string' ? text.toLowerCase() : text)
  const same = (name: string): boolean =>
    name === 'owner' ? folded(frozen[name]) === folded(asked[name]) : frozen[name] === asked[name]
  return Object.keys(asked).every(same) && ('task' in asked || Object.keys(frozen).every(same))
}
