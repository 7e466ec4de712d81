import type Database from 'better-sqlite3'
import * as z from 'zod'

import type { Reads, Transaction } from '../../broker/store-port.ts'
import type { Memory } from './group-commit.ts'
import type { MarkId } from '../../core/id.ts'
import type { Mark, Scope } from '../../core/mark.ts'

/** The shape of one row, checked on the way out. */
export const MarkRow = z.strictObject({
  id: z.string(),
  kind: z.enum(['freeze', 'revoked']),
  scope_kind: z.enum(['all', 'agent', 'owner', 'lease', 'provider', 'grant', 'task']),
  scope_value: z.string(),
  scope_agent: z.string(),
  since: z.int(),
  by: z.string(),
  reason: z.string(),
  lifted_at: z.int().nullable(),
  lifted_by: z.string().nullable(),
  lift_reason: z.string().nullable(),
})
type MarkRow = z.infer<typeof MarkRow>

const COLUMN_NAMES = Object.keys(MarkRow.shape)
const COLUMNS = COLUMN_NAMES.join(', ')

type MarkPort = Pick<Reads, 'marks' | 'liftedMark'> &
  Pick<Transaction, 'insertMark' | 'liftMark'> & { readonly memory: Memory }

/** Every statement about marks, prepared once. */
export function prepareMarks(db: Database.Database) {
  return {
    inForce: db.prepare(`select ${COLUMNS} from mark where lifted_at is null order by since, id`),
    byId: db.prepare<[string]>(`select ${COLUMNS} from mark where id = ?`),
    insert: db.prepare(`insert into mark (${COLUMNS}) values (${COLUMN_NAMES.map((name) => `@${name}`).join(', ')})`),
    lift: db.prepare(
      `update mark set lifted_at = @at, lifted_by = @by, lift_reason = @reason where id = @id and lifted_at is null`,
    ),
  }
}

/** Marks in force are few and read on every use, so they are kept in memory. */
export function sqliteMarks(db: Database.Database): MarkPort {
  const sql = prepareMarks(db)
  let held: readonly Mark[] = []
  const reread = (): void => void (held = sql.inForce.all().map((row) => toMark(MarkRow.parse(row))))
  reread()
  return {
    memory: { began: () => undefined, undone: reread, reread },
    marks: () => held,
    liftedMark: (id) => {
      const raw = sql.byId.get(id)
      const row = raw === undefined ? undefined : MarkRow.parse(raw)
      return row && row.lifted_by !== null ? { ...toMark(row), liftedBy: row.lifted_by } : undefined
    },
    insertMark: (mark) => {
      sql.insert.run(fromMark(mark))
      reread()
    },
    liftMark: ({ id }, by) => {
      sql.lift.run({ id, ...by })
      reread()
    },
  }
}

function toMark({ id, kind, since, by, reason, ...row }: MarkRow): Mark {
  return { id: id as MarkId, kind, scope: toScope(row), since, by, reason }
}

function toScope({
  scope_kind: kind,
  scope_value: value,
  scope_agent: agent,
}: Pick<MarkRow, 'scope_kind' | 'scope_value' | 'scope_agent'>): Scope {
  if (kind === 'all') return { kind }
  return kind === 'task' ? { kind, value, agent } : { kind, value }
}

function fromMark({ id, kind, scope, since, by, reason }: Mark): MarkRow {
  return {
    id,
    kind,
    scope_kind: scope.kind,
    scope_value: scope.kind === 'all' ? '' : scope.value,
    scope_agent: scope.kind === 'task' ? scope.agent : '',
    since,
    by,
    reason,
    lifted_at: null,
    lifted_by: null,
    lift_reason: null,
  }
}
