import * as z from 'zod'

import { completeLease } from '../../broker/complete-lease.ts'
import { fetchCredential } from '../../broker/fetch-credential.ts'
import { idempotencyKey } from '../../broker/idempotency.ts'
import { revokeLease } from '../../broker/revoke-lease.ts'
import { err, ok } from '../../core/result.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import { count, id, Name, Reason } from '../schemas/atoms.ts'
import { idempotencyHeader } from '../schemas/idempotency.ts'
import { Credential, Lease } from '../schemas/lease.ts'
import type { Services } from '../services.ts'
import { waitWhile } from '../wait-while.ts'
import { credentialOnWire } from '../wire/credential.ts'
import { leaseOnWire } from '../wire/lease.ts'

const params = z.object({ lease: id('lse') })
const Replayed = Credential.extend({ replayed: z.literal(true) })

/** What can be done with a lease: fetch a credential, complete it, revoke it. */
export function leaseVerbRoutes({ broker }: Services): readonly Endpoint[] {
  const { reads } = broker.store
  const credentials = endpoint({
    method: 'post',
    path: '/v1/leases/{lease}/credentials',
    summary: 'Fetch one more credential inside the access of the lease',
    tag: 'Leases',
    callers: ['lease'],
    grants: true,
    params,
    headers: z.object(idempotencyHeader),
    body: z.strictObject({ grant: Name }),
    answers: {
      200: {
        description: 'The same request was answered before: that credential, without its value',
        schema: Replayed,
      },
      201: { description: 'The credential, with its value', schema: Credential },
    },
    handle: async ({ params: { lease }, body, caller, requestId, header }) => {
      if (caller.lease !== lease) return err({ reason: 'not-found' })
      const key = header('idempotency-key')
      const from = { agent: caller.agent, instance: lease, route: 'credentials', body }
      const fetched = await fetchCredential(broker, {
        caller,
        grant: body.grant,
        requestId,
        key: key === undefined ? null : idempotencyKey(broker.digests, { ...from, key }),
      })
      if (!fetched.ok) return fetched
      const { credential, value } = fetched.value
      if (value === null) return ok({ status: 200, body: { ...credentialOnWire(credential), replayed: true } })
      return ok({ status: 201, body: { ...credentialOnWire(credential), value: value.unwrap() } })
    },
  })
  const complete = endpoint({
    method: 'post',
    path: '/v1/leases/{lease}/complete',
    summary: 'Say that the task is over: everything is taken back',
    tag: 'Leases',
    callers: ['agent', 'lease'],
    params,
    query: z.strictObject({ wait: count(0, 30).default(0) }),
    body: z.strictObject({ outcome: z.enum(['success', 'failure']), summary: z.string().max(4096).optional() }),
    answers: { 200: { description: 'The lease as it ended', schema: Lease } },
    handle: async ({ params: { lease }, query, body, caller, requestId, end }) => {
      const done = await completeLease(broker, {
        caller,
        lease,
        outcome: body.outcome,
        summary: body.summary ?? null,
        requestId,
      })
      if (!done.ok) return done
      const unchanged = (): boolean => reads.lease(lease)?.state === 'closing'
      await waitWhile(broker, { id: lease, seconds: query.wait, signal: end(), unchanged })
      return ok({ status: 200, body: leaseOnWire(broker, reads.lease(lease) ?? done.value) })
    },
  })
  const revoke = endpoint({
    method: 'post',
    path: '/v1/leases/{lease}/revoke',
    summary: 'Take a lease back',
    tag: 'Leases',
    callers: ['operator'],
    role: 'operator',
    params,
    body: z.strictObject({ reason: Reason }),
    answers: { 200: { description: 'The lease as it ended', schema: Lease } },
    handle: async ({ params: { lease }, body, caller, requestId }) => {
      const revoked = await revokeLease(broker, { operator: caller, lease, reason: body.reason, requestId })
      return revoked.ok ? ok({ status: 200, body: leaseOnWire(broker, revoked.value) }) : revoked
    },
  })
  return [credentials, complete, revoke]
}
