import type Database from 'better-sqlite3'
import canonicalize from 'canonicalize'
import { createHash } from 'node:crypto'

import type { Reads, Transaction } from '../../broker/store-port.ts'
import type { Memory } from './group-commit.ts'
import {
  AUDIT_KINDS,
  AUDIT_STREAMS,
  CHAIN_START,
  type AuditEntry,
  type AuditRecord,
  type AuditStream,
  type ChainHead,
} from '../../core/audit.ts'
import { rfc3339 } from '../../core/time.ts'

type AuditPort = Pick<Reads, 'audit' | 'auditHead'> & Pick<Transaction, 'append'> & { readonly memory: Memory }

interface Row {
  readonly seq: number
  readonly hash: string
  readonly record: string
}

/**
 * Three chains: each record holds the hash of the one before it, so that none can be changed, dropped or slipped in
 * unseen. The heads are kept in memory; the last record of each chain is verified when the store opens.
 */
export function sqliteAudit(db: Database.Database): AuditPort {
  const insert = db.prepare<[string, number, string, string]>(
    'insert into audit (stream, seq, hash, record) values (?, ?, ?, ?)',
  )
  const after = db.prepare<[string, number, number], Row>(
    'select seq, hash, record from audit where stream = ? and seq > ? order by seq limit ?',
  )
  const last = db.prepare<[string], Row>(
    'select seq, hash, record from audit where stream = ? order by seq desc limit 1',
  )
  const heads = new Map<AuditStream, ChainHead>()

  function reread(): void {
    for (const stream of AUDIT_STREAMS) heads.set(stream, headOf(stream, last.get(stream)))
  }
  reread()

  const auditHead = (stream: AuditStream): ChainHead => heads.get(stream) ?? { seq: 0, hash: CHAIN_START }

  return {
    memory: { began: () => undefined, undone: reread, reread },
    auditHead,
    audit: (stream, from, limit) =>
      after
        .all(stream, from, limit)
        .map(({ hash, record }) => ({ ...(JSON.parse(record) as Omit<AuditRecord, 'hash'>), hash })),
    append: (entry) => {
      const stream = AUDIT_KINDS[entry.kind]
      const head = auditHead(stream)
      const record = toRecord(entry, stream, head)
      const text = canonicalize(record)
      if (text === undefined) throw new Error(`An audit record of kind ${entry.kind} has no canonical form`)
      const hash = sha256(text)
      insert.run(stream, record.seq, hash, text)
      heads.set(stream, { seq: record.seq, hash })
    },
  }
}

function toRecord(entry: AuditEntry, stream: AuditStream, head: ChainHead): Omit<AuditRecord, 'hash'> {
  return {
    seq: head.seq + 1,
    time: rfc3339(entry.time),
    stream,
    kind: entry.kind,
    actor: entry.actor,
    agent: entry.agent ?? null,
    owner: entry.owner ?? null,
    task: entry.task ?? null,
    lease: entry.lease ?? null,
    subject: entry.subject,
    decision: entry.decision ?? null,
    fingerprint: entry.fingerprint ?? null,
    request_id: entry.requestId ?? null,
    prev: head.hash,
  }
}

/** A head whose own hash is wrong must not be built upon: what follows would vouch for it. */
function headOf(stream: AuditStream, row: Row | undefined): ChainHead {
  if (!row) return { seq: 0, hash: CHAIN_START }
  if (sha256(row.record) !== row.hash) {
    throw new Error(
      `The last record of the audit stream ${stream} (${row.seq}) was changed. Keep the data folder as it is and run: mayfly audit verify`,
    )
  }
  return { seq: row.seq, hash: row.hash }
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
