import { createHash } from 'node:crypto'
import * as z from 'zod'

import type { PageRequest } from '../broker/store-port.ts'
import type { JsonObject } from '../core/json.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { HttpRefusal } from './problem.ts'

const Cursor = z.tuple([z.string(), z.int(), z.string()])

/** What a list was asked for, and which list it is: two lists may have the same filters. */
type Filters = Readonly<Record<string, unknown>> & { readonly list: string }

interface Row {
  readonly createdAt: number
  readonly id: string
}

/** The page that a query asks for. A cursor belongs to its list and filters: with others it would skip rows without a word. */
export function pageOf(
  query: { readonly limit: number; readonly cursor?: string | undefined },
  filters: Filters,
): Result<PageRequest, HttpRefusal> {
  const { limit, cursor } = query
  if (cursor === undefined) return ok({ limit: limit + 1, after: null })
  const [mark, createdAt, id] = decode(cursor) ?? []
  if (mark !== markOf(filters) || createdAt === undefined || id === undefined) {
    const errors = [{ path: '/cursor', message: 'is not a cursor of this list with these filters' }]
    return err({ reason: 'invalid-request', detail: 'Start again without a cursor.', errors })
  }
  return ok({ limit: limit + 1, after: { createdAt, id } })
}

/** `{ items, next_cursor }`. The store was asked for one row more than the page holds: it tells whether there is a next. */
export function pageBody<T extends Row>(
  rows: readonly T[],
  limit: number,
  filters: Filters,
  show: (row: T) => JsonObject,
): JsonObject {
  const items = rows.slice(0, limit)
  const last = rows.length > limit ? items.at(-1) : undefined
  return { items: items.map(show), next_cursor: last ? encode([markOf(filters), last.createdAt, last.id]) : null }
}

const encode = (cursor: z.infer<typeof Cursor>): string => Buffer.from(JSON.stringify(cursor)).toString('base64url')

function decode(text: string): z.infer<typeof Cursor> | undefined {
  try {
    return Cursor.safeParse(JSON.parse(Buffer.from(text, 'base64url').toString())).data
  } catch {
    return undefined
  }
}

function markOf(filters: Filters): string {
  const sorted = Object.entries(filters)
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
  return createHash('sha256').update(JSON.stringify(sorted)).digest('base64url').slice(0, 12)
}
