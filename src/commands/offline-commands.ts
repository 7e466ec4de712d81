import type { Command } from 'commander'

import type { Terminal } from '../cli/terminal.ts'
import { auditVerifyCommand } from './audit-verify.ts'
import { backupCommands } from './backup.ts'
import { configCommands } from './config.ts'
import { devCommands } from './dev.ts'
import { doctorCommand } from './doctor.ts'
import { rulesCommands } from './rules.ts'
import { tokenCommands } from './token.ts'

/** Every command that needs no broker, or that is one. */
export function offlineCommands(program: Command, terminal: Terminal): void {
  devCommands(program, terminal)
  configCommands(program, terminal)
  doctorCommand(program, terminal)
  rulesCommands(program, terminal)
  tokenCommands(program, terminal)
  auditVerifyCommand(program, terminal)
  backupCommands(program, terminal)
}
