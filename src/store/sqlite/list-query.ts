import type Database from 'better-sqlite3'

import type { Found, PageRequest } from '../../broker/store-port.ts'

/** So many rows are looked at in one turn of the loop, at most: some milliseconds. */
const WINDOW = 2000

/** One filter. Texts of our own: a caller chooses which, never what they say. */
interface Clause<V> {
  /** With one `?` for the value. */
  readonly sql: string
  readonly index: (value: V) => Index
}
export type Clauses<F> = { readonly [K in keyof F]-?: Clause<NonNullable<F[K]>> }

/**
 * What finds the rows that have a value: an index of them in the order of the list; an index of few enough that they can
 * be put in order; none, so that they are looked for row by row.
 */
type Index = 'in order' | 'few' | 'none'

export const inOrder = (): Index => 'in order'
export const few = (): Index => 'few'
export const none = (): Index => 'none'

interface Listed<F> {
  readonly table: string
  readonly columns: string
  readonly clauses: Clauses<F>
  /** The column that `createdAt` stands for. */
  readonly createdAt?: string
  /** What the list is in the order of, newest first. Ids sort by time. */
  readonly order?: 'created_at, id' | 'id'
}

/**
 * Newest first, a page at a time. A look is bounded: however rare what is looked for, no more than a window of rows is
 * read before the loop has its turn, and `resume` says where to look on. One statement for each set of filters that was
 * ever asked for, prepared at its first use: there are too many sets to prepare them all, and too few to forget any.
 */
export function listQuery<F extends object>(
  db: Database.Database,
  { table, columns, clauses, createdAt = 'created_at', order = 'created_at, id' }: Listed<F>,
) {
  const prepared = new Map<string, Database.Statement>()
  const prepare = (text: string): Database.Statement => {
    const statement = prepared.get(text) ?? db.prepare(text)
    prepared.set(text, statement)
    return statement
  }
  const descending = order.replaceAll(/\w+/g, '$& desc')
  // `+`: or SQLite would follow the ids, which are in order already, and come to the few rows last of all.
  const sorted = order === 'id' ? '+id desc' : descending
  const before = order === 'id' ? 'id < ?' : `(${order}) < (?, ?)`

  return (filter: F, { limit, after }: PageRequest): Found<unknown> => {
    const given = (Object.keys(clauses) as (keyof F & string)[]).flatMap((name) => {
      const value = filter[name]
      return value === undefined ? [] : [{ value, ...clauses[name] } as { readonly value: unknown } & Clause<unknown>]
    })
    const indexed = given.filter((each) => each.index(each.value) !== 'none')
    const rest = given.filter((each) => each.index(each.value) === 'none')
    const from = `from ${table} ${where([...indexed.map(({ sql }) => sql), ...(after ? [before] : [])])}
      order by ${indexed.some((each) => each.index(each.value) === 'few') ? sorted : descending}`
    const cursor = after ? (order === 'id' ? [after.id] : [after.createdAt, after.id]) : []
    const values = [...indexed.map(({ value }) => value), ...cursor]

    const looked =
      rest.length === 0 ? `select ${columns} ${from}` : `select * from (select ${columns} ${from} limit ${WINDOW})`
    const text = `${looked} ${rest.length === 0 ? '' : `${where(rest.map(({ sql }) => sql))} order by ${descending}`} limit ?`
    const rows = prepare(text).all(...values, ...rest.map(({ value }) => value), limit)
    const end = rows.length < limit ? undefined : rows.at(-1)
    const resume =
      end ??
      (rest.length === 0
        ? undefined
        : prepare(`select * from ${table} where id = (select id ${from} limit 1 offset ${WINDOW - 1})`).get(...values))
    return { rows, resume: resume === undefined ? null : placeOf(resume, createdAt) }
  }
}

const where = (clauses: readonly string[]): string => (clauses.length > 0 ? `where ${clauses.join(' and ')}` : '')

function placeOf(row: unknown, createdAt: string): PageRequest['after'] {
  const columns = row as Readonly<Record<string, string | number>> & { readonly id: string }
  return { createdAt: Number(columns[createdAt]), id: columns.id }
}
