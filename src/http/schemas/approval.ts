import * as z from 'zod'

import { FreeJson, Instant, ApprovalState } from './atoms.ts'

export const Approval = z
  .strictObject({
    id: z.string(),
    kind: z.enum(['lease']),
    state: ApprovalState,
    lease: z.string(),
    agent: z.string(),
    owner: z.string(),
    task: z.string(),
    created_at: Instant,
    expires_at: Instant,
    subject: z.record(z.string(), FreeJson).meta({ description: 'Exactly what was asked, frozen when it opened' }),
    digest: z.string().meta({ description: '"sha256:" and hex over the RFC 8785 form of the subject' }),
    needed: z.int(),
    approved_by: z.array(z.string()),
    denied_by: z.string().nullable(),
    reason: z.string().nullable(),
    scope: z.enum(['once']),
    ttl: z.int().nullable(),
    uses: z.int().nullable(),
    context: z.record(z.string(), FreeJson).meta({ description: 'Live, outside the digest' }),
  })
  .meta({ id: 'Approval' })
