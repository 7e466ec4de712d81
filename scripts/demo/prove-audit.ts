import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { Client } from '../../src/client/create-client.ts'
import { DemoFailed } from './demo-failed.ts'
import { recordLine } from './record-line.ts'
import { runMayfly } from './run-mayfly.ts'
import type { Stage } from './stage.ts'
import { say } from './tell.ts'

const TAIL = 4

/** Shows the ends of both streams, verifies an export of the audit, and shows that one changed word would be found. */
export async function proveAudit({ approver, folder, approverEnv, signal }: Stage): Promise<void> {
  for (const stream of ['approved', 'denied'] as const) {
    const records = await approver.audit.read(stream, { signal })
    records.slice(-TAIL).forEach((record, at) => say(at === 0 ? stream : '', recordLine(record)))
  }
  const exported = await exportAudit(approver, signal)
  const verify = async (text: string) => {
    const file = join(folder, 'audit.ndjson')
    await writeFile(file, text, { mode: 0o600 })
    const { code, stdout, stderr } = await runMayfly(['audit', 'verify', file], { env: approverEnv, signal })
    return { whole: code === 0, said: stdout.trimEnd().split('\n'), stderr }
  }
  say('Sam', 'runs `mayfly audit verify` on an export of it all')
  const { whole, said, stderr } = await verify(exported)
  for (const line of said) say('', line)
  if (!whole) throw new DemoFailed(`The audit does not verify. ${stderr}`, 'Please report it.')

  say('Forger', 'rewrites the first refusal, and Sam verifies again')
  const forged = await verify(exported.replace('payment:send', 'order:read'))
  for (const line of forged.said.filter((each) => each.startsWith('FAULT'))) say('', line)
  if (forged.whole) throw new DemoFailed('A changed record was not found.', 'This is a hole: please report it.')
}

/** All records, then what they are verified with, one JSON object a line. */
async function exportAudit({ audit }: Client, signal: AbortSignal): Promise<string> {
  const lines: object[] = []
  for (const stream of ['approved', 'denied', 'operations'] as const)
    for await (const record of audit.follow(stream, { signal })) lines.push({ record })
  lines.push({ checkpoint: await audit.checkpoint({ signal }) }, { keys: await audit.keys({ signal }) })
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('')
}
