import type Database from 'better-sqlite3'
import * as z from 'zod'

import type { ApprovalFilter, Reads, Transaction } from '../../broker/store-port.ts'
import { resourceOf } from '../../core/action.ts'
import { APPROVAL_KINDS, APPROVAL_STATES, type Approval } from '../../core/approval.ts'
import type { ApprovalId, LeaseId } from '../../core/id.ts'
import { listQuery, none, type Clauses } from './list-query.ts'

/** The shape of one row, checked on the way out. */
export const ApprovalRow = z.strictObject({
  id: z.string(),
  kind: z.enum(APPROVAL_KINDS),
  state: z.enum(APPROVAL_STATES),
  fence: z.int(),
  lease: z.string(),
  credential: z.string().nullable(),
  agent: z.string(),
  owner: z.string(),
  task: z.string(),
  created_at: z.int(),
  expires_at: z.int(),
  digest: z.string(),
  needed: z.int(),
  denied_by: z.string().nullable(),
  reason: z.string().nullable(),
  root: z.string().nullable(),
  resource: z.string().nullable(),
  detail: z.string(),
})

const COLUMN_NAMES = Object.keys(ApprovalRow.shape)
const COLUMNS = COLUMN_NAMES.join(', ')

const FILTERS: Clauses<ApprovalFilter> = {
  state: { sql: 'state = ?', index: (state) => (state === 'pending' ? 'few' : 'none') },
  agent: { sql: 'agent = ?', index: none },
  task: { sql: 'task = ?', index: none },
}

/** Every statement about approvals, prepared once. */
export function prepareApprovals(db: Database.Database) {
  return {
    insert: db.prepare(
      `insert into approval (${COLUMNS}) values (${COLUMN_NAMES.map((name) => `@${name}`).join(', ')})`,
    ),
    update: db.prepare(
      `update approval set state = @state, denied_by = @denied_by, reason = @reason, detail = @detail, fence = fence + 1
       where id = @id and state = @from_state and fence = @fence`,
    ),
    byId: db.prepare<[string]>(`select ${COLUMNS} from approval where id = ?`),
    countPending: db
      .prepare<[string]>(`select count(*) from approval where agent = ? and state = 'pending' and credential is null`)
      .pluck(),
    lapsed: db.prepare<[number, number]>(
      `select ${COLUMNS} from approval
       where state = 'pending' and kind <> 'lease' and expires_at <= ? limit ?`,
    ),
    ofAction: db.prepare<[string, string]>(
      `select ${COLUMNS} from approval where kind = 'action' and root = ? and resource = ? order by created_at desc limit 100`,
    ),
    waiting: db.prepare<[string]>(
      `select ${COLUMNS} from approval where kind = 'action' and state = 'pending' and lease = ?`,
    ),
    abandoning: db.prepare<[string]>(`select ${COLUMNS} from approval where state = 'pending' and credential = ?`),
  }
}

type ApprovalPort = Pick<
  Reads,
  | 'approval'
  | 'approvals'
  | 'countPendingApprovals'
  | 'lapsedApprovals'
  | 'pendingAbandon'
  | 'actionApprovals'
  | 'pendingActions'
> &
  Pick<Transaction, 'insertApproval' | 'moveApproval'>

export function sqliteApprovals(db: Database.Database): ApprovalPort {
  const sql = prepareApprovals(db)
  const list = listQuery(db, { table: 'approval', columns: COLUMNS, clauses: FILTERS })
  const approval: ApprovalPort['approval'] = (id) => {
    const row = sql.byId.get(id)
    return row === undefined ? undefined : toApproval(row)
  }
  return {
    approval,
    approvals: (filter, page) => {
      const { rows, resume } = list(filter, page)
      return { rows: rows.map(toApproval), resume }
    },
    countPendingApprovals: (agent) => Number(sql.countPending.get(agent)),
    lapsedApprovals: (now, limit) => sql.lapsed.all(now, limit).map(toApproval),
    actionApprovals: (root, resource) => sql.ofAction.all(root, resource).map(toApproval),
    pendingActions: (lease) => sql.waiting.all(lease).map(toApproval),
    pendingAbandon: (credential) => {
      const row = sql.abandoning.get(credential)
      return row === undefined ? undefined : toApproval(row)
    },
    insertApproval: (row) => void sql.insert.run(fromApproval(row)),
    moveApproval: (from, change) => {
      const current = approval(from.id)
      if (!current) return false
      const { state, denied_by, reason, detail } = fromApproval({ ...current, ...change })
      return (
        sql.update.run({ id: from.id, from_state: from.state, fence: from.fence, state, denied_by, reason, detail })
          .changes === 1
      )
    },
  }
}

type Detail = Pick<Approval, 'abandon' | 'action' | 'permission' | 'subject' | 'asks' | 'answered' | 'approvedBy'>

function toApproval(raw: unknown): Approval {
  const row = ApprovalRow.parse(raw)
  return {
    id: row.id as ApprovalId,
    kind: row.kind,
    state: row.state,
    fence: row.fence,
    lease: row.lease as LeaseId,
    agent: row.agent,
    owner: row.owner,
    task: row.task,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    digest: row.digest,
    needed: row.needed,
    deniedBy: row.denied_by,
    reason: row.reason,
    ...(JSON.parse(row.detail) as Detail),
  }
}

function fromApproval(approval: Approval): z.infer<typeof ApprovalRow> {
  const { abandon, action, permission, subject, asks, answered, approvedBy } = approval
  const detail: Detail = { abandon, action, permission, subject, asks, answered, approvedBy }
  return {
    id: approval.id,
    kind: approval.kind,
    state: approval.state,
    fence: approval.fence,
    lease: approval.lease,
    credential: abandon?.credential ?? null,
    agent: approval.agent,
    owner: approval.owner,
    task: approval.task,
    created_at: approval.createdAt,
    expires_at: approval.expiresAt,
    digest: approval.digest,
    needed: approval.needed,
    denied_by: approval.deniedBy,
    reason: approval.reason,
    root: action?.root ?? null,
    resource: action ? resourceOf(action.action).id : null,
    detail: JSON.stringify(detail),
  }
}
