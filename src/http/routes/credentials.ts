import * as z from 'zod'

import { askToAbandon, retryCredential } from '../../broker/abandon-credential.ts'
import { acceptClock } from '../../broker/accept-clock.ts'
import type { CredentialFilter } from '../../broker/store-port.ts'
import { CREDENTIAL_STATES } from '../../core/credential.ts'
import { ok } from '../../core/result.ts'
import { rfc3339 } from '../../core/time.ts'
import { pageBody, pageOf } from '../cursor.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import { Approval } from '../schemas/approval.ts'
import { id, Instant, Name, Reason } from '../schemas/atoms.ts'
import { Credential } from '../schemas/lease.ts'
import { listOf, pageQuery } from '../schemas/list.ts'
import type { Services } from '../services.ts'
import { wholePage } from '../whole-page.ts'
import { approvalOnWire } from '../wire/approval.ts'
import { credentialOnWire } from '../wire/credential.ts'

const ListQuery = z.strictObject({
  ...pageQuery,
  state: z.enum(CREDENTIAL_STATES).optional(),
  stuck: z.enum(['true', 'false']).optional(),
  grant: Name.optional(),
  lease: id('lse').optional(),
})
const params = z.object({ credential: id('crd') })

/** What operators do about credentials that do not end by themselves, and about a clock that is not believed. */
export function credentialRoutes({ broker }: Services): readonly Endpoint[] {
  const { reads } = broker.store
  const list = endpoint({
    method: 'get',
    path: '/v1/credentials',
    summary: 'List credentials, newest first. Never a secret',
    tag: 'Credentials',
    callers: ['operator'],
    query: ListQuery,
    answers: { 200: { description: 'One page', schema: listOf(Credential) } },
    handle: async ({ query: { limit, cursor, stuck, ...given } }) => {
      const named = { ...given, ...(stuck !== undefined && { stuck: stuck === 'true' }) }
      const filter = Object.fromEntries(
        Object.entries(named).filter(([, value]) => value !== undefined),
      ) as CredentialFilter
      const page = pageOf({ limit, cursor }, { list: 'credentials', ...filter })
      if (!page.ok) return page
      const found = await wholePage((part) => reads.credentials(filter, part), page.value)
      const rows = found.map((row) => ({ row, id: row.id, createdAt: row.issuedAt }))
      const body = pageBody(rows, limit, { list: 'credentials', ...filter }, ({ row }) => credentialOnWire(row))
      return ok({ status: 200, body })
    },
  })
  const retry = endpoint({
    method: 'post',
    path: '/v1/credentials/{credential}/retry',
    summary: 'Try to take a credential back now',
    tag: 'Credentials',
    callers: ['operator'],
    role: 'operator',
    params,
    answers: { 200: { description: 'The credential', schema: Credential } },
    handle: async ({ params: { credential }, caller, requestId }) => {
      const retried = await retryCredential(broker, { operator: caller, credential, requestId })
      return retried.ok ? ok({ status: 200, body: credentialOnWire(retried.value) }) : retried
    },
  })
  const abandon = endpoint({
    method: 'post',
    path: '/v1/credentials/{credential}/abandon',
    summary: 'Ask another admin to give up on a credential that cannot be taken back',
    tag: 'Credentials',
    callers: ['operator'],
    role: 'admin',
    params,
    body: z.strictObject({ reason: Reason }),
    answers: { 202: { description: 'The approval that another admin answers', schema: Approval } },
    handle: async ({ params: { credential }, body, caller, requestId }) => {
      const asked = await askToAbandon(broker, { operator: caller, credential, reason: body.reason, requestId })
      return asked.ok ? ok({ status: 202, body: approvalOnWire(reads, asked.value) }) : asked
    },
  })
  const clock = endpoint({
    method: 'post',
    path: '/v1/clock/accept',
    summary: 'Say that the wall clock is right, after it jumped',
    tag: 'Health',
    callers: ['operator'],
    role: 'admin',
    answers: {
      200: { description: 'The time that is believed from now on', schema: z.strictObject({ time: Instant }) },
    },
    handle: async ({ caller, requestId }) =>
      ok({ status: 200, body: { time: rfc3339(await acceptClock(broker, { operator: caller, requestId })) } }),
  })
  return [list, retry, abandon, clock]
}
