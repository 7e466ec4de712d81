import * as z from 'zod'

import { rotateKeys } from '../../broker/rotate-keys.ts'
import type { SigningKeyRecord } from '../../broker/ports.ts'
import { SIGNING_ALGORITHMS } from '../../core/catalogue.ts'
import type { JsonObject } from '../../core/json.ts'
import { ok } from '../../core/result.ts'
import { rfc3339 } from '../../core/time.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import { Instant, Reason } from '../schemas/atoms.ts'
import { listOf } from '../schemas/list.ts'
import type { Services } from '../services.ts'

const SigningKey = z
  .strictObject({
    kid: z.string(),
    use: z.enum(['access', 'audit']),
    algorithm: z.enum(SIGNING_ALGORITHMS),
    state: z.enum(['next', 'current', 'retiring']),
    created_at: Instant,
    signs_from: Instant,
    ends: Instant.nullable().meta({
      description: 'When it is no longer published; null where that is not known, or never',
    }),
  })
  .meta({ id: 'SigningKey' })

/** The broker's own signing keys, never their private halves. */
export function keyRoutes({ broker }: Services): readonly Endpoint[] {
  const body = (): JsonObject => ({ items: broker.keys.list().map(keyOnWire), next_cursor: null })
  const list = endpoint({
    method: 'get',
    path: '/v1/keys',
    summary: 'List the signing keys: what signs now, what is next, what is still published. Never a private key',
    tag: 'Keys',
    callers: ['operator'],
    answers: { 200: { description: 'Every key', schema: listOf(SigningKey) } },
    handle: () => ok({ status: 200, body: body() }),
  })
  const rotate = endpoint({
    method: 'post',
    path: '/v1/keys/rotate',
    summary: 'Make the next key of every use and algorithm sign now; what was signed before goes on to verify',
    tag: 'Keys',
    callers: ['operator'],
    role: 'admin',
    body: z.strictObject({ reason: Reason.optional() }).prefault({}),
    answers: { 200: { description: 'Every key, as it is now', schema: listOf(SigningKey) } },
    handle: async ({ body: { reason = null }, caller, requestId }) => {
      await rotateKeys(broker, { operator: caller, reason, requestId })
      return ok({ status: 200, body: body() })
    },
  })
  return [list, rotate]
}

function keyOnWire({ kid, use, algorithm, state, createdAt, signsFrom, ends }: SigningKeyRecord): JsonObject {
  const dates = { created_at: rfc3339(createdAt), signs_from: rfc3339(signsFrom), ends: ends && rfc3339(ends) }
  return { kid, use, algorithm, state, ...dates }
}
