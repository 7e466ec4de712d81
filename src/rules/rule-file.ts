import * as z from 'zod'

const RuleId = z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'must be a slug of a-z, 0-9 and "-"')
const Selector = z
  .array(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._@:/-]{0,127}(\.\*)?$/, 'must be a name, or one that ends in ".*"'))
  .min(1)
const Approvals = z.int().min(1).max(10)
const Seconds = z.int().min(5).max(86_400)
/** Whoever asks a human may say which humans. */
const asking = { approvals: Approvals.optional(), approvers: RuleId.optional() }

export const Rule = z
  .strictObject({
    id: RuleId,
    on: z.enum(['lease', 'action']),
    when: z.string().min(1).max(4096),
    effect: z.enum(['deny', 'ask']).optional(),
    risk: z.int().min(1).max(1000).optional(),
    reason: z.string().min(1).max(256),
    mode: z.enum(['enforce', 'observe']).default('enforce'),
    tools: Selector.optional(),
    grants: Selector.optional(),
    ...asking,
    escalate_to: RuleId.optional(),
    escalate_after: z.int().min(1).optional(),
    answers: z.array(z.string().min(1).max(64)).default([]),
  })
  .refine(({ effect, risk }) => (effect === undefined) !== (risk === undefined), {
    error: 'must have exactly one of effect and risk',
  })
  .refine(({ on, risk }) => risk === undefined || on === 'lease', {
    error: 'only rules on: lease add up to a score',
    path: ['risk'],
  })
  .refine(({ effect, ...rule }) => effect === 'ask' || asksNobody(rule), {
    error: 'approvals, approvers and escalate_to go with effect: ask',
  })
  .refine(({ escalate_to, escalate_after }) => (escalate_to === undefined) === (escalate_after === undefined), {
    error: 'escalate_to and escalate_after go together',
  })

interface Asking {
  readonly approvals?: unknown
  readonly approvers?: unknown
  readonly escalate_to?: unknown
}

const asksNobody = ({ approvals, approvers, escalate_to }: Asking): boolean =>
  approvals === undefined && approvers === undefined && escalate_to === undefined

const Tier = z
  .strictObject({
    below: z.int().min(1).optional(),
    effect: z.enum(['allow', 'deny', 'ask']),
    ...asking,
    max_ttl: Seconds.optional(),
  })
  .refine(({ effect, ...tier }) => effect === 'ask' || asksNobody(tier), {
    error: 'approvals and approvers go with effect: ask',
  })

/** The names a tier may have, in the order in which they must stand. */
export const TIER_NAMES = ['low', 'medium', 'high', 'critical'] as const

export const Tiers = z.strictObject({
  low: Tier.optional(),
  medium: Tier.optional(),
  high: Tier.optional(),
  critical: Tier.optional(),
})

/** One file of rules. */
export const RuleFile = z
  .strictObject({ version: z.literal(1), rules: z.array(Rule).default([]), tiers: Tiers.optional() })
  .meta({ title: 'Mayfly rules' })

export type RuleFile = z.output<typeof RuleFile>
export type RuleEntry = RuleFile['rules'][number]
export type Tiers = NonNullable<RuleFile['tiers']>
