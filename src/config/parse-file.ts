import * as z from 'zod'

import { faultAt, type Fault } from '../core/fault.ts'
import type { Json, JsonObject } from '../core/json.ts'
import type { SourceDocument, Step } from '../core/source-document.ts'
import { nearest } from './nearest.ts'
import { ConfigurationFile } from './schema/configuration.ts'

/** What can be read of a document, and what is wrong with it. `file` is there when nothing but unknown members is wrong. */
export interface ParsedFile {
  readonly file: ConfigurationFile | undefined
  readonly faults: readonly Fault[]
}

/**
 * The document as the schema reads it. Members that the schema does not know are faults, and are then left out, so that
 * what else is wrong is found in the same pass.
 */
export function parseFile(document: SourceDocument): ParsedFile {
  const parsed = ConfigurationFile.safeParse(document.value)
  if (parsed.success) return { file: parsed.data, faults: [] }
  const { issues } = parsed.error
  const unknown = issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [],
  )
  const salvaged = ConfigurationFile.safeParse(without(document.value, unknown))
  return { file: salvaged.data, faults: issues.flatMap((issue) => faultsOf(document, issue)) }
}

function without(value: Json, paths: readonly (readonly PropertyKey[])[]): Json {
  if (value === null || typeof value !== 'object' || paths.length === 0) return value
  const below = (step: PropertyKey) =>
    paths.flatMap((path) => (path[0] === step && path.length > 1 ? [path.slice(1)] : []))
  if (Array.isArray(value)) return value.map((item: Json, at) => without(item, below(at)))
  const gone = new Set(paths.flatMap((path) => (path.length === 1 ? [path[0]] : [])))
  const kept = Object.entries(value as JsonObject).filter(([name]) => !gone.has(name))
  return Object.fromEntries(kept.map(([name, item]) => [name, without(item, below(name))]))
}

function faultsOf(document: SourceDocument, issue: z.core.$ZodIssue): readonly Fault[] {
  const path = issue.path.filter((step): step is Step => typeof step !== 'symbol')
  const where = path.length === 0 ? 'The file' : spell(path)
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const close = nearest(key, MEMBERS)
      const mend =
        close === undefined
          ? 'Take it out, or see config/mayfly.schema.json for what there is.'
          : `Did you mean ${close}?`
      return faultAt(document, [...path, key], {
        message: `${spell([...path, key])} is not a member of the configuration`,
        mend,
      })
    })
  }
  return [faultAt(document, path, { message: `${where}: ${issue.message}`, mend: mendOf(issue) })]
}

function mendOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type')
    return issue.input === undefined ? 'Write it.' : `Write ${article(issue.expected)} there.`
  if (issue.code === 'invalid_value') return `Write one of ${issue.values.map(String).join(', ')}.`
  if (issue.code === 'invalid_union') return 'See config/mayfly.schema.json for the forms that there are.'
  return 'Change it so that it does.'
}

const article = (type: string): string => (/^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`)

/** `agents[0].owner`, as people write it. */
export function spell(path: readonly Step[]): string {
  return path.map((step, at) => (typeof step === 'number' ? `[${step}]` : at === 0 ? step : `.${step}`)).join('')
}

/** Every member name of the schema, for suggestions. */
const MEMBERS: readonly string[] = [
  ...new Set(memberNames(z.toJSONSchema(ConfigurationFile, { io: 'input', unrepresentable: 'any' }))),
]

function memberNames(schema: unknown): readonly string[] {
  if (Array.isArray(schema)) return schema.flatMap(memberNames)
  if (typeof schema !== 'object' || schema === null) return []
  return Object.entries(schema).flatMap(([name, value]: readonly [string, unknown]) => [
    ...(name === 'properties' ? Object.keys(value as object) : []),
    ...memberNames(value),
  ])
}
