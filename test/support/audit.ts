import { createHash } from 'node:crypto'
import canonicalize from 'canonicalize'
import type { AuditRecord, AuditStream } from '../../src/core/audit.ts'
import type { TestBroker } from './broker.ts'

export const STREAMS = ['approved', 'denied', 'operations'] as const

/** A whole stream, as a viewer reads it page by page. */
export async function readAudit(broker: TestBroker, stream: AuditStream): Promise<readonly AuditRecord[]> {
  const records: AuditRecord[] = []
  for (;;) {
    const path = `/v1/audit/${stream}?after=${records.at(-1)?.seq ?? 0}&limit=200`
    const { status, body } = await broker.call('GET', path, { token: broker.operator('viewer') })
    if (status !== 200) throw new Error(`The audit cannot be read: ${status}`)
    if (body.items.length === 0) return records
    records.push(...(body.items as readonly AuditRecord[]))
  }
}

/** The records of one kind, oldest first. */
export const recordsOf = (records: readonly AuditRecord[], kind: AuditRecord['kind']): readonly AuditRecord[] =>
  records.filter((record) => record.kind === kind)

/** The first record that breaks its chain by the words of the contract, computed without the broker's own code. */
export function brokenAt(records: readonly AuditRecord[]): number | undefined {
  const broken = records.find(({ hash, ...rest }, at) => {
    const before = records[at - 1]
    const linked = rest.seq === at + 1 && rest.prev === (before?.hash ?? '0'.repeat(64))
    const canonical = canonicalize(rest) ?? ''
    return !linked || createHash('sha256').update(canonical).digest('hex') !== hash
  })
  return broken?.seq
}
