import type { ActionFacts, LeaseFacts, RecentCounts } from '../core/facts.ts'

const MAX_ITEMS = 256
const MAX_TEXT_BYTES = 8192
/** Of free JSON: lists and objects inside each other. */
const MAX_DEPTH = 8

/** Too much to judge. A rule that would have to read it denies, because the part left out could be the part that matters. */
class FactsTooLarge extends Error {
  override readonly name = 'FactsTooLarge'
}

const known = new WeakMap<LeaseFacts, Readonly<Record<string, unknown>>>()

/** The facts in CEL's types: its `int` is a bigint. Made once for all rules that judge one request. */
export function celFacts(facts: LeaseFacts): Readonly<Record<string, unknown>> {
  const made = known.get(facts)
  if (made) return made
  refuseTooLarge(facts)
  const { agent, task, parent, now, tools, ttl, history } = facts
  const typed = {
    ...facts,
    agent: { ...agent, recent: { hour: counts(agent.recent.hour), day: counts(agent.recent.day) } },
    tools: tools.map((tool) => ({ ...tool, max_calls: BigInt(tool.max_calls) })),
    ttl: BigInt(ttl),
    task: { ...task, open_leases: BigInt(task.open_leases) },
    parent: { ...parent, depth: BigInt(parent.depth), risk: BigInt(parent.risk), children: BigInt(parent.children) },
    now: { hour: BigInt(now.hour), weekday: BigInt(now.weekday) },
    history: {
      ...history,
      calls: new Map(Object.entries(history.calls).map(([tool, count]) => [tool, BigInt(count)])),
      repeats: BigInt(history.repeats),
      denials: BigInt(history.denials),
    },
  }
  known.set(facts, typed)
  return typed
}

/** The same for an action, whose arguments have bounds of their own: they were held to them before any rule is asked. */
export function celActionFacts(facts: ActionFacts): Readonly<Record<string, unknown>> {
  const { lease } = facts
  return {
    ...celFacts(facts),
    lease: { ...lease, risk: BigInt(lease.risk), age: BigInt(lease.age), remaining: BigInt(lease.remaining) },
  }
}

const counts = ({ leases, denials, asks }: RecentCounts) => ({
  leases: BigInt(leases),
  denials: BigInt(denials),
  asks: BigInt(asks),
})

function refuseTooLarge({ context, agent: { claims, ...agent }, ...rest }: LeaseFacts): void {
  bounded(context, MAX_DEPTH)
  bounded(claims, MAX_DEPTH)
  bounded({ agent, ...rest }, Infinity)
}

function bounded(value: unknown, levels: number): void {
  if (typeof value === 'string') boundedText(value)
  if (typeof value !== 'object' || value === null) return
  if (levels === 0) throw new FactsTooLarge(`Deeper than ${MAX_DEPTH}`)
  if (!Array.isArray(value)) Object.keys(value).forEach(boundedText)
  const items: readonly unknown[] = Array.isArray(value) ? value : Object.values(value)
  if (items.length > MAX_ITEMS) throw new FactsTooLarge(`More than ${MAX_ITEMS} items`)
  for (const item of items) bounded(item, levels - 1)
}

function boundedText(text: string): void {
  // No character takes less than a byte, and none more than three: most texts need no counting.
  if (text.length * 3 <= MAX_TEXT_BYTES) return
  if (text.length > MAX_TEXT_BYTES || Buffer.byteLength(text) > MAX_TEXT_BYTES)
    throw new FactsTooLarge(`A text of more than ${MAX_TEXT_BYTES} bytes`)
}
