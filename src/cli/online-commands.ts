import type { Command } from 'commander'

import { agentCommands } from './agent-commands.ts'
import { approvalCommands } from './approval-commands.ts'
import { auditCommands } from './audit-commands.ts'
import { brokerCommands } from './broker-commands.ts'
import { clockCommands } from './clock-commands.ts'
import { credentialCommands } from './credential-commands.ts'
import { freezeCommands } from './freeze-commands.ts'
import { keyCommands } from './key-commands.ts'
import { leaseCommands } from './lease-commands.ts'
import { recoveryCommands } from './recovery-commands.ts'
import { runCommands } from './run-commands.ts'
import { stickyCommands } from './sticky-commands.ts'
import type { Terminal } from './terminal.ts'

/** Every command that asks a broker. */
export function onlineCommands(program: Command, terminal: Terminal): void {
  runCommands(program, terminal)
  leaseCommands(program, terminal)
  approvalCommands(program, terminal)
  agentCommands(program, terminal)
  stickyCommands(program, terminal)
  freezeCommands(program, terminal)
  credentialCommands(program, terminal)
  auditCommands(program, terminal)
  keyCommands(program, terminal)
  recoveryCommands(program, terminal)
  clockCommands(program, terminal)
  brokerCommands(program, terminal)
}
