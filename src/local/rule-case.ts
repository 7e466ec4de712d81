import * as z from 'zod'

import { NO_PARENT, NO_RECENT, type LeaseFacts } from '../core/facts.ts'
import type { Json, JsonObject } from '../core/json.ts'

/** One case of a rule test: what differs from an ordinary request, and what must come of it. */
export const RuleCase = z.strictObject({
  name: z.string().min(1),
  facts: z.record(z.string(), z.json()).default({}),
  expect: z.strictObject({
    effect: z.enum(['allow', 'ask', 'deny']).optional(),
    tier: z.string().optional(),
    score: z.int().optional(),
    rules: z.array(z.string()).optional(),
  }),
})
export type RuleCase = z.output<typeof RuleCase>

const ACCESS = {
  grant: 'example',
  provider: 'tokens',
  type: 'jwt',
  actions: ['read'],
  resources: [],
  labels: [],
  broad: false,
}
const TOOL = { tool: 'example.read', labels: [], bounded: ['id'], max_calls: 0, only: false }

/** An ordinary request, at noon on a Wednesday: supervised, asked by a person, attested, and with nothing sensitive in it. */
const ORDINARY: LeaseFacts = {
  agent: {
    id: 'example',
    owner: 'owner@example.com',
    trust: 'medium',
    issuer: 'example',
    claims: {},
    recent: { hour: NO_RECENT, day: NO_RECENT },
  },
  intent: { purpose: '', data_classes: [], autonomy: 'supervised', origin: 'user' },
  declared: {
    goal: 'Example',
    purpose: '',
    data_classes: [],
    autonomy: 'supervised',
    origin: 'user',
    on_behalf_of: '',
  },
  access: [ACCESS],
  tools: [],
  ttl: 300,
  task: { id: 'example', open_leases: 0, outcomes: [] },
  parent: NO_PARENT,
  now: { hour: 12, weekday: 3 },
  context: { runtime: { image: 'sha256:example' } },
  history: { labels: [] },
}

/**
 * The ordinary request with a case's differences: objects are merged, everything else is replaced, `null` takes a member
 * out. Items of `access` and `tools` start from an ordinary one too.
 */
export function caseFacts(differences: JsonObject): LeaseFacts {
  const { access, tools, ...rest } = differences
  const merged = merge(ORDINARY as unknown as JsonObject, {
    ...rest,
    ...(Array.isArray(access) && { access: access.map((entry: Json) => merge(ACCESS, entry)) }),
    ...(Array.isArray(tools) && { tools: tools.map((entry: Json) => merge(TOOL, entry)) }),
  })
  // A case is a test: one that gives a fact another type fails on the rule that reads it, by name.
  return merged as unknown as LeaseFacts
}

function merge(base: Json, over: Json): Json {
  if (!isObject(base) || !isObject(over)) return over
  const merged = Object.entries(over).map(([name, value]): [string, Json] => [
    name,
    Object.hasOwn(base, name) ? merge(base[name] ?? null, value) : value,
  ])
  return Object.fromEntries(
    Object.entries({ ...base, ...Object.fromEntries(merged) }).filter(([, value]) => value !== null),
  )
}

const isObject = (value: Json): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
