import type { ConfiguredNames } from '../core/configured-names.ts'
import { isJsonObject, type Json } from '../core/json.ts'

/** Every name that a configuration gives out, read from the document itself: what has a fault still has its name. */
export function namesOf(value: Json): ConfiguredNames {
  const file = isJsonObject(value) ? value : {}
  const of = (list: string, member: string): readonly string[] | null => {
    const items = file[list] ?? []
    return Array.isArray(items)
      ? (items as readonly Json[]).flatMap((item) => texts(isJsonObject(item) && item[member]))
      : null
  }
  const [grants, tools] = [of('grants', 'labels'), of('tools', 'labels')]
  return {
    issuers: of('issuers', 'name'),
    agents: of('agents', 'id'),
    owners: of('agents', 'owner'),
    purposes: of('agents', 'purposes'),
    providers: of('providers', 'name'),
    grants: of('grants', 'name'),
    tools: of('tools', 'name'),
    labels: Array.isArray(file['labels'] ?? []) ? texts(file['labels'] ?? []) : null,
    carried: grants && tools && [...grants, ...tools],
    groups: of('operators', 'groups'),
  }
}

function texts(value: Json | undefined): readonly string[] {
  if (typeof value === 'string') return [value]
  return Array.isArray(value) ? (value as readonly Json[]).filter((each) => typeof each === 'string') : []
}
