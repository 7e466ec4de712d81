import type { Command } from 'commander'

import type { StickyScope } from '../client/stops.ts'
import { confirmStop } from './confirm-stop.ts'
import { counted } from './counted.ts'
import { doing } from './doing.ts'
import { group } from './group.ts'
import { jsonLine } from './json-line.ts'
import { operatorClient } from './open-client.ts'
import { printable } from './printable.ts'
import { reach } from './reach.ts'
import type { Terminal } from './terminal.ts'

interface Revoke {
  readonly reason: string
  readonly agent?: string
  readonly yes?: boolean
  readonly json?: boolean
}

/** What can be revoked as a whole, and how it is called on the command line. */
const KINDS = [
  { kind: 'task', about: 'end tasks, and let them begin again' },
  { kind: 'agent', about: 'see the configured agents, stop them, and let them go on' },
  { kind: 'owner', about: 'stop the agents of an owner, and let them go on' },
] as const

/** `mayfly task | agent | owner revoke | restore`: stops that stick. */
export function stickyCommands(program: Command, terminal: Terminal): void {
  const signal = terminal.interrupted
  for (const { kind, about } of KINDS) {
    const verbs = group(program, kind, about)
    const revoke = verbs
      .command('revoke')
      .description(`end every lease of ${kind === 'task' ? 'a task' : `an ${kind}`}, and keep new ones away`)
      .argument(`<${kind}>`, kind === 'agent' ? 'its id' : 'its name')
      .requiredOption('--reason <text>', 'why, for the record and for the agent')
      .option('--yes', 'do not ask')
      .option('--json', "the API's answer: { leases, credentials, already }")
      .action(
        doing(terminal, async (name: string, { reason, agent, yes = false, json }: Revoke) => {
          const client = await operatorClient(terminal)
          const scope = scopeOf(kind, name, agent)
          const what = nameOf(kind, name, agent)
          const hits = await reach(terminal, client, scope)
          const says = `This takes back ${hits}: ${what}. New leases are refused until it is restored.`
          await confirmStop(terminal, { says, question: 'Take it all back?', yes })
          const done = await client.stops.revoke(scope, reason, { signal })
          const counts = `${counted(done.leases, 'lease')}, ${counted(done.credentials, 'credential')}`
          terminal.out(
            json ? jsonLine(done) : `${what}  ${done.already ? 'was revoked before' : 'revoked'}: ${counts}\n`,
          )
        }),
      )
    const restore = verbs
      .command('restore')
      .description(`let ${kind === 'task' ? 'a task' : `an ${kind}`} have leases again; what was ended stays ended`)
      .argument(`<${kind}>`, kind === 'agent' ? 'its id' : 'its name')
      .requiredOption('--reason <text>', 'why, for the record')
      .option('--json', "the API's answer: { already }")
      .action(
        doing(terminal, async (name: string, { reason, agent, json }: Revoke) => {
          const client = await operatorClient(terminal)
          const done = await client.stops.restore(scopeOf(kind, name, agent), reason, { signal })
          const what = nameOf(kind, name, agent)
          terminal.out(json ? jsonLine(done) : `${what}  ${done.already ? 'was not revoked' : 'restored'}\n`)
        }),
      )
    if (kind !== 'task') continue
    for (const verb of [revoke, restore])
      verb.option('--agent <id>', 'whose task, where several agents have one of that name')
  }
}

function scopeOf(kind: 'task' | 'agent' | 'owner', name: string, agent: string | undefined): StickyScope {
  if (kind === 'agent') return { agent: name }
  return kind === 'owner' ? { owner: name } : { task: name, ...(agent !== undefined && { agent }) }
}

const nameOf = (kind: string, name: string, agent: string | undefined): string =>
  printable(`${kind} ${name}${agent === undefined ? '' : ` of ${agent}`}`)
