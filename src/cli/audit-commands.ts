import { Option, type Command } from 'commander'
import { open, unlink } from 'node:fs/promises'
import { resolve } from 'node:path'

import type { AuditStream } from '../client/resources.ts'
import { CommandFailed, EXIT } from './command-failed.ts'
import { doing } from './doing.ts'
import { exportAudit, STREAMS } from './export-audit.ts'
import { group } from './group.ts'
import { operatorClient } from './open-client.ts'
import { wholeNumber } from './parse-option.ts'
import { printable } from './printable.ts'
import { tailAudit } from './tail-audit.ts'
import type { Terminal } from './terminal.ts'

interface TailOptions {
  readonly stream?: AuditStream
  readonly last: number
  readonly follow: boolean
  readonly json?: boolean
}

/** `mayfly audit tail | export`: what the broker has on record. `verify` needs no broker, and stands elsewhere. */
export function auditCommands(program: Command, terminal: Terminal): void {
  const audit = group(program, 'audit', 'read, export and verify the audit streams')

  audit
    .command('tail')
    .description('show the last records, and each new one, until interrupted')
    .addOption(new Option('--stream <stream>', 'only this one').choices(STREAMS))
    .option('--last <count>', 'how many to begin with', wholeNumber(0, 10_000), 10)
    .option('--no-follow', 'end after those')
    .option('--json', "a line a record: the API's")
    .action(
      doing(terminal, async ({ stream, last, follow, json = false }: TailOptions) => {
        const streams = stream === undefined ? STREAMS : [stream]
        await tailAudit(terminal, { client: await operatorClient(terminal), streams, last, follow, json })
      }),
    )

  audit
    .command('export')
    .description('write every record, a signed checkpoint and its keys as NDJSON, for `mayfly audit verify`')
    .option('--out <file>', 'to a new file that only you can read, instead of to standard output')
    .action(
      doing(terminal, async ({ out }: { readonly out?: string }) => {
        const lines = exportAudit(await operatorClient(terminal), terminal.interrupted)
        if (out === undefined) for await (const line of lines) terminal.out(line)
        else await writeNew(resolve(terminal.cwd, out), lines)
      }),
    )
}

async function writeNew(path: string, lines: AsyncIterable<string>): Promise<void> {
  await using file = await open(path, 'wx', 0o600).catch((error: unknown) => {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
    throw new CommandFailed(EXIT.usage, {
      cause: `${printable(path)} cannot be written (${code}).`,
      mend: 'Name a file that is not there yet, in a folder that you may write to.',
    })
  })
  try {
    for await (const line of lines) await file.write(line)
  } catch (error) {
    // Half an export would look like a whole one that somebody cut.
    await unlink(path)
    throw error
  }
}
