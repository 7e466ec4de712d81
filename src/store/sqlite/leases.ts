import type Database from 'better-sqlite3'

import type { LeaseFilter, Reads, Transaction } from '../../broker/ports.ts'
import type { LeaseId } from '../../core/id.ts'
import type { LeaseOutcome } from '../../core/lease.ts'
import { fromLease, LEASE_COLUMNS, LeaseRow, toLease } from './lease-row.ts'
import { listQuery, type Clauses } from './list-query.ts'
import { liveCount, type LiveCount } from './live-count.ts'

type LeaseReads = Pick<
  Reads,
  'lease' | 'leaseByToken' | 'leases' | 'ancestors' | 'children' | 'countLive' | 'taskSoFar' | 'due' | 'live'
>
type LeaseWrites = Pick<Transaction, 'insertLease' | 'moveLease'> & Pick<LiveCount, 'recount'>

/** A chain longer than this is not a tree that the broker made. */
const MAX_CHAIN = 64
const OUTCOMES_SHOWN = 100

const FILTERS: Clauses<LeaseFilter> = {
  state: 'state = ?',
  agent: 'agent = ?',
  owner: 'owner = ?',
  task: 'task = ?',
  grant: "exists (select 1 from json_each(detail, '$.access') where json_extract(value, '$.grant') = ?)",
  tier: 'tier = ?',
  since: 'created_at >= ?',
  until: 'created_at < ?',
}

/** Every statement about leases, prepared once, so that a wrong column name stops the start and not a request. */
export function prepareLeases(db: Database.Database) {
  const columns = Object.keys(LeaseRow.shape)
  const mutable = columns.filter((name) => !['id', 'fence'].includes(name))
  return {
    insert: db.prepare(`insert into lease (${LEASE_COLUMNS}) values (${columns.map((name) => `@${name}`).join(', ')})`),
    update: db.prepare(
      `update lease set ${mutable.map((name) => `${name} = @${name}`).join(', ')}, fence = fence + 1
       where id = @id and state = @from_state and fence = @fence`,
    ),
    byId: db.prepare<[string]>(`select ${LEASE_COLUMNS} from lease where id = ?`),
    byToken: db.prepare<[string]>(`select ${LEASE_COLUMNS} from lease where token_hash = ?`),
    children: db.prepare<[string]>(`select id from lease where parent = ? order by id`).pluck(),
    countLive: db.prepare<[], { readonly agent: string; readonly live: number }>(
      `select agent, count(*) as live from lease where state in ('pending', 'active') group by agent`,
    ),
    openOfTask: db
      .prepare<[string, string]>(
        `select count(*) from lease where agent = ? and task = ? and state in ('pending', 'active')`,
      )
      .pluck(),
    outcomesOfTask: db
      .prepare<[string, string, number]>(
        `select outcome from lease where agent = ? and task = ? and outcome is not null order by created_at desc limit ?`,
      )
      .pluck(),
    due: db.prepare<[number, number]>(
      `select ${LEASE_COLUMNS} from lease where state in ('pending', 'active') and expires_at <= ? order by expires_at limit ?`,
    ),
    live: db.prepare<[string, string, string, number]>(
      `select ${LEASE_COLUMNS} from lease where state in ('pending', 'active') and (agent, task, id) > (?, ?, ?)
       order by agent, task, id limit ?`,
    ),
  }
}

export function sqliteLeases(db: Database.Database): LeaseReads & LeaseWrites {
  const sql = prepareLeases(db)
  const list = listQuery(db, { table: 'lease', columns: LEASE_COLUMNS, clauses: FILTERS })
  const lease: LeaseReads['lease'] = (id) => optional(sql.byId.get(id))
  const live = liveCount(sql.countLive)

  return {
    recount: live.recount,
    lease,
    leaseByToken: (tokenHash) => optional(sql.byToken.get(tokenHash)),
    leases: (filter, page) => list(filter, page).map(toLease),
    ancestors: (from) => {
      const chain = []
      for (let next = from.parent; next !== null;) {
        const parent = lease(next)
        if (!parent) throw new Error(`Lease ${from.id} has an ancestor that is not there`)
        if (chain.push(parent) > MAX_CHAIN) throw new Error(`Lease ${from.id} descends from a cycle`)
        next = parent.parent
      }
      return chain
    },
    children: (id) => sql.children.all(id) as LeaseId[],
    countLive: live.of,
    taskSoFar: (agent, task) => ({
      openLeases: Number(sql.openOfTask.get(agent, task)),
      outcomes: sql.outcomesOfTask.all(agent, task, OUTCOMES_SHOWN) as LeaseOutcome[],
    }),
    due: (now, limit) => sql.due.all(now, limit).map(toLease),
    live: (after, limit) => {
      const { agent = '', task = '', id = '' } = (after && lease(after)) ?? {}
      return sql.live.all(agent, task, id, limit).map(toLease)
    },
    insertLease: (row) => {
      sql.insert.run(fromLease(row))
      live.moved(row.agent, null, row.state)
    },
    moveLease: (from, change) => {
      const current = lease(from.id)
      if (current?.state !== from.state || current.fence !== from.fence) return false
      const next = { ...current, ...change }
      if (sql.update.run({ ...fromLease(next), from_state: from.state }).changes !== 1) return false
      live.moved(next.agent, current.state, next.state)
      return true
    },
  }
}

const optional = (row: unknown) => (row === undefined ? undefined : toLease(row))
