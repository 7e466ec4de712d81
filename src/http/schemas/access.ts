import * as z from 'zod'

import { isResource } from '../../core/resource.ts'
import { ArgumentBounds, ArgumentName } from './argument-bounds.ts'
import { Name } from './atoms.ts'

const MAX_ENTRIES = 64

const Action = z.string().min(1).max(128)
const Resource = z
  .string()
  .max(2048)
  .refine(isResource, 'must be exact, or end in one "*" after "/" or ":"; no other pattern, blank or dot segment')

/** Whether no two entries have the same key: two entries for one thing would leave open which one holds. */
const oneEach =
  <T>(key: (entry: T) => string) =>
  (entries: readonly T[]) =>
    new Set(entries.map(key)).size === entries.length

const AskedAccess = z
  .strictObject({
    grant: Name,
    actions: z.array(Action).min(1).max(256).optional(),
    resources: z.array(Resource).min(1).max(256).optional(),
  })
  .meta({ id: 'AskedAccess', description: 'One grant, narrowed. Left out: the ceiling of the grant' })

const AskedTool = z
  .strictObject({
    tool: Name,
    arguments: z.record(ArgumentName, ArgumentBounds).optional(),
    max_calls: z.int().min(1).max(1_000_000).nullable().optional(),
    only: z.boolean().optional(),
  })
  .meta({ id: 'AskedTool', description: 'One tool that may be called, with bounds on its arguments' })

export const AskedAccessList = z
  .array(AskedAccess)
  .max(MAX_ENTRIES)
  .refine(
    oneEach((entry: { readonly grant: string }) => entry.grant),
    'names a grant twice',
  )

export const AskedToolList = z
  .array(AskedTool)
  .max(MAX_ENTRIES)
  .refine(
    oneEach((entry: { readonly tool: string }) => entry.tool),
    'names a tool twice',
  )

export const GrantedAccess = z
  .strictObject({ grant: z.string(), actions: z.array(z.string()), resources: z.array(z.string()) })
  .meta({ id: 'Access' })

export const ToolAccess = z
  .strictObject({
    tool: z.string(),
    arguments: z.record(z.string(), ArgumentBounds),
    max_calls: z.int().nullable(),
    only: z.boolean(),
  })
  .meta({ id: 'ToolAccess' })
