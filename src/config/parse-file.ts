import * as z from 'zod'

import type { Fault } from '../core/fault.ts'
import { isJsonObject, type Json, type JsonObject } from '../core/json.ts'
import { schemaFaults } from '../core/schema-faults.ts'
import type { SourceDocument, Step } from '../core/source-document.ts'
import { ConfigurationFile } from './schema/configuration.ts'

/** A document as far as it can be read, so that what else is wrong with it is found in the same pass. */
export interface ParsedFile {
  /** Without the members and items that have faults of their own. Whole where `faults` is empty. */
  readonly file: ConfigurationFile
  /** The document, by paths into `file`. */
  readonly document: SourceDocument
  /** Members of the file that have faults. */
  readonly broken: ReadonlySet<string>
  readonly faults: readonly Fault[]
}

const SCHEMA = z.toJSONSchema(ConfigurationFile, { io: 'input' }) as Json

/** The document as the schema reads it, and every fault that the schema finds. */
export function parseFile(document: SourceDocument): ParsedFile {
  const parsed = ConfigurationFile.safeParse(document.value)
  if (parsed.success) return { file: parsed.data, document, broken: new Set(), faults: [] }
  const { issues } = parsed.error
  const unknown = issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [],
  )
  const known = without(document.value, unknown)
  return {
    ...salvage(document, isJsonObject(known) ? known : {}),
    faults: schemaFaults(document, issues, { schema: SCHEMA, see: 'config/mayfly.schema.json' }),
  }
}

/** The value without the members at those paths. */
function without(value: Json, paths: readonly (readonly PropertyKey[])[]): Json {
  if (value === null || typeof value !== 'object' || paths.length === 0) return value
  const below = (step: PropertyKey) =>
    paths.flatMap((path) => (path[0] === step && path.length > 1 ? [path.slice(1)] : []))
  if (Array.isArray(value)) return value.map((item: Json, at) => without(item, below(at)))
  const gone = new Set(paths.flatMap((path) => (path.length === 1 ? [path[0]] : [])))
  const kept = Object.entries(value as JsonObject).filter(([name]) => !gone.has(name))
  return Object.fromEntries(kept.map(([name, item]) => [name, without(item, below(name))]))
}

/** Each member by itself: whole, or of a list the items that are whole, or as if it were not there. */
function salvage(document: SourceDocument, value: JsonObject): Omit<ParsedFile, 'faults'> {
  const broken = new Set<string>()
  const places = new Map<Step, readonly number[]>()
  const members = Object.entries(ConfigurationFile.shape).map(([name, schema]): [string, unknown] => {
    const whole = schema.safeParse(value[name])
    if (whole.success) return [name, whole.data]
    broken.add(name)
    const item = itemOf(schema)
    if (!item) return [name, schema.safeParse(undefined).data]
    const list = Array.isArray(value[name]) ? (value[name] as readonly Json[]) : []
    const read = list.map((each, at) => ({ at, each: item.safeParse(each) })).filter(({ each }) => each.success)
    places.set(
      name,
      read.map(({ at }) => at),
    )
    return [name, read.map(({ each }) => each.data)]
  })
  const written = (path: readonly Step[]): readonly Step[] => {
    const [name, at, ...rest] = path
    const place = typeof at === 'number' && name !== undefined ? places.get(name)?.[at] : undefined
    return name === undefined || place === undefined ? path : [name, place, ...rest]
  }
  return {
    file: Object.fromEntries(members) as ConfigurationFile,
    document: {
      ...document,
      at: (path, offset) => document.at(written(path), offset),
      keyAt: (path) => document.keyAt(written(path)),
    },
    broken,
  }
}

/** The schema of a list's items; undefined for what is no list. */
function itemOf(schema: z.core.$ZodType): z.ZodType | undefined {
  if (schema instanceof z.ZodDefault) return itemOf(schema.def.innerType)
  return schema instanceof z.ZodArray ? (schema.element as z.ZodType) : undefined
}
