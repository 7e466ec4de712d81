import * as z from 'zod'

import { AUTONOMY, ORIGINS, TRUST } from '../core/catalogue.ts'
import { NO_HISTORY, NO_PARENT, NO_RECENT, type LeaseFacts } from '../core/facts.ts'
import { isJsonObject, type Json, type JsonObject } from '../core/json.ts'

const Text = z.string()
const Texts = z.array(z.string())
const Count = z.int().min(0)
const Counts = z.strictObject({ leases: Count, denials: Count, asks: Count }).partial()
const Free = z.record(z.string(), z.json())

/** What differs from an ordinary request. Strict: a case with a misspelt fact would test something else than it says. */
export const CaseFacts = z
  .strictObject({
    agent: z
      .strictObject({
        id: Text,
        owner: Text,
        trust: z.enum(TRUST),
        issuer: Text,
        claims: Free,
        recent: z.strictObject({ hour: Counts, day: Counts }).partial(),
      })
      .partial(),
    intent: z
      .strictObject({ purpose: Text, data_classes: Texts, autonomy: z.enum(AUTONOMY), origin: z.enum(ORIGINS) })
      .partial(),
    declared: z
      .strictObject({
        goal: Text,
        purpose: Text,
        data_classes: Texts,
        autonomy: z.enum(['', ...AUTONOMY]),
        origin: z.enum(['', ...ORIGINS]),
        on_behalf_of: Text,
      })
      .partial(),
    access: z.array(
      z
        .strictObject({
          grant: Text,
          provider: Text,
          type: Text,
          actions: Texts,
          resources: Texts,
          labels: Texts,
          broad: z.boolean(),
        })
        .partial(),
    ),
    tools: z.array(
      z.strictObject({ tool: Text, labels: Texts, bounded: Texts, max_calls: Count, only: z.boolean() }).partial(),
    ),
    ttl: Count,
    task: z.strictObject({ id: Text, open_leases: Count, outcomes: Texts }).partial(),
    parent: z
      .strictObject({ depth: Count, agent: Text, purpose: Text, data_classes: Texts, risk: Count, children: Count })
      .partial(),
    now: z.strictObject({ hour: z.int().min(0).max(23), weekday: z.int().min(1).max(7) }).partial(),
    context: Free,
    history: z
      .strictObject({ labels: Texts, calls: z.record(z.string(), Count), last: Texts, repeats: Count, denials: Count })
      .partial(),
  })
  .partial()
export type CaseFacts = z.output<typeof CaseFacts>

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
  history: NO_HISTORY,
}

/**
 * The ordinary request with a case's differences: objects are merged, everything else is replaced, and in free JSON
 * (`context`, `agent.claims`) a `null` takes a member out. Items of `access` and `tools` start from an ordinary one too.
 */
export function caseFacts(differences: CaseFacts): LeaseFacts {
  const { access, tools, ...rest } = differences as JsonObject
  const merged = merge(ORDINARY as unknown as JsonObject, {
    ...rest,
    ...(Array.isArray(access) && { access: access.map((entry: Json) => merge(ACCESS, entry)) }),
    ...(Array.isArray(tools) && { tools: tools.map((entry: Json) => merge(TOOL, entry)) }),
  })
  // The schema above has the types of every fact.
  return merged as unknown as LeaseFacts
}

function merge(base: Json, over: Json): Json {
  if (!isJsonObject(base) || !isJsonObject(over)) return over
  const merged = Object.entries(over).map(([name, value]): [string, Json] => [
    name,
    Object.hasOwn(base, name) ? merge(base[name] ?? null, value) : value,
  ])
  const all = Object.entries({ ...base, ...Object.fromEntries(merged) })
  return Object.fromEntries(all.filter(([, value]) => value !== null))
}
