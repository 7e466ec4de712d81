import { Option, type Command } from 'commander'
import { resolve } from 'node:path'

import { CommandFailed, EXIT } from '../cli/command-failed.ts'
import type { Terminal } from '../cli/terminal.ts'
import { LOG_FORMATS, type LogFormat } from './create-log.ts'
import { runBroker } from './run-broker.ts'

interface ServeOptions {
  readonly config: string
  readonly listen?: string
  readonly data?: string
  readonly logFormat: LogFormat
}

/** `mayfly serve`: a broker in the foreground. This process is the broker. */
export function serveCommand(program: Command, terminal: Terminal): void {
  program
    .command('serve')
    .description('run a broker')
    .requiredOption('--config <file>', 'the configuration, see config/mayfly.example.yaml')
    .option('--listen <host:port>', 'instead of server.listen; port 0 picks a free one')
    .option('--data <dir>', 'instead of server.data_dir')
    .addOption(new Option('--log-format <format>', 'of the log on stderr').choices(LOG_FORMATS).default('json'))
    .action(async (options: ServeOptions) => {
      await runBroker(terminal, {
        configFile: resolve(terminal.cwd, options.config),
        listen: options.listen === undefined ? null : addressOf(options.listen),
        dataDir: options.data === undefined ? null : resolve(terminal.cwd, options.data),
        logFormat: options.logFormat,
        listening: ({ url }) => {
          terminal.out(`${JSON.stringify({ event: 'listening', url })}\n`)
        },
      })
    })
}

/** `HOST:PORT`, with an IPv6 host in brackets. */
export function addressOf(text: string): { readonly host: string; readonly port: number } {
  const [, host, port] = /^(\[[0-9a-fA-F:]+\]|[^:\s]+):(\d{1,5})$/.exec(text) ?? []
  if (host === undefined || Number(port) > 65_535) {
    throw new CommandFailed(EXIT.usage, { cause: `"${text}" is not HOST:PORT.`, mend: 'Write it like 127.0.0.1:8700.' })
  }
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) }
}
