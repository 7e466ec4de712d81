import * as z from 'zod'

import { APPROVAL_KINDS } from '../../core/approval.ts'
import { GrantedAccess, ToolAccess } from './access.ts'
import { ApprovalState, FreeJson, Instant, LeaseOutcome } from './atoms.ts'
import { Intent } from './lease.ts'

/** `openApproval` freezes it: what the digest covers. */
const Subject = z
  .strictObject({
    lease: z.string(),
    agent: z.string(),
    parents: z.array(FreeJson),
    intent: Intent,
    access: z.array(GrantedAccess),
    tools: z.array(ToolAccess),
    ttl: z.int(),
    rules: z.array(z.strictObject({ id: z.string(), effect: z.literal('ask'), reason: z.string() })),
  })
  .meta({ id: 'ApprovalSubject', description: 'Exactly what was asked, frozen when it opened' })

/** `askToAbandon` freezes it. */
const AbandonSubject = z
  .strictObject({
    credential: z.string(),
    lease: z.string(),
    agent: z.string(),
    grant: z.string(),
    provider: z.string(),
    handle: z.string(),
    ends_by_itself: Instant.meta({ description: 'When the upstream ends it if nobody does, at the latest' }),
    last_error: z.string().nullable(),
    asked_by: z.string(),
    reason: z.string(),
  })
  .meta({ id: 'AbandonSubject', description: 'The credential that would be given up on, and why' })

export const Approval = z
  .strictObject({
    id: z.string(),
    kind: z.enum(APPROVAL_KINDS),
    state: ApprovalState,
    lease: z.string(),
    agent: z.string(),
    owner: z.string(),
    task: z.string(),
    created_at: Instant,
    expires_at: Instant,
    subject: z.union([Subject, AbandonSubject]).meta({ description: 'By `kind`' }),
    digest: z.string().meta({ description: '"sha256:" and hex over the RFC 8785 form of the subject' }),
    needed: z.int(),
    approved_by: z.array(z.string()),
    denied_by: z.string().nullable(),
    reason: z.string().nullable(),
    scope: z.enum(['once', 'task']),
    ttl: z.int().nullable(),
    uses: z.int().nullable(),
    context: z
      .strictObject({ open_leases: z.int(), earlier_outcomes: z.array(LeaseOutcome) })
      .meta({ description: 'What became of the task so far: live, outside the digest' }),
  })
  .meta({ id: 'Approval' })
