import * as z from 'zod'

import type { Fault } from '../core/fault.ts'
import { isJsonObject, type Json, type JsonObject } from '../core/json.ts'
import { schemaFaults } from '../core/schema-faults.ts'
import type { SourceDocument, Step } from '../core/source-document.ts'
import { without, withNames } from '../core/mend-value.ts'
import { ConfigurationFile } from './schema/configuration.ts'

/** A document as far as it can be read, so that what else is wrong with it is found in the same pass. */
export interface ParsedFile {
  /** Without the members and items that have faults of their own. Whole where `faults` is empty. */
  readonly file: ConfigurationFile
  /** The document, by paths into `file`. */
  readonly document: SourceDocument
  /** Members of the file that have faults. */
  readonly broken: ReadonlySet<string>
  /** Whether what stands at a path of `file` is not what was written: whatever seems wrong there has been said already. */
  readonly unsure: (path: readonly Step[]) => boolean
  readonly faults: readonly Fault[]
}

type Path = readonly PropertyKey[]

const SCHEMA = z.toJSONSchema(ConfigurationFile, { io: 'input' }) as Json

/** The document as the schema reads it, and every fault that the schema finds. */
export function parseFile(document: SourceDocument): ParsedFile {
  const parsed = ConfigurationFile.safeParse(document.value)
  if (parsed.success) return { file: parsed.data, document, broken: new Set(), unsure: () => false, faults: [] }
  const { issues } = parsed.error
  const [unknown, wrong] = [issues.flatMap(unknownMembers), issues.filter(({ code }) => code !== 'unrecognized_keys')]
  const known = without(document.value, unknown)
  return {
    ...salvage(document, { value: isJsonObject(known) ? known : {}, wrong: wrong.map(({ path }) => path) }),
    faults: schemaFaults(document, issues, { schema: SCHEMA, see: 'config/mayfly.schema.json' }),
  }
}

const unknownMembers = (issue: z.core.$ZodIssue): readonly Path[] =>
  issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : []

interface Salvage {
  readonly value: JsonObject
  /** Where the schema found something wrong. */
  readonly wrong: readonly Path[]
}

/** Each member by itself: whole, or of a list the items that can be read, or as if it were not there. */
function salvage(document: SourceDocument, { value, wrong }: Salvage): Omit<ParsedFile, 'faults'> {
  const broken = new Set<string>()
  const places = new Map<Step, readonly number[]>()
  const members = Object.entries(ConfigurationFile.shape).map(([name, schema]): [string, unknown] => {
    const whole = schema.safeParse(value[name])
    if (whole.success) return [name, whole.data]
    broken.add(name)
    const item = itemOf(schema)
    if (!item) return [name, schema.safeParse(undefined).data]
    const list = Array.isArray(value[name]) ? (value[name] as readonly Json[]) : []
    const read = list.map((each, at) => ({ at, each: readItem(item, each, at) })).filter(({ each }) => each.success)
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
    unsure: (path) => path.length > 0 && wrong.some((other) => related(written(path), other)),
  }
}

/** An item, or what is left of it without its faulty members, with a name where one is missing. */
function readItem(schema: z.ZodType, item: Json, at: number) {
  const whole = schema.safeParse(item)
  if (whole.success || !isJsonObject(item)) return whole
  const rest = without(
    item,
    whole.error.issues.map(({ path }) => path),
  )
  const again = schema.safeParse(rest)
  if (again.success) return again
  const nameless = again.error.issues.flatMap((issue) =>
    issue.code === 'invalid_type' && issue.expected === 'string' ? [issue.path] : [],
  )
  return schema.safeParse(withNames(rest, nameless, `unnamed-${at}`))
}

/** The schema of a list's items; undefined for what is no list. */
function itemOf(schema: z.core.$ZodType): z.ZodType | undefined {
  if (schema instanceof z.ZodDefault) return itemOf(schema.def.innerType)
  return schema instanceof z.ZodArray ? (schema.element as z.ZodType) : undefined
}

const related = (one: Path, other: Path): boolean => one.slice(0, other.length).every((step, at) => step === other[at])
