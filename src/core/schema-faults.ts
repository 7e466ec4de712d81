import { faultAt, type Fault } from './fault.ts'
import { isJsonObject, type Json } from './json.ts'
import { nearest } from './nearest.ts'
import type { SourceDocument, Step } from './source-document.ts'

/** What a schema library says of a document, as far as a message needs it (the issues of zod are this). */
export interface SchemaIssue {
  readonly code?: string
  readonly path: readonly PropertyKey[]
  readonly message: string
  /** Members that the schema does not know. */
  readonly keys?: readonly string[]
  /** The type that was wanted. */
  readonly expected?: string
  /** The values, or kinds of thing, that there are. */
  readonly values?: readonly unknown[]
  readonly options?: readonly unknown[]
}

interface Against {
  /** The JSON Schema of the document, for suggestions. */
  readonly schema: Json
  /** The file in which an operator can read it up. */
  readonly see: string
}

/** What a schema found, with the place and the mend of each. */
export function schemaFaults(
  document: SourceDocument,
  issues: readonly SchemaIssue[],
  against: Against,
): readonly Fault[] {
  return issues.flatMap((issue) => {
    const path = issue.path.filter((step): step is Step => typeof step !== 'symbol')
    if (issue.keys !== undefined) return issue.keys.map((key) => unknownMember(document, [...path, key], against))
    return [faultAt(document, path, told(issue, path, valueAt(document.value, path), against))]
  })
}

function told(issue: SchemaIssue, path: readonly Step[], value: Json | undefined, { see }: Against) {
  const where = path.length === 0 ? 'The file' : spell(path)
  const choices = (issue.values ?? issue.options)?.map(String)
  const mend =
    choices !== undefined
      ? `${didYouMean(typeof value === 'string' ? nearest(value, choices) : undefined)}Write ${choices.length > 1 ? 'one of ' : ''}${choices.join(', ')}.`
      : issue.expected !== undefined
        ? `Write ${WANTED[issue.expected] ?? `a ${issue.expected}`}.`
        : `Change it; ${see} says what is allowed.`
  if (value === undefined) return { message: `${where} is missing`, mend }
  if (choices !== undefined) return { message: `${where} is none of the values that there are`, mend }
  if (issue.expected !== undefined) return { message: `${where} is ${kindOf(value)}`, mend }
  return { message: `${where}: ${issue.message.charAt(0).toLowerCase()}${issue.message.slice(1)}`, mend }
}

const didYouMean = (close: string | undefined): string => (close === undefined ? '' : `Did you mean ${close}? `)

function unknownMember(document: SourceDocument, path: readonly Step[], { schema, see }: Against): Fault {
  const close = nearest(String(path.at(-1)), membersAt(schema, path.slice(0, -1)))
  return {
    file: document.file,
    ...document.keyAt(path),
    message: `${spell(path)} is not a member of the file`,
    mend: close === undefined ? `Take it out; ${see} says what there is.` : `Did you mean ${close}?`,
  }
}

const WANTED: Readonly<Record<string, string>> = {
  object: 'a mapping of members',
  array: 'a list',
  record: 'a mapping of members',
  int: 'a whole number',
  string: 'a text, in quotes if it looks like a number',
  boolean: 'true or false',
}

function kindOf(value: Json): string {
  if (value === null) return 'empty'
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' ? 'a mapping' : `a ${typeof value === 'string' ? 'text' : typeof value}`
}

function valueAt(value: Json, path: readonly Step[]): Json | undefined {
  return path.reduce<Json | undefined>((at, step) => {
    if (Array.isArray(at)) return (at as readonly Json[])[Number(step)]
    return isJsonObject(at) && Object.hasOwn(at, step) ? at[step] : undefined
  }, value)
}

/** The names of the members that a JSON Schema knows at a path, in any of its alternatives. */
function membersAt(schema: Json, path: readonly Step[]): readonly string[] {
  const found = path.reduce<readonly Json[]>(
    (at, step) => at.flatMap(alternatives).flatMap((each) => below(each, step)),
    [schema],
  )
  const members = found.flatMap(alternatives).flatMap((each) => (isJsonObject(each) ? each['properties'] : undefined))
  return members.flatMap((each) => (isJsonObject(each) ? Object.keys(each) : []))
}

function alternatives(schema: Json): readonly Json[] {
  if (!isJsonObject(schema)) return []
  const more = [schema['anyOf'], schema['oneOf'], schema['allOf']].flatMap((each) =>
    Array.isArray(each) ? (each as readonly Json[]) : [],
  )
  return [schema, ...more.flatMap(alternatives)]
}

function below(schema: Json, step: Step): readonly Json[] {
  if (!isJsonObject(schema)) return []
  const properties = schema['properties']
  const member = typeof step === 'number' ? schema['items'] : isJsonObject(properties) ? properties[step] : undefined
  return member === undefined ? [] : [member]
}

/** `agents[0].owner`, as people write it. */
export function spell(path: readonly Step[]): string {
  return path.map((step, at) => (typeof step === 'number' ? `[${step}]` : at === 0 ? step : `.${step}`)).join('')
}
