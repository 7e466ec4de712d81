import * as z from 'zod'

import { FreeJson } from './atoms.ts'

const Properties = z.record(z.string(), FreeJson)
const Entity = z.looseObject({
  type: z.string().min(1),
  id: z.string().min(1).max(16_384),
  properties: Properties.optional(),
})
const ActionEntity = z.looseObject({ name: z.string().min(1).max(256), properties: Properties.optional() })

/** What Mayfly reads of a context; whatever else is there is ignored, as AuthZEN asks. */
const Context = z.looseObject({
  call_id: z.string().min(1).max(256).optional(),
  labels: z.array(z.string().min(1).max(64)).max(64).optional(),
  preflight: z.boolean().optional(),
})

/** OpenID AuthZEN Authorization API 1.0, access evaluation. Members that nobody knows are ignored. */
export const EvaluationRequest = z
  .looseObject({ subject: Entity, action: ActionEntity, resource: Entity, context: Context.optional() })
  .meta({ id: 'EvaluationRequest' })
export type EvaluationRequest = z.output<typeof EvaluationRequest>

export const SEMANTICS = ['execute_all', 'deny_on_first_deny', 'permit_on_first_permit'] as const

/** Several evaluations at once. What stands outside of the list is the default for each of its items, entity by entity. */
export const EvaluationsRequest = z
  .looseObject({
    subject: Entity.optional(),
    action: ActionEntity.optional(),
    resource: Entity.optional(),
    context: Context.optional(),
    evaluations: z.array(z.record(z.string(), FreeJson)).max(64).optional(),
    options: z.looseObject({ evaluations_semantic: z.enum(SEMANTICS).optional() }).optional(),
  })
  .meta({ id: 'EvaluationsRequest' })

export const EvaluationAnswer = z
  .strictObject({
    decision: z.boolean(),
    context: z.strictObject({
      evaluation_id: z.string(),
      reason: z.string(),
      rule: z.string().nullable(),
      message: z.string().meta({ description: 'Text that a model can act on' }),
      next_action: z.enum(['none', 'wait', 'request', 'retry']),
      obligations: z.array(z.strictObject({ type: z.string() })),
      approval: z
        .strictObject({ id: z.string(), digest: z.string(), expires_at: z.string(), status_url: z.string() })
        .nullable(),
    }),
  })
  .meta({ id: 'Evaluation' })
