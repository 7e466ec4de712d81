import Database from 'better-sqlite3'
import canonicalize from 'canonicalize'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { STREAMS } from './audit.ts'

interface LeaseRow {
  readonly id: string
  readonly state: string
  readonly outcome: string | null
}
interface CredentialRow extends LeaseRow {
  readonly lease: string
  readonly handle: string
  readonly attempts: number
}
interface RecordRow {
  readonly stream: string
  readonly seq: number
  readonly hash: string
  readonly record: string
}

/** A ledger as it lies on the disk, read past the broker. */
export interface LedgerFile {
  readonly leases: ReadonlyMap<string, LeaseRow>
  readonly credentials: ReadonlyMap<string, CredentialRow>
  readonly audit: readonly RecordRow[]
}

/** Reads the database of one folder, whether its broker runs, has stopped or was killed. */
export function readLedger(folder: string): LedgerFile {
  const db = new Database(join(folder, 'data', 'mayfly.db'), { readonly: true })
  try {
    return db.transaction(() => {
      const leases = db.prepare<[], LeaseRow>('select id, state, outcome from lease').all()
      const credentials = db
        .prepare<[], CredentialRow>('select id, lease, handle, state, outcome, attempts from credential')
        .all()
      return {
        leases: new Map(leases.map((row) => [row.id, row])),
        credentials: new Map(credentials.map((row) => [row.id, row])),
        audit: db.prepare<[], RecordRow>('select stream, seq, hash, record from audit order by stream, seq').all(),
      }
    })()
  } finally {
    db.close()
  }
}

/** The streams whose chains do not hold, by the words of the contract and without the broker's own code. */
export function brokenChains({ audit }: LedgerFile): readonly string[] {
  return STREAMS.filter((stream) => {
    let before = '0'.repeat(64)
    return audit
      .filter((row) => row.stream === stream)
      .some(({ seq, hash, record }, at) => {
        const said = JSON.parse(record) as { readonly prev: string; readonly seq: number }
        const linked = seq === at + 1 && said.seq === seq && said.prev === before
        before = hash
        return !linked || canonicalize(said) !== record || createHash('sha256').update(record).digest('hex') !== hash
      })
  })
}

const LEASE_STATES = ['pending', 'active', 'closing', 'closed']
const CREDENTIAL_STATES = ['minting', 'active', 'revoking', 'closed']

/** What the later reading of one ledger has lost or brought back to life since the earlier one. */
export function undone(earlier: LedgerFile, later: LedgerFile): readonly string[] {
  const faults: string[] = []
  const compare = (
    what: string,
    states: readonly string[],
    rows: readonly [ReadonlyMap<string, LeaseRow>, ReadonlyMap<string, LeaseRow>],
  ): void => {
    for (const [id, was] of rows[0]) {
      const is = rows[1].get(id)
      if (!is) faults.push(`${what} ${id} was ${was.state} and is gone`)
      else if (states.indexOf(is.state) < states.indexOf(was.state))
        faults.push(`${what} ${id} was ${was.state} and is ${is.state} again`)
      else if (was.outcome !== null && is.outcome !== was.outcome)
        faults.push(`${what} ${id} had ended as ${was.outcome} and now as ${String(is.outcome)}`)
    }
  }
  compare('lease', LEASE_STATES, [earlier.leases, later.leases])
  compare('credential', CREDENTIAL_STATES, [earlier.credentials, later.credentials])
  const records = new Map(later.audit.map(({ stream, seq, hash }) => [`${stream} ${seq}`, hash]))
  for (const { stream, seq, hash } of earlier.audit)
    if (records.get(`${stream} ${seq}`) !== hash) faults.push(`record ${seq} of ${stream} is not what it was`)
  return faults
}
