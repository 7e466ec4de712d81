import * as z from 'zod'

import { acknowledgeRecovery } from '../../broker/acknowledge-recovery.ts'
import { beginRecovery } from '../../broker/begin-recovery.ts'
import { recoveryStatus, type RecoveryStatus } from '../../broker/recovery-steps.ts'
import type { JsonObject } from '../../core/json.ts'
import { RECOVERY_CAUSES } from '../../core/recovery.ts'
import { ok } from '../../core/result.ts'
import { rfc3339, rfc3339OrNull } from '../../core/time.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import { Instant, Name, Reason } from '../schemas/atoms.ts'
import type { Services } from '../services.ts'

const Step = z.strictObject({
  step: z.enum(['leases', 'keys', 'provider']),
  name: z.string().nullable().meta({ description: 'Of the provider' }),
  state: z.enum(['waiting', 'running', 'failed', 'done']),
  detail: z.string(),
  ended: z.array(z.string()),
  remains: z.array(z.string()).meta({ description: 'What the broker cannot end, and when it ends by itself' }),
})
const Recovery = z
  .strictObject({
    state: z
      .enum(['none', 'waiting', 'running', 'carried_out'])
      .meta({ description: '`waiting`: nobody has begun it; `carried_out`: it has yet to be acknowledged' }),
    cause: z.enum(RECOVERY_CAUSES).nullable(),
    detail: z.string().nullable(),
    since: Instant.nullable(),
    begun: z.strictObject({ at: Instant, by: z.string(), reason: z.string() }).nullable(),
    hits: z.strictObject({ leases: z.int(), credentials: z.int() }),
    steps: z.array(Step).meta({ description: 'Where there is no recovery: what one would do' }),
  })
  .meta({ id: 'Recovery' })

/** From "I think we are compromised", or from a restored backup, to a broker that mints again. */
export function recoveryRoutes({ broker }: Services): readonly Endpoint[] {
  const { store } = broker
  const look = endpoint({
    method: 'get',
    path: '/v1/recovery',
    summary: 'How far the recovery has come, or what one would do',
    tag: 'Recovery',
    callers: ['operator'],
    answers: { 200: { description: 'Step by step', schema: Recovery } },
    handle: () => ok({ status: 200, body: onWire(recoveryStatus(broker, store.reads)) }),
  })
  const begin = endpoint({
    method: 'post',
    path: '/v1/recovery/begin',
    summary: 'End every lease, replace every key, cut off what the providers handed out; nothing is minted meanwhile',
    tag: 'Recovery',
    callers: ['operator'],
    role: 'admin',
    body: z.strictObject({ reason: Reason }),
    answers: { 200: { description: 'It has begun, or had before', schema: Recovery } },
    handle: async ({ body, caller, requestId }) => {
      await beginRecovery(broker, { operator: caller, reason: body.reason, requestId })
      return ok({ status: 200, body: onWire(recoveryStatus(broker, store.reads)) })
    },
  })
  const acknowledge = endpoint({
    method: 'post',
    path: '/v1/recovery/acknowledge',
    summary: 'Let the broker mint again, once everything is done that can be',
    tag: 'Recovery',
    callers: ['operator'],
    role: 'admin',
    body: z
      .strictObject({
        reason: Reason.optional(),
        accept: z
          .array(Name)
          .max(100)
          .optional()
          .meta({ description: 'Providers that could not be cut off, and that the operator answers for' }),
      })
      .prefault({}),
    answers: { 200: { description: 'The recovery is over', schema: Recovery } },
    handle: async ({ body: { reason = null, accept = [] }, caller, requestId }) => {
      const done = await acknowledgeRecovery(broker, { operator: caller, reason, accept, requestId })
      return done.ok ? ok({ status: 200, body: onWire(done.value) }) : done
    },
  })
  return [look, begin, acknowledge]
}

function onWire({ state, recovery, hits, steps }: RecoveryStatus): JsonObject {
  const begun = recovery?.begun ?? null
  return {
    state,
    cause: recovery?.cause ?? null,
    detail: recovery?.detail ?? null,
    since: rfc3339OrNull(recovery?.since ?? null),
    begun: begun && { ...begun, at: rfc3339(begun.at) },
    hits: { ...hits },
    steps: steps.map(({ ended, remains, ...step }) => ({ ...step, ended: [...ended], remains: [...remains] })),
  }
}
