import { Command, CommanderError } from 'commander'

import { CommandEnded } from '../cli/command-ended.ts'
import { CommandFailed, EXIT, type ExitCode } from '../cli/command-failed.ts'
import { onlineCommands } from '../cli/online-commands.ts'
import type { Terminal } from '../cli/terminal.ts'
import { redactTokens } from './create-log.ts'
import { offlineCommands } from './offline-commands.ts'
import { serveCommand } from './serve.ts'
import { VERSION } from './version.ts'

/** Runs one command line to its end and returns its exit code. Every error ends with cause, mend and, where there is one, a link. */
export async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    await program(terminal).parseAsync([...args], { from: 'user' })
    return EXIT.ok
  } catch (error) {
    return ended(error, terminal)
  }
}

/** Every command there is. */
export function program(terminal: Terminal): Command {
  const root = new Command('mayfly')
    .description(
      'A credential broker for AI agents: decides before the act, mints for one task, takes everything back.',
    )
    .exitOverride()
    .configureOutput({ writeOut: terminal.out, writeErr: terminal.err, getOutHasColors: () => terminal.colour })
    .showHelpAfterError('Run the same with --help to see what it takes.')
    .enablePositionalOptions()
  serveCommand(root, terminal)
  onlineCommands(root, terminal)
  offlineCommands(root, terminal)
  root
    .command('version')
    .description('print the version')
    .option('--json', 'as { "version", "node" }')
    .action(({ json }: { readonly json?: true }) => {
      terminal.out(json ? `${JSON.stringify({ version: VERSION, node: process.version })}\n` : `mayfly ${VERSION}\n`)
    })
  return root
}

function ended(error: unknown, terminal: Terminal): number {
  // Help and usage errors: commander has said it already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
  if (error instanceof CommandEnded) return error.exitCode
  if (error instanceof CommandFailed) {
    const link = error.link === null ? '' : `\nSee ${error.link}`
    terminal.err(redactTokens(`${error.message}\n${error.mend}${link}\n`))
    return error.exitCode
  }
  const failed: ExitCode = EXIT.error
  terminal.err(
    redactTokens(
      `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\nThis is a bug in Mayfly. Please report it.\n`,
    ),
  )
  return failed
}
