import type Database from 'better-sqlite3'
import type * as z from 'zod'

import type { LeaseFilter, Reads, Transaction } from '../../broker/store-port.ts'
import type { LeaseId } from '../../core/id.ts'
import type { LeaseOutcome, LeaseState } from '../../core/lease.ts'
import { changedColumns, fromLease, LEASE_COLUMNS, LeaseRow, toLease } from './lease-row.ts'
import { few, inOrder, listQuery, none, type Clauses } from './list-query.ts'
import type { Memory } from './group-commit.ts'
import { moveRow } from './move-row.ts'
import { tally } from './tally.ts'

type LeaseReads = Pick<
  Reads,
  | 'lease'
  | 'leaseByToken'
  | 'leases'
  | 'ancestors'
  | 'children'
  | 'countLive'
  | 'taskSoFar'
  | 'wasRevoked'
  | 'wasAgent'
  | 'agentsOfTask'
>
type LeaseWrites = Pick<Transaction, 'insertLease' | 'moveLease'> & { readonly memory: Memory }

/** A chain longer than this is not a tree that the broker made. */
const MAX_CHAIN = 64
const OUTCOMES_SHOWN = 100

const FILTERS: Clauses<LeaseFilter> = {
  state: { sql: 'state = ?', index: (state) => (state === 'closed' ? 'none' : 'in order') },
  agent: { sql: 'agent = ?', index: none },
  owner: { sql: 'owner = ? collate nocase', index: none },
  task: { sql: 'task = ?', index: few },
  grant: {
    sql: "exists (select 1 from json_each(detail, '$.access') where json_extract(value, '$.grant') = ?)",
    index: none,
  },
  tier: { sql: 'tier = ?', index: none },
  since: { sql: 'created_at >= ?', index: inOrder },
  until: { sql: 'created_at < ?', index: inOrder },
}

/** Every statement about leases, prepared once, so that a wrong column name stops the start and not a request. */
export function prepareLeases(db: Database.Database) {
  const columns = Object.keys(LeaseRow.shape)
  return {
    insert: db.prepare(`insert into lease (${LEASE_COLUMNS}) values (${columns.map((name) => `@${name}`).join(', ')})`),
    byId: db.prepare<[string]>(`select ${LEASE_COLUMNS} from lease where id = ?`),
    byToken: db.prepare<[string]>(`select ${LEASE_COLUMNS} from lease where token_hash = ?`),
    children: db.prepare<[string]>(`select id from lease where parent = ? order by id`).pluck(),
    countLive: db.prepare<[], { readonly name: string; readonly count: number }>(
      `select agent as name, count(*) as count from lease where state in ('pending', 'active') group by agent`,
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
    wasRevoked: db
      .prepare<[string, string, number]>(
        `select 1 from lease where agent = ? and task = ? and outcome = 'revoked' and closed_by like 'operator:%'
         and (closed_at is null or closed_at >= ?) limit 1`,
      )
      .pluck(),
    wasAgent: db.prepare<[string]>(`select 1 from lease where agent = ? limit 1`).pluck(),
    agentsOfTask: db.prepare<[string]>(`select distinct root_agent from lease where task = ? limit 10`).pluck(),
  }
}

export function sqliteLeases(db: Database.Database): LeaseReads & LeaseWrites {
  const sql = prepareLeases(db)
  const list = listQuery(db, { table: 'lease', columns: LEASE_COLUMNS, clauses: FILTERS })
  const lease: LeaseReads['lease'] = (id) => optional(sql.byId.get(id))
  const live = tally(() => sql.countLive.all())
  const move = moveRow<z.infer<typeof LeaseRow>>(db, { table: 'lease', returning: 'agent' })

  return {
    memory: live,
    lease,
    leaseByToken: (tokenHash) => optional(sql.byToken.get(tokenHash)),
    leases: (filter, page) => {
      const { rows, resume } = list(filter, page)
      return { rows: rows.map(toLease), resume }
    },
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
    countLive: (agent) => (agent === null ? live.total() : live.of(agent)),
    taskSoFar: (agent, task) => ({
      openLeases: Number(sql.openOfTask.get(agent, task)),
      outcomes: sql.outcomesOfTask.all(agent, task, OUTCOMES_SHOWN) as LeaseOutcome[],
    }),
    wasRevoked: (agent, task, since) => sql.wasRevoked.get(agent, task, since) !== undefined,
    wasAgent: (agent) => sql.wasAgent.get(agent) !== undefined,
    agentsOfTask: (task) => sql.agentsOfTask.all(task) as string[],
    insertLease: (row) => {
      sql.insert.run(fromLease(row))
      live.add(row.agent, isOpen(row.state))
    },
    moveLease: (from, change) => {
      const columns = changedColumns(change, () => lease(from.id))
      const agent = columns && move(from, columns)
      if (agent === undefined) return false
      live.add(agent, isOpen(change.state ?? from.state) - isOpen(from.state))
      return true
    },
  }
}

const optional = (row: unknown) => (row === undefined ? undefined : toLease(row))

const isOpen = (state: LeaseState): number => (state === 'pending' || state === 'active' ? 1 : 0)
