import type { Command } from 'commander'

import { counted } from '../cli/counted.ts'
import type { Terminal } from '../cli/terminal.ts'
import { describeFault } from '../core/fault.ts'
import { readPolicy } from './read-policy.ts'

/** `mayfly config check`: everything that is wrong with a configuration and its rules, at once. */
export function configCommands(program: Command, terminal: Terminal): void {
  program
    .command('config')
    .description('look at a configuration')
    .command('check')
    .description('say everything that is wrong with a configuration and its rules')
    .argument('<file>', 'the configuration')
    .option('--json', 'as { "file", "rules_digest", "agents", "grants", "tools", "warnings" }')
    .action((file: string, { json }: { readonly json?: true }) => {
      const { configuration, rules, warnings } = readPolicy(terminal, file)
      const { agents, grants, tools } = configuration.catalogue
      const counts = { agents: agents.size, grants: grants.size, tools: tools.size }
      if (json) {
        terminal.out(
          `${JSON.stringify({ file: configuration.file, rules_digest: rules.digest, ...counts, warnings })}\n`,
        )
        return
      }
      for (const warning of warnings) terminal.err(`warning: ${describeFault(warning)}\n`)
      const held = [counted(agents.size, 'agent'), counted(grants.size, 'grant'), counted(tools.size, 'tool')]
      terminal.out(`${configuration.file} is good: ${held.join(', ')}\n`)
      terminal.out(`rules ${rules.digest}\n`)
    })
}
