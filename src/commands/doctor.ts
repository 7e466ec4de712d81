import type { Command } from 'commander'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'

import type { Finding } from '../broker/provider-port.ts'
import { CommandEnded } from '../cli/command-ended.ts'
import { CommandFailed, EXIT } from '../cli/command-failed.ts'
import { counted } from '../cli/counted.ts'
import { paint } from '../cli/paint.ts'
import { printable } from '../cli/printable.ts'
import type { Terminal } from '../cli/terminal.ts'
import { fileSources } from '../config/file-sources.ts'
import type { Fault } from '../core/fault.ts'
import type { Result } from '../core/result.ts'
import { diagnose, type Examined } from '../diagnose.ts'
import { loadPolicy, type LoadedPolicy } from '../local/load-policy.ts'
import { readNamed } from './read-policy.ts'

interface Options {
  readonly config: string
  readonly data?: string
  readonly identityFile?: string
  readonly json?: true
}

/** `mayfly doctor`: what would fail later, and the mend of each. It looks, and changes nothing; it needs no broker. */
export function doctorCommand(program: Command, terminal: Terminal): void {
  program
    .command('doctor')
    .description(
      'look at all that a broker of this configuration will need: its files, keys, clock, issuers, providers, their rights',
    )
    .requiredOption('--config <file>', 'the configuration')
    .option('--data <dir>', 'the data folder, instead of server.data_dir')
    .option('--identity-file <file>', "try an agent's identity token: which agent it is, or why it is none")
    .option('--json', 'as [{ "about", "check", "ok", "detail", "mend" }]')
    .action(async ({ config, data, identityFile, json }: Options) => {
      const file = resolve(terminal.cwd, config)
      readNamed(file)
      const read = loadPolicy(file, fileSources(terminal.env))
      const token = identityFile === undefined ? null : await readIdentity(resolve(terminal.cwd, identityFile))
      const outside = { env: terminal.env, clock: Date.now, fetch: globalThis.fetch }
      const dataDir = data === undefined ? null : resolve(terminal.cwd, data)
      const rest = read.ok ? await diagnose({ loaded: read.value, dataDir, token, ...outside }) : []
      const examined = [{ about: 'configuration', findings: configurationOf(file, read) }, ...rest]
      const findings = examined.flatMap(({ about, findings }) => findings.map((finding) => ({ about, ...finding })))
      if (json) terminal.out(`${JSON.stringify(findings)}\n`)
      else for (const each of examined) terminal.out(shown(terminal, each))
      const wrong = findings.filter(({ ok }) => !ok).length
      if (wrong > 0) {
        terminal.err(`${wrong} of ${counted(findings.length, 'check')} failed.\n`)
        throw new CommandEnded(EXIT.error)
      }
      terminal.err(`Nothing is wrong: ${counted(findings.length, 'check')}.\n`)
    })
}

/** What is wrong in the files keeps everything else from being looked at: nobody knows yet where it lies. */
function configurationOf(file: string, read: Result<LoadedPolicy, readonly Fault[]>): readonly Finding[] {
  const check = 'configuration'
  const at = ({ file, line, column, message }: Fault): string => `${file}:${line}:${column}: ${message}`
  if (!read.ok) return read.error.map((fault) => ({ check, ok: false, detail: at(fault), mend: fault.mend }))
  const warned = read.value.warnings.map((fault) => `${at(fault)}. ${fault.mend}`)
  return [`${file} is whole`, ...warned].map((detail) => ({ check, ok: true, detail, mend: null }))
}

const NAME_WIDTH = 22

function shown(terminal: Terminal, { about, findings }: Examined): string {
  const lines = findings.flatMap(({ check, ok, detail, mend }: Finding) => {
    const mark = ok ? paint(terminal, 'green', 'ok  ') : paint(terminal, 'red', 'FAIL')
    return [
      `  ${mark}  ${printable(check).padEnd(NAME_WIDTH)}  ${printable(detail)}`,
      ...(mend === null ? [] : [`        ${''.padEnd(NAME_WIDTH)}  Mend: ${printable(mend)}`]),
    ]
  })
  return `${paint(terminal, 'bold', about)}\n${lines.join('\n')}\n`
}

async function readIdentity(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).trim()
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    throw new CommandFailed(EXIT.usage, {
      cause: `${path} cannot be read (${why}).`,
      mend: 'Name a file with an identity token in it.',
    })
  }
}
