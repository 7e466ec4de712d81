import * as z from 'zod'

import { CREDENTIAL_TYPES } from '../../core/catalogue.ts'
import { CREDENTIAL_OUTCOMES, CREDENTIAL_STATES, REVOCATIONS } from '../../core/credential.ts'
import { GrantedAccess, ToolAccess } from './access.ts'
import { Autonomy, FreeJson, Instant, LeaseOutcome, LeaseState, Origin } from './atoms.ts'

export const Decision = z
  .strictObject({
    id: z.string(),
    effect: z.enum(['allow', 'deny', 'ask']),
    risk: z.strictObject({
      score: z.number(),
      tier: z.string(),
      factors: z.array(z.strictObject({ rule: z.string(), points: z.number(), reason: z.string() })).optional(),
    }),
    rules: z.array(
      z.strictObject({
        id: z.string(),
        effect: z.enum(['deny', 'ask', 'risk']),
        reason: z.string(),
        mode: z.enum(['enforce', 'observe']),
      }),
    ),
    rules_digest: z.string(),
    broad: z.array(z.string()).meta({ description: 'Grants for which nothing narrower than the ceiling was named' }),
  })
  .meta({ id: 'Decision' })

export const Credential = z
  .strictObject({
    id: z.string(),
    lease: z.string(),
    grant: z.string(),
    type: z.enum(CREDENTIAL_TYPES),
    state: z.enum(CREDENTIAL_STATES),
    outcome: z.enum(CREDENTIAL_OUTCOMES).nullable(),
    issued_at: Instant,
    expires_at: Instant.meta({ description: 'What the lease promises' }),
    hard_expires_at: Instant.nullable(),
    revocation: z.enum(REVOCATIONS),
    offline_until: Instant.nullable(),
    effective_after: Instant.nullable(),
    confirmed_at: Instant.nullable(),
    attempts: z.int(),
    next_attempt_at: Instant.nullable(),
    stuck: z.boolean(),
    last_error: z.string().nullable(),
    fingerprint: z.string(),
    value: z
      .record(z.string(), FreeJson)
      .optional()
      .meta({ description: 'The secret: in the answer that minted it only' }),
  })
  .meta({ id: 'Credential' })

/** As it was said, word for word. */
export const Intent = z.strictObject({
  goal: z.string(),
  purpose: z.string(),
  data_classes: z.array(z.string()),
  autonomy: Autonomy.nullable(),
  origin: Origin.nullable(),
  on_behalf_of: z.string().nullable(),
})

const ApprovalLink = z
  .strictObject({
    id: z.string(),
    digest: z.string(),
    expires_at: Instant,
    status_url: z.string(),
    review_url: z.string().nullable(),
  })
  .meta({ id: 'ApprovalLink' })

const common = {
  id: z.string(),
  state: LeaseState,
  task: z.string(),
  agent: z.string(),
  owner: z.string(),
  parent: z.string().nullable(),
  root: z.string(),
  created_at: Instant,
  expires_at: Instant,
  max_expires_at: Instant.nullable(),
  heartbeat: z.int().nullable(),
  frozen: z.boolean(),
  access: z.array(GrantedAccess),
  tools: z.array(ToolAccess),
  decision: Decision,
  approval: ApprovalLink.nullable(),
  credentials: z.array(Credential),
  closed_at: Instant.nullable(),
  outcome: LeaseOutcome.nullable(),
  reason: z.string().nullable(),
}

/** One row of a list: without intent, factors, children and use. */
export const LeaseRow = z.strictObject(common).meta({ id: 'LeaseRow' })

const whole = {
  ...common,
  intent: Intent,
  children: z.array(z.string()),
  used: z.strictObject({
    actions_allowed: z.int(),
    actions_denied: z.int(),
    actions_asked: z.int(),
    by_tool: z.record(z.string(), z.int()),
  }),
}
export const Lease = z.strictObject(whole).meta({ id: 'Lease' })

/** The answer to `POST /v1/leases`. `token` is there once; a replayed answer holds `replayed` instead. */
export const NewLease = z
  .strictObject({ ...whole, token: z.string().optional(), replayed: z.literal(true).optional() })
  .meta({ id: 'NewLease' })
