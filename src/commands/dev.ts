import { InvalidArgumentError, Option, type Command } from 'commander'
import { join, relative, resolve } from 'node:path'

import { CommandFailed, EXIT } from '../cli/command-failed.ts'
import type { Terminal } from '../cli/terminal.ts'
import { devFiles, prepareDevFolder } from '../local/dev/dev-folder.ts'
import { devIdentity } from '../local/dev/dev-identity.ts'
import { DEV } from '../local/dev/dev-settings.ts'
import { LOG_FORMATS, type LogFormat } from './create-log.ts'
import { mayflyCommand, shellWord } from './mayfly-command.ts'
import { runBroker } from './run-broker.ts'
import { addressOf } from './serve.ts'

const FOLDER = '.mayfly'
const IDENTITY_TTL_SECONDS = 600

interface DevOptions {
  readonly listen?: string
  readonly data?: string
  readonly logFormat: LogFormat
}

/** `mayfly dev`: a broker to try things on. It is `serve` with a configuration that it writes itself, and nothing weaker. */
export function devCommands(program: Command, terminal: Terminal): void {
  const folder = resolve(terminal.cwd, FOLDER)
  const dev = program
    .command('dev')
    .description(`run a development broker in ./${FOLDER}, which it writes at the first start`)
    .option('--listen <host:port>', 'instead of server.listen; port 0 picks a free one')
    .option('--data <dir>', 'instead of server.data_dir')
    .addOption(
      new Option('--log-format <format>', 'of the log on stderr')
        .choices(LOG_FORMATS)
        .default('pretty' satisfies LogFormat),
    )
    .action(async (options: DevOptions) => {
      await prepareDevFolder(folder)
      await runBroker(terminal, {
        configFile: devFiles(folder).configuration,
        listen: options.listen === undefined ? null : addressOf(options.listen),
        dataDir: options.data === undefined ? null : resolve(terminal.cwd, options.data),
        logFormat: options.logFormat,
        listening: ({ url }) => {
          terminal.out(`${JSON.stringify({ event: 'listening', url })}\n`)
          terminal.err(welcome(url, terminal))
        },
      })
    })

  dev
    .command('identity')
    .description('print an identity token for an agent, signed by the development issuer')
    .argument('[agent]', 'an agent of the configuration', DEV.agent)
    .option('--ttl <seconds>', 'how long it is good', toSeconds, IDENTITY_TTL_SECONDS)
    .action(async (agent: string, { ttl }: { readonly ttl: number }) => {
      const token = await devIdentity({ folder, agent, ttlSeconds: ttl })
      if (token === undefined) {
        throw new CommandFailed(EXIT.error, {
          cause: `There is no development broker in ${folder}.`,
          mend: 'Run `mayfly dev` there first, or go to the folder that you ran it in.',
        })
      }
      terminal.out(`${token}\n`)
    })
}

function toSeconds(text: string): number {
  const seconds = Number(text)
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > 86_400)
    throw new InvalidArgumentError('It must be 1 to 86400 seconds.')
  return seconds
}

/** Where it is, who may do what, and the next thing to paste. */
function welcome(url: string, terminal: Terminal): string {
  const { cwd } = terminal
  const mayfly = mayflyCommand(terminal)
  const shown = (path: string): string => relative(cwd, path)
  const { operatorToken, request } = devFiles(join(cwd, FOLDER))
  return `
Mayfly listens on ${url}  (development: keys, tokens and configuration lie in ${FOLDER}/)

Ask for a lease as the demo agent, in another terminal:

  cd ${shellWord(cwd)}
  export MAYFLY_URL=${url}
  MAYFLY_TOKEN=$(${mayfly} dev identity ${DEV.agent}) ${mayfly} lease request ${shown(request)}

See what is live, as the operator whose token is in ${shown(operatorToken)}:

  MAYFLY_TOKEN_FILE=${shown(operatorToken)} ${mayfly} lease list

Ctrl-C stops it.

`
}
