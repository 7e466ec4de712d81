import type { Command } from 'commander'

import type { Client } from '../client/create-client.ts'
import { pause } from '../client/pause.ts'
import type { Recovery } from '../client/resources.ts'
import { confirmed } from './ask.ts'
import { CommandEnded } from './command-ended.ts'
import { CommandFailed, EXIT } from './command-failed.ts'
import { confirmStop } from './confirm-stop.ts'
import { doing } from './doing.ts'
import { jsonLine } from './json-line.ts'
import { operatorClient } from './open-client.ts'
import { collect } from './parse-option.ts'
import { recoveryCard, wouldDo } from './recovery-card.ts'
import type { Terminal } from './terminal.ts'

/** How often a recovery that runs is looked at. */
const EVERY_MS = 300

interface RecoverOptions {
  readonly reason?: string
  readonly acknowledge?: boolean
  readonly accept?: readonly string[]
  readonly yes?: boolean
  readonly json?: boolean
}

/** `mayfly recover`: from "I think we are compromised", or from a restored backup, to a broker that mints again. */
export function recoveryCommands(program: Command, terminal: Terminal): void {
  program
    .command('recover')
    .description('show the recovery; with --reason begin it: everything that was handed out is taken back')
    .option('--reason <text>', 'why, for the record; begins it where it has not begun')
    .option('--acknowledge', 'let the broker mint again, once everything is done that can be')
    .option('--accept <provider>', 'go on although this one was not cut off; may be repeated', collect)
    .option('--yes', 'do not ask')
    .option('--json', "the API's recovery, as it ends")
    .action(
      doing(terminal, async (options: RecoverOptions) => {
        await recover(terminal, await operatorClient(terminal), options)
      }),
    )
}

async function recover(terminal: Terminal, client: Client, options: RecoverOptions): Promise<void> {
  const signal = terminal.interrupted
  const { reason, acknowledge = false, accept = [], yes = false, json = false } = options
  const show = (recovery: Recovery): void => terminal.out(json ? jsonLine(recovery) : recoveryCard(terminal, recovery))
  const found = await client.recovery.get({ signal })
  if (reason === undefined && !acknowledge) {
    show(found)
    return
  }
  if (found.begun === null) {
    if (reason === undefined) throw notBegun(found)
    await confirmStop(terminal, { says: wouldDo(found), question: 'Begin?', yes })
    await client.recovery.begin(reason, { signal })
  }
  const carriedOut = await follow(terminal, client)
  const open = carriedOut.steps.filter(({ state, name }) => state !== 'done' && !accept.includes(name ?? ''))
  if (open.length > 0) {
    show(carriedOut)
    throw new CommandFailed(EXIT.upstream, {
      cause: `${open.map(({ name, step }) => name ?? step).join(', ')}: not done yet. The broker goes on trying.`,
      mend: 'Mend what is named above, then run `mayfly recover --acknowledge`. For a provider that is gone for good: --accept NAME.',
      link: 'docs/recovery.md',
    })
  }
  if (!acknowledge && !(await answersFor(terminal, carriedOut))) {
    show(carriedOut)
    terminal.err('Nothing is minted until somebody answers for what remains: mayfly recover --acknowledge\n')
    throw new CommandEnded(EXIT.pending)
  }
  terminal.err(recoveryCard(terminal, carriedOut))
  const over = await client.recovery.acknowledge({ accept, ...(reason !== undefined && { reason }) }, { signal })
  terminal.out(json ? jsonLine(over) : 'The recovery is over: the broker mints again.\n')
}

/** Somebody at a terminal reads what was done and what remains, and says yes. */
async function answersFor(terminal: Terminal, carriedOut: Recovery): Promise<boolean> {
  if (!terminal.interactive) return false
  terminal.err(recoveryCard(terminal, carriedOut))
  return confirmed(terminal, 'Have you done what remains, or can you answer for it? Then the broker mints again')
}

/** A line for each step as it ends, until all are done or none goes on. */
async function follow(terminal: Terminal, client: Client): Promise<Recovery> {
  const told = new Set<string>()
  for (;;) {
    const recovery = await client.recovery.get({ signal: terminal.interrupted })
    for (const { step, name, state } of recovery.steps) {
      const line = `${name ?? step}: ${state}\n`
      if (state === 'running' || told.has(line)) continue
      told.add(line)
      terminal.err(line)
    }
    if (!recovery.steps.some(({ state }) => state === 'running')) return recovery
    await pause(EVERY_MS, terminal.interrupted)
  }
}

function notBegun({ state }: Recovery): CommandFailed {
  if (state === 'none')
    return new CommandFailed(EXIT.conflict, {
      cause: 'The broker is not in recovery: there is nothing to acknowledge.',
      mend: 'To begin one, say why: mayfly recover --reason TEXT',
    })
  return new CommandFailed(EXIT.conflict, {
    cause: 'The recovery has not begun.',
    mend: 'Begin it, and say why: mayfly recover --reason TEXT',
    link: 'docs/recovery.md',
  })
}
