import canonicalize from 'canonicalize'
import { hash as digest } from 'node:crypto'

import {
  AUDIT_KINDS,
  AUDIT_STREAMS,
  CHAIN_START,
  type AuditRecord,
  type AuditStream,
  type ChainHead,
} from '../core/audit.ts'
import type { Json } from '../core/json.ts'
import { verifyCheckpoint, type Checkpoint } from '../store/keys/verify-checkpoint.ts'

/** What a verification found. `faults` empty: every chain is whole, and reaches as far as the checkpoints say. */
export interface AuditVerification {
  /** How far each chain was followed. */
  readonly streams: Readonly<Record<AuditStream, ChainHead>>
  readonly checkpoints: number
  readonly faults: readonly string[]
}

export interface AuditUnderTest {
  /** Each stream in ascending order; the streams may be mixed. */
  readonly records: AsyncIterable<AuditRecord>
  /** Checkpoints to hold against them. One that was kept elsewhere finds a cut-off tail and a history written anew. */
  readonly checkpoints: readonly { readonly name: string; readonly text: string }[]
  /** The JWK Set of `/v1/audit/keys`. */
  readonly keys: Json
}

/** Recomputes every hash and link of the three chains in one pass, and holds the checkpoints against them. */
export async function verifyAudit({ records, checkpoints, keys }: AuditUnderTest): Promise<AuditVerification> {
  const read = await Promise.all(
    checkpoints.map(async ({ name, text }) => ({ name, said: await verifyCheckpoint(text, keys) })),
  )
  const known = read.flatMap(({ name, said }) => (said.ok ? [{ name, checkpoint: said.value }] : []))
  const faults = read.flatMap(({ name, said }) => (said.ok ? [] : [`${name}: ${said.error}`]))
  const heads = new Map<AuditStream, ChainHead>(AUDIT_STREAMS.map((stream) => [stream, { seq: 0, hash: CHAIN_START }]))
  const broken = new Set<AuditStream>()
  for await (const record of records) {
    const { stream, seq } = record
    const fault = linkFault(record, heads.get(stream))
    // Only the first of a chain is named: everything behind it hangs on it.
    if (fault !== undefined && !broken.has(stream)) faults.push(`${stream} ${seq}: ${fault}`)
    if (fault !== undefined) broken.add(stream)
    heads.set(stream, { seq, hash: record.hash })
    faults.push(...known.flatMap((each) => rewritten(each, record)))
  }
  faults.push(...known.flatMap((each) => cutOff(each, heads)))
  return { streams: Object.fromEntries(heads) as AuditVerification['streams'], checkpoints: checkpoints.length, faults }
}

function linkFault(record: AuditRecord, before: ChainHead | undefined): string | undefined {
  const { hash, ...rest } = record
  if (record.seq !== (before?.seq ?? 0) + 1) return `follows ${before?.seq ?? 0}: a record is missing or slipped in`
  if (record.prev !== before?.hash) return 'does not link to the record before it'
  if (AUDIT_KINDS[record.kind] !== record.stream) return `is of kind ${record.kind}, which belongs to another stream`
  return digest('sha256', canonicalize(rest) ?? '') === hash ? undefined : 'was changed: its hash is another'
}

interface Named {
  readonly name: string
  readonly checkpoint: Checkpoint
}

function rewritten({ name, checkpoint }: Named, { stream, seq, hash }: AuditRecord): readonly string[] {
  const head = checkpoint.streams[stream]
  return head.seq !== seq || head.hash === hash
    ? []
    : [`${stream} ${seq}: ${name} knows it with another hash: history was written anew`]
}

function cutOff({ name, checkpoint }: Named, heads: ReadonlyMap<AuditStream, ChainHead>): readonly string[] {
  return AUDIT_STREAMS.flatMap((stream) => {
    const [there, known] = [heads.get(stream)?.seq ?? 0, checkpoint.streams[stream].seq]
    return there >= known
      ? []
      : [`${stream} ends at ${there}, and ${name} knows it up to ${known}: its tail was cut off`]
  })
}
