import * as z from 'zod'

import { idempotencyKey } from '../../broker/idempotency.ts'
import type { LeaseAnswer } from '../../broker/judgement.ts'
import { requestLease } from '../../broker/request-lease.ts'
import type { JsonObject } from '../../core/json.ts'
import { err, ok } from '../../core/result.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import type { HttpRefusal } from '../problem.ts'
import type { Services } from '../services.ts'
import { idempotencyHeader } from '../schemas/idempotency.ts'
import { NewLease } from '../schemas/lease.ts'
import { LeaseRequestBody, toLeaseRequest } from '../schemas/lease-request.ts'
import { approvalLink, leaseOnWire } from '../wire/lease.ts'
import { credentialOnWire } from '../wire/credential.ts'

const Headers = z.object({ ...idempotencyHeader, 'mayfly-reissue': z.literal('true').optional() })

/** Without the key nobody knows which answer was lost, and the request would make a second lease. */
const NAMELESS: HttpRefusal = {
  reason: 'invalid-request',
  detail: 'Mayfly-Reissue goes with the Idempotency-Key of the request whose answer was lost.',
  errors: [{ path: '/idempotency-key', message: 'is needed with Mayfly-Reissue' }],
}

/** `POST /v1/leases`: the one request that starts everything. Secrets are in its first answer only. */
export function requestLeaseRoute(services: Services): Endpoint {
  const { broker, limiter } = services
  return endpoint({
    method: 'post',
    path: '/v1/leases',
    summary: 'Ask for a task lease',
    tag: 'Leases',
    callers: ['agent'],
    grants: true,
    headers: Headers,
    body: LeaseRequestBody,
    answers: {
      200: { description: 'The same request was answered before: that lease, without its secrets', schema: NewLease },
      201: { description: 'Granted: the lease, its token and its credentials', schema: NewLease },
      202: { description: 'A human is asked: the lease is pending', schema: NewLease },
    },
    handle: async ({ body, caller, requestId, address, header }) => {
      const wait = await limiter.leaseRequest(caller.agent)
      if (wait !== undefined) {
        return err({
          reason: 'rate-limited',
          detail: `Agent ${caller.agent} asks for leases too fast.`,
          retryAfterSeconds: wait,
        })
      }
      const key = header('idempotency-key')
      const reissue = header('mayfly-reissue') === 'true'
      if (reissue && key === undefined) return err(NAMELESS)
      const from = {
        agent: caller.agent,
        instance: caller.instance,
        route: 'leases',
        body: body as unknown as JsonObject,
      }
      const answered = await requestLease(broker, {
        caller,
        requestId,
        address,
        request: toLeaseRequest(body),
        reissue,
        key: key === undefined ? null : idempotencyKey(broker.digests, { ...from, key }),
      })
      return answered.ok ? ok({ status: statusOf(answered.value), body: bodyOf(services, answered.value) }) : answered
    },
  })
}

function statusOf({ lease, token }: LeaseAnswer): number {
  if (token === null) return 200
  return lease.state === 'pending' ? 202 : 201
}

function bodyOf({ broker }: Services, { lease, token, minted, approval }: LeaseAnswer): JsonObject {
  const shown = leaseOnWire(broker, lease)
  if (token === null) return { ...shown, replayed: true }
  return {
    ...shown,
    token: token.unwrap(),
    approval: approval && approvalLink(approval),
    credentials: minted.map(({ credential, value }) => ({ ...credentialOnWire(credential), value: value.unwrap() })),
  }
}
