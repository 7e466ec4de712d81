import type Database from 'better-sqlite3'
import * as z from 'zod'

import type { Reads, Transaction } from '../../broker/store-port.ts'
import type { LeaseId } from '../../core/id.ts'
import type { Json } from '../../core/json.ts'
import { UNUSED, type LeaseUse } from '../../core/lease-use.ts'

/** The shape of one row, checked on the way out. */
export const UseRow = z.strictObject({
  lease: z.string(),
  allowed: z.int(),
  denied: z.int(),
  asked: z.int(),
  denials_in_row: z.int(),
  by_tool: z.string(),
  history: z.string(),
})

/** At most this many lapsed answers are dropped for each that is kept, so that the table stays small by itself. */
const DROPPED_PER_KEEP = 2

const CallRow = z.strictObject({ digest: z.string(), callers: z.string() })

type UsePort = Pick<Reads, 'use' | 'call' | 'callCounts' | 'leaseByEvaluateToken' | 'carriedLabels' | 'keptAnswer'> &
  Pick<Transaction, 'keepUse' | 'keepCall' | 'insertEvaluateToken' | 'keepAnswer'>

/** Every statement about what leases use, prepared once. */
export function prepareUses(db: Database.Database) {
  return {
    use: db.prepare<[string]>(`select ${Object.keys(UseRow.shape).join(', ')} from lease_use where lease = ?`),
    keep: db.prepare(
      `insert into lease_use (lease, allowed, denied, asked, denials_in_row, by_tool, history)
       values (@lease, @allowed, @denied, @asked, @denials_in_row, @by_tool, @history)
       on conflict (lease) do update set allowed = excluded.allowed, denied = excluded.denied, asked = excluded.asked,
       denials_in_row = excluded.denials_in_row, by_tool = excluded.by_tool, history = excluded.history`,
    ),
    call: db.prepare<[string, string]>(`select digest, callers from call where lease = ? and call_id = ?`),
    keepCall: db.prepare(
      `insert into call (lease, call_id, at, digest, tool, callers) values (@lease, @call_id, @at, @digest, @tool, @callers)
       on conflict (lease, call_id) do update set callers = excluded.callers`,
    ),
    counts: db.prepare<[string, number, string, string], { readonly recent: number; readonly same: number }>(
      `select (select count(*) from call where lease = ? and at > ?) as recent,
              (select count(*) from call where lease = ? and digest = ?) as same`,
    ),
    insertToken: db.prepare<[string, string, number]>(
      `insert into evaluate_token (hash, lease, expires_at) values (?, ?, ?)`,
    ),
    carried: [
      db.prepare<[string, string], string>(
        `select u.history from lease l join lease_use u on u.lease = l.id
         where l.agent = ? and l.instance = ? and l.state in ('pending', 'active') and l.parent is null`,
      ),
      db.prepare<[string, string, number], string>(
        `select u.history from lease l join lease_use u on u.lease = l.id
         where l.agent = ? and l.instance = ? and l.closed_at >= ? and l.closed_at is not null and l.parent is null`,
      ),
    ] as const,
    answer: db.prepare<[string, string, number], { readonly digest: string; readonly answer: string }>(
      `select digest, answer from evaluation_answer where scope = ? and key = ? and expires_at > ?`,
    ),
    keepAnswer: db.prepare(
      `insert into evaluation_answer (scope, key, digest, answer, expires_at) values (@scope, @key, @digest, @answer, @expires_at)
       on conflict (scope, key) do update set digest = excluded.digest, answer = excluded.answer, expires_at = excluded.expires_at`,
    ),
    dropAnswers: db.prepare<[number, number]>(
      `delete from evaluation_answer where (scope, key) in
         (select scope, key from evaluation_answer where expires_at <= ? order by expires_at limit ?)`,
    ),
    token: db
      .prepare<[string, number], string>(`select lease from evaluate_token where hash = ? and expires_at > ?`)
      .pluck(),
  }
}

/** What leases have used, and which calls were allowed: rows, so that a restart forgives nothing. */
export function sqliteUses(db: Database.Database): UsePort {
  const sql = prepareUses(db)
  return {
    use: (lease) => {
      const raw = sql.use.get(lease)
      return raw === undefined ? UNUSED : toUse(UseRow.parse(raw))
    },
    call: (lease, callId) => {
      const raw = sql.call.get(lease, callId)
      if (raw === undefined) return undefined
      const { digest, callers } = CallRow.parse(raw)
      return { digest, callers: JSON.parse(callers) as readonly string[] }
    },
    callCounts: (lease, since, digest) => sql.counts.get(lease, since, lease, digest) ?? { recent: 0, same: 0 },
    carriedLabels: (agent, instance, since) => {
      const [live, ended] = sql.carried
      const histories = [...live.pluck().all(agent, instance), ...ended.pluck().all(agent, instance, since)]
      return [...new Set(histories.flatMap((text) => (JSON.parse(text) as LeaseUse['history']).labels))]
    },
    keptAnswer: (scope, key, now) => {
      const row = sql.answer.get(scope, key, now)
      return row && { digest: row.digest, answer: JSON.parse(row.answer) as Json }
    },
    keepAnswer: ({ scope, key, digest, answer, expiresAt, keptAt }) => {
      sql.keepAnswer.run({ scope, key, digest, answer: JSON.stringify(answer), expires_at: expiresAt })
      sql.dropAnswers.run(keptAt, DROPPED_PER_KEEP)
    },
    keepUse: (lease, use) => void sql.keep.run(fromUse(lease, use)),
    keepCall: ({ lease, callId, at, digest, tool, callers }) =>
      void sql.keepCall.run({ lease, call_id: callId, at, digest, tool, callers: JSON.stringify(callers) }),
    insertEvaluateToken: (hash, lease, expiresAt) => void sql.insertToken.run(hash, lease, expiresAt),
    leaseByEvaluateToken: (hash, now) => sql.token.get(hash, now) as LeaseId | undefined,
  }
}

function toUse(row: z.infer<typeof UseRow>): LeaseUse {
  return {
    allowed: row.allowed,
    denied: row.denied,
    asked: row.asked,
    denialsInRow: row.denials_in_row,
    byTool: JSON.parse(row.by_tool) as LeaseUse['byTool'],
    history: JSON.parse(row.history) as LeaseUse['history'],
  }
}

function fromUse(lease: LeaseId, use: LeaseUse): z.infer<typeof UseRow> {
  return {
    lease,
    allowed: use.allowed,
    denied: use.denied,
    asked: use.asked,
    denials_in_row: use.denialsInRow,
    by_tool: JSON.stringify(use.byTool),
    history: JSON.stringify(use.history),
  }
}
