import * as z from 'zod'

import { heartbeat } from '../../broker/heartbeat.ts'
import { idempotencyKey } from '../../broker/idempotency.ts'
import { renewLease } from '../../broker/renew-lease.ts'
import { err, ok } from '../../core/result.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import { id, Ttl } from '../schemas/atoms.ts'
import { idempotencyHeader } from '../schemas/idempotency.ts'
import { Lease } from '../schemas/lease.ts'
import type { Services } from '../services.ts'
import { leaseOnWire } from '../wire/lease.ts'

const params = z.object({ lease: id('lse') })

/** What keeps a lease alive: more time, and a sign of life. */
export function keepAliveRoutes({ broker }: Services): readonly Endpoint[] {
  const renew = endpoint({
    method: 'post',
    path: '/v1/leases/{lease}/renew',
    summary: 'Ask for more time; the rules are asked again, and credentials are not extended',
    tag: 'Leases',
    callers: ['lease'],
    grants: true,
    params,
    headers: z.object(idempotencyHeader),
    body: z.strictObject({ ttl: Ttl }),
    answers: { 200: { description: 'The lease with its new end', schema: Lease } },
    handle: async ({ params: { lease }, body, caller, requestId, header }) => {
      if (caller.lease !== lease) return err({ reason: 'not-found' })
      const key = header('idempotency-key')
      const from = { agent: caller.agent, instance: lease, route: 'renew', body }
      const renewed = await renewLease(broker, {
        caller,
        ttlSeconds: body.ttl,
        requestId,
        key: key === undefined ? null : idempotencyKey(broker.digests, { ...from, key }),
      })
      return renewed.ok ? ok({ status: 200, body: leaseOnWire(broker, renewed.value) }) : renewed
    },
  })
  const alive = endpoint({
    method: 'post',
    path: '/v1/leases/{lease}/heartbeat',
    summary: 'Say that the agent is alive; every call with the lease token says so too',
    tag: 'Leases',
    callers: ['lease'],
    params,
    answers: { 200: { description: 'The lease', schema: Lease } },
    handle: ({ params: { lease }, caller }) => {
      if (caller.lease !== lease) return err({ reason: 'not-found' })
      const found = heartbeat(broker, caller)
      return found.ok ? ok({ status: 200, body: leaseOnWire(broker, found.value) }) : found
    },
  })
  return [renew, alive]
}
