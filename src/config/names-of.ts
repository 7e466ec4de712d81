import type { ConfiguredNames } from '../core/configured-names.ts'
import { isJsonObject, type Json } from '../core/json.ts'

/** Every name that a configuration gives out, read from the document itself: what has a fault still has its name. */
export function namesOf(value: Json): ConfiguredNames {
  const file = isJsonObject(value) ? value : {}
  const [grants, tools] = [texts(file['grants'], 'labels'), texts(file['tools'], 'labels')]
  return {
    issuers: names(file['issuers'], 'name'),
    agents: names(file['agents'], 'id'),
    owners: names(file['agents'], 'owner'),
    purposes: texts(file['agents'], 'purposes'),
    providers: names(file['providers'], 'name'),
    grants: names(file['grants'], 'name'),
    tools: names(file['tools'], 'name'),
    labels: words(file['labels'] ?? []),
    carried: grants && tools && [...grants, ...tools],
    groups: texts(file['operators'], 'groups'),
  }
}

/** One of each item; null if an item has none, because that one could be meant. */
function names(list: Json | undefined, member: string): readonly string[] | null {
  const values = items(list)?.map((item) => isJsonObject(item) && item[member])
  return values?.every((each) => typeof each === 'string') ? values : null
}

/** Any number of each item. */
const texts = (list: Json | undefined, member: string): readonly string[] | null =>
  items(list)?.flatMap((item) => (isJsonObject(item) && words(item[member])) || []) ?? null

const words = (value: Json | undefined): readonly string[] | null =>
  items(value)?.filter((each) => typeof each === 'string') ?? null

const items = (value: Json | undefined): readonly Json[] | null =>
  value === undefined ? [] : Array.isArray(value) ? (value as readonly Json[]) : null
