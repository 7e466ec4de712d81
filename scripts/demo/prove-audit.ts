import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

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
  const mayfly = (...args: readonly string[]) => runMayfly(['audit', ...args], { env: approverEnv, signal })
  const file = join(folder, 'audit.ndjson')

  say('Sam', 'runs `mayfly audit export --out audit.ndjson` and `mayfly audit verify audit.ndjson`')
  const exported = await mayfly('export', '--out', file)
  if (exported.code !== 0) throw new DemoFailed(`The audit was not exported. ${exported.stderr}`, 'Please report it.')
  const verified = await mayfly('verify', file)
  for (const line of verified.stdout.trimEnd().split('\n')) say('', line)
  if (verified.code !== 0) throw new DemoFailed(`The audit does not verify. ${verified.stderr}`, 'Please report it.')

  say('Forger', 'rewrites the first refusal in it, and Sam verifies again')
  await writeFile(file, (await readFile(file, 'utf8')).replace('payment:send', 'order:read'))
  const forged = await mayfly('verify', file)
  for (const line of forged.stdout.match(/^FAULT.*$/gm) ?? []) say('', line)
  if (forged.code === 0) throw new DemoFailed('A changed record was not found.', 'This is a hole: please report it.')
}
