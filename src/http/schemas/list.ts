import * as z from 'zod'

import { count } from './atoms.ts'

/** Members of the query of every list. */
export const pageQuery = { limit: count(1, 200).default(50), cursor: z.string().min(1).max(512).optional() }

/** `{ items, next_cursor }`. */
export const listOf = (item: z.ZodType) => z.strictObject({ items: z.array(item), next_cursor: z.string().nullable() })
