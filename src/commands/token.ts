import { Argument, type Command } from 'commander'
import { randomBytes } from 'node:crypto'

import type { Terminal } from '../cli/terminal.ts'
import { newToken } from '../local/new-token.ts'

/** `mayfly token new`: a token for who holds it, and its hash for the configuration. */
export function tokenCommands(program: Command, terminal: Terminal): void {
  program
    .command('token')
    .description('make tokens')
    .command('new')
    .description('make a token for an operator or a policy enforcement point (PEP)')
    .addArgument(new Argument('<holder>', 'who will hold it').choices(['operator', 'pep'] as const))
    .option('--json', 'as { "token", "token_sha256" }')
    .action((holder: 'operator' | 'pep', { json }: { readonly json?: true }) => {
      const made = newToken(holder, randomBytes)
      if (json) {
        terminal.out(`${JSON.stringify(made)}\n`)
        return
      }
      terminal.out(`token         ${made.token}\ntoken_sha256  ${made.token_sha256}\n`)
      terminal.err(
        `Give the token to its holder: it is shown this once. Put token_sha256 into the configuration, under ${holder}s.\n`,
      )
    })
}
