import type { LeaseFacts, RecentCounts } from '../core/facts.ts'
import type { Json } from '../core/json.ts'

const MAX_ITEMS = 256
const MAX_TEXT = 8192
const MAX_DEPTH = 8

/** Too much to judge. A rule that would have to read it denies, because the part left out could be the part that matters. */
export class FactsTooLarge extends Error {
  override readonly name = 'FactsTooLarge'
}

const known = new WeakMap<LeaseFacts, Readonly<Record<string, unknown>>>()

/** The facts in CEL's types: its `int` is a bigint. Made once for all rules that judge one request. */
export function celFacts(facts: LeaseFacts): Readonly<Record<string, unknown>> {
  const made = known.get(facts)
  if (made) return made
  const { agent, task, parent, now, tools, ttl } = facts
  const typed = {
    ...facts,
    agent: {
      ...agent,
      claims: bounded(agent.claims),
      recent: { hour: counts(agent.recent.hour), day: counts(agent.recent.day) },
    },
    access: list(facts.access),
    tools: list(tools).map((tool) => ({ ...tool, max_calls: BigInt(tool.max_calls) })),
    ttl: BigInt(ttl),
    task: { ...task, open_leases: BigInt(task.open_leases) },
    parent: { ...parent, depth: BigInt(parent.depth), risk: BigInt(parent.risk), children: BigInt(parent.children) },
    now: { hour: BigInt(now.hour), weekday: BigInt(now.weekday) },
    context: bounded(facts.context),
  }
  known.set(facts, typed)
  return typed
}

const counts = ({ leases, denials, asks }: RecentCounts) => ({
  leases: BigInt(leases),
  denials: BigInt(denials),
  asks: BigInt(asks),
})

function list<T>(items: readonly T[]): readonly T[] {
  if (items.length > MAX_ITEMS) throw new FactsTooLarge(`More than ${MAX_ITEMS} items`)
  return items
}

/** Free JSON as it is, if it is small enough to be judged. */
function bounded(value: Json, depth = 0): Json {
  if (depth > MAX_DEPTH) throw new FactsTooLarge(`Deeper than ${MAX_DEPTH}`)
  if (typeof value === 'string' && value.length > MAX_TEXT)
    throw new FactsTooLarge(`A text of more than ${MAX_TEXT} characters`)
  if (value === null || typeof value !== 'object') return value
  const items = Array.isArray(value) ? (value as readonly Json[]) : Object.values(value)
  for (const item of list(items)) bounded(item, depth + 1)
  return value
}
