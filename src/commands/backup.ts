import type { Command } from 'commander'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'

import { CommandFailed, EXIT } from '../cli/command-failed.ts'
import { counted } from '../cli/counted.ts'
import type { Terminal } from '../cli/terminal.ts'
import type { Result } from '../core/result.ts'
import { rfc3339 } from '../core/time.ts'
import { makeBackup } from '../local/backup/make-backup.ts'
import type { Refused } from '../local/backup/refused.ts'
import { restoreBackup } from '../local/backup/restore-backup.ts'
import { KeyFault } from '../store/keys/key-fault.ts'
import { loadSealKey, type SealKeySource } from '../store/keys/load-seal-key.ts'
import { createSealer, type Sealer } from '../store/keys/sealer.ts'
import { NotABackup, type BackupContent } from '../store/sqlite/backup-file.ts'
import { readPolicy } from './read-policy.ts'

interface Where {
  readonly config?: string
  readonly data?: string
}

interface RestoreOptions extends Where {
  readonly replace?: boolean
  readonly json?: boolean
}

/** `mayfly backup` and `mayfly restore`: the ledger with its sealed keys as one file, and back. They need no broker. */
export function backupCommands(program: Command, terminal: Terminal): void {
  program
    .command('backup')
    .description('copy the ledger and its sealed keys into one new file, while the broker runs')
    .argument('<file>', 'the backup; nothing is overwritten')
    .option('--config <file>', 'the configuration of the broker: with it every key is tried')
    .option('--data <dir>', 'its data folder, instead of server.data_dir')
    .option('--json', 'as { "file", "made_at", "bytes", "keys", "open_leases", "records" }')
    .action(async (given: string, { json, ...where }: Where & { readonly json?: true }) => {
      const file = resolve(terminal.cwd, given)
      const { dataDir, sealer, sealKey } = await placeOf(terminal, where)
      const made = orFailed(await makeBackup({ dataDir, file, sealer, now: Date.now() }).catch(notMade))
      const { bytes } = made
      terminal.out(json ? `${JSON.stringify({ file, bytes, ...onWire(made) })}\n` : `${file}  ${described(made)}\n`)
      terminal.err(`It was read through after it was written. The seal key (${sealKey}) is not in it: `)
      terminal.err('keep that elsewhere, without it the backup is worth nothing.\n')
    })

  program
    .command('restore')
    .description('put a backup into an empty data folder; the broker then starts in recovery')
    .argument('<file>', 'what `mayfly backup` wrote')
    .option('--config <file>', 'the configuration of the broker: with it every key is tried first')
    .option('--data <dir>', 'the data folder, instead of server.data_dir')
    .option('--replace', 'move the ledger that lies there aside, if it is the one that the backup was made of')
    .option('--json', 'as { "data", "moved_to", "made_at", "keys", "open_leases", "records" }')
    .action(async (given: string, { json, replace = false, ...where }: RestoreOptions) => {
      const file = resolve(terminal.cwd, given)
      const { dataDir, sealer } = await placeOf(terminal, where)
      const order = { file, dataDir, sealer, replace, now: Date.now() }
      const restored = orFailed(await restoreBackup(order).catch(notWritten))
      const { movedTo } = restored
      const data = { data: dataDir, moved_to: movedTo && join(dataDir, movedTo), ...onWire(restored) }
      terminal.out(json ? `${JSON.stringify(data)}\n` : `${dataDir}  ${described(restored)}\n`)
      if (movedTo !== null) terminal.err(`What lay there is in ${join(dataDir, movedTo)}.\n`)
      terminal.err(`What was granted, revoked or frozen after ${rfc3339(restored.madeAt)} is not in it. `)
      terminal.err('Start the broker: it mints nothing until you have gone through `mayfly recover`.\n')
    })
}

/** The data folder, and what opens its keys. The folder alone may do; then its keys are tried where its seal key lies in it. */
async function placeOf(
  terminal: Terminal,
  { config, data }: Where,
): Promise<{ readonly dataDir: string; readonly sealer: Sealer | null; readonly sealKey: string }> {
  if (config === undefined && data === undefined) {
    throw new CommandFailed(EXIT.usage, {
      cause: 'Nothing says which broker is meant.',
      mend: 'Name its configuration with --config, or its data folder with --data.',
    })
  }
  const configuration = config === undefined ? undefined : readPolicy(terminal, config).configuration
  const dataDir = data === undefined ? (configuration?.server.dataDir ?? '') : resolve(terminal.cwd, data)
  const source: SealKeySource = configuration?.sealKey ?? { from: 'data-folder' }
  const beside = join(dataDir, 'keys', 'seal.key')
  const sealKey = source.from === 'file' ? source.file : source.from === 'environment' ? `$${source.variable}` : beside
  if (source.from === 'data-folder' && !(await isThere(beside))) {
    if (!configuration) return { dataDir, sealer: null, sealKey: 'keys.seal_key_file of its configuration' }
    throw new CommandFailed(EXIT.error, {
      cause: `There is no seal key in ${beside}.`,
      mend: 'Put the one there that the broker had, or name it as keys.seal_key_file.',
    })
  }
  const { key } = await loadSealKey(source, join(dataDir, 'keys')).catch(keyFault)
  return { dataDir, sealer: createSealer(key), sealKey }
}

const isThere = (file: string): Promise<boolean> =>
  readFile(file).then(
    () => true,
    () => false,
  )

function orFailed<T>(result: Result<T, Refused>): T {
  if (result.ok) return result.value
  throw new CommandFailed(EXIT.error, result.error)
}

function notMade(error: unknown): never {
  if (!(error instanceof NotABackup)) return notWritten(error)
  throw new CommandFailed(EXIT.error, {
    cause: `What was written ${error.message}, and was removed.`,
    mend: 'Run it again. If it stays so, the ledger itself is damaged: restore an older backup.',
  })
}

/** A disk that is full, a folder that this user may not write to: the command is as good as not run. */
function notWritten(error: unknown): never {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (!/^(E[A-Z]+|SQLITE_(FULL|IOERR|CANTOPEN|READONLY|BUSY)\w*)$/.test(code)) return keyFault(error)
  throw new CommandFailed(EXIT.error, {
    cause: `It could not be read or written (${code}).`,
    mend: 'Make room, or run it as the user of the broker; then run it again.',
  })
}

function keyFault(error: unknown): never {
  if (!(error instanceof KeyFault)) throw error
  throw new CommandFailed(EXIT.error, { cause: error.message.replace(` ${error.mend}`, ''), mend: error.mend })
}

const onWire = ({ madeAt, keys, openLeases, records }: BackupContent) => ({
  made_at: rfc3339(madeAt),
  keys: keys.length,
  open_leases: openLeases,
  records,
})

function described({ madeAt, keys, openLeases, records }: BackupContent): string {
  const written = Object.values(records).reduce((sum, count) => sum + count, 0)
  const parts = [
    counted(keys.length, 'signing key'),
    counted(openLeases, 'open lease'),
    counted(written, 'audit record'),
  ]
  return `${rfc3339(madeAt)}: ${parts.join(', ')}`
}
