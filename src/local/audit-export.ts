import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'

import { AUDIT_KINDS, AUDIT_STREAMS, type AuditRecord } from '../core/audit.ts'
import { isJsonObject, type Json } from '../core/json.ts'

/** What an export says beside its records. What was not exported is null. */
export interface ExportSeals {
  /** A compact JWS over the heads of the chains. */
  readonly checkpoint: string | null
  /** The JWK Set that the checkpoint is signed with. */
  readonly keys: Json
}

/** An export that is not in the form which `mayfly audit export` writes. */
export class NotAnExport extends Error {
  override readonly name = 'NotAnExport'
}

/** The last checkpoint and keys of an export. They stand behind the records, so the whole file is passed over once. */
export async function readSeals(file: string): Promise<ExportSeals> {
  let seals: ExportSeals = { checkpoint: null, keys: null }
  for await (const entry of entriesOf(file)) {
    if (typeof entry['checkpoint'] === 'string') seals = { ...seals, checkpoint: entry['checkpoint'] }
    if (isJsonObject(entry['keys'])) seals = { ...seals, keys: entry['keys'] }
  }
  return seals
}

/** The records of an export in the order of the file, one at a time: an audit log may be larger than memory. */
export async function* readRecords(file: string): AsyncGenerator<AuditRecord> {
  for await (const entry of entriesOf(file)) if (isRecord(entry['record'])) yield entry['record']
}

async function* entriesOf(file: string): AsyncGenerator<Readonly<Record<string, Json>>> {
  let at = 0
  for await (const line of createInterface({ input: createReadStream(file, 'utf8'), crlfDelay: Infinity })) {
    at += 1
    if (line.trim() === '') continue
    const entry = parse(line)
    const known =
      entry && (isRecord(entry['record']) || typeof entry['checkpoint'] === 'string' || isJsonObject(entry['keys']))
    if (!known) throw new NotAnExport(`${file}:${at}: neither a record nor a checkpoint nor keys`)
    yield entry
  }
}

function parse(line: string): Readonly<Record<string, Json>> | undefined {
  try {
    const value = JSON.parse(line) as Json
    return isJsonObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** As far as verification needs it: whatever else a record says, its hash covers. */
function isRecord(value: Json | undefined): value is Json & AuditRecord {
  if (!isJsonObject(value)) return false
  const { seq, stream, kind, prev, hash } = value
  const named =
    AUDIT_STREAMS.some((name) => name === stream) && typeof kind === 'string' && Object.hasOwn(AUDIT_KINDS, kind)
  return named && Number.isSafeInteger(seq) && typeof prev === 'string' && typeof hash === 'string'
}
