import type { Command } from 'commander'
import { resolve } from 'node:path'

import { CommandFailed, EXIT } from '../cli/command-failed.ts'
import { group } from '../cli/group.ts'
import { counted } from '../cli/counted.ts'
import type { Terminal } from '../cli/terminal.ts'
import { NotAnExport, readRecords, readSeals } from '../local/audit-export.ts'
import { verifyAudit, type AuditUnderTest } from '../local/verify-audit.ts'
import { readNamed } from './read-policy.ts'

interface VerifyOptions {
  readonly checkpoint?: string
  readonly json?: true
}

/** `mayfly audit verify`: are the three chains whole, and do they reach as far as the checkpoints say? */
export function auditVerifyCommand(program: Command, terminal: Terminal): void {
  group(program, 'audit', 'read and verify the audit')
    .command('verify')
    .description('verify the chains of an export: every hash, every link, and the signed checkpoints')
    .argument('<file>', 'what `mayfly audit export` wrote')
    .option('--checkpoint <file>', 'a checkpoint that was kept elsewhere: it finds a tail that was cut off')
    .option('--json', 'as { "streams", "checkpoints", "faults" }')
    .action(async (file: string, { checkpoint, json }: VerifyOptions) => {
      const kept =
        checkpoint === undefined ? [] : [{ name: checkpoint, text: readNamed(resolve(terminal.cwd, checkpoint)) }]
      const audit = await exported(resolve(terminal.cwd, file))
      const found = await verifyAudit({ ...audit, checkpoints: [...audit.checkpoints, ...kept] }).catch(notAnExport)
      if (json) terminal.out(`${JSON.stringify(found)}\n`)
      else {
        for (const [stream, { seq }] of Object.entries(found.streams))
          terminal.out(`${stream.padEnd(12)}${counted(seq, 'record')}\n`)
        for (const fault of found.faults) terminal.out(`FAULT ${fault}\n`)
      }
      if (found.faults.length > 0) {
        throw new CommandFailed(EXIT.error, {
          cause: `The audit does not verify: ${counted(found.faults.length, 'fault')}.`,
          mend: 'Keep the data folder as it is, and find out who could write to it.',
        })
      }
      if (!json)
        terminal.out(
          `The chains are whole${found.checkpoints > 0 ? `, held against ${counted(found.checkpoints, 'checkpoint')}` : ''}\n`,
        )
    })
}

async function exported(file: string): Promise<AuditUnderTest> {
  const { checkpoint, keys } = await readSeals(file).catch(notAnExport)
  const own = checkpoint === null ? [] : [{ name: 'the checkpoint of the export', text: checkpoint }]
  return { records: readRecords(file), checkpoints: own, keys }
}

function notAnExport(error: unknown): never {
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined
  if (!(error instanceof NotAnExport) && code === undefined) throw error
  const cause = error instanceof NotAnExport ? error.message : `The export cannot be read (${code ?? 'unknown'}).`
  throw new CommandFailed(EXIT.usage, { cause, mend: 'Name a file that `mayfly audit export` wrote.' })
}
