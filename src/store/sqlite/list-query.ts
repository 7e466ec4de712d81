import type Database from 'better-sqlite3'

import type { PageRequest } from '../../broker/store-port.ts'

/** The SQL of each filter, with one `?` for its value. Texts of our own: a caller chooses which, never what they say. */
export type Clauses<F> = { readonly [K in keyof F]-?: string }

interface Listed<F> {
  readonly table: string
  readonly columns: string
  readonly clauses: Clauses<F>
  /** The column that `createdAt` stands for. */
  readonly createdAt?: string
}

/**
 * Newest first by (created_at, id), a page at a time. One statement for each set of filters that was ever asked for,
 * prepared at its first use: there are too many sets to prepare them all, and too few to forget any.
 */
export function listQuery<F extends object>(
  db: Database.Database,
  { table, columns, clauses, createdAt = 'created_at' }: Listed<F>,
) {
  const prepared = new Map<string, Database.Statement>()

  return (filter: F, { limit, after }: PageRequest): readonly unknown[] => {
    const names = (Object.keys(clauses) as (keyof F & string)[]).filter((name) => filter[name] !== undefined)
    const where = [...names.map((name) => clauses[name]), ...(after ? [`(${createdAt}, id) < (?, ?)`] : [])]
    const text = `select ${columns} from ${table} ${where.length > 0 ? `where ${where.join(' and ')}` : ''}
      order by ${createdAt} desc, id desc limit ?`
    const statement = prepared.get(text) ?? db.prepare(text)
    prepared.set(text, statement)
    const values = names.map((name) => filter[name])
    return statement.all(...values, ...(after ? [after.createdAt, after.id] : []), limit)
  }
}
