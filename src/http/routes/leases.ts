import * as z from 'zod'

import { findLease } from '../../broker/find-lease.ts'
import type { LeaseFilter } from '../../broker/store-port.ts'
import { ok } from '../../core/result.ts'
import { pageBody, pageOf } from '../cursor.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import { count, id, Instant, LeaseState, Name } from '../schemas/atoms.ts'
import { Lease, LeaseRow } from '../schemas/lease.ts'
import { listOf, pageQuery } from '../schemas/list.ts'
import type { Services } from '../services.ts'
import { waitWhile } from '../wait-while.ts'
import { wholePage } from '../whole-page.ts'
import { leaseOnWire, leaseRowOnWire, shownState } from '../wire/lease.ts'

const at = Instant.transform((text) => Date.parse(text)).meta({ override: { type: 'string', format: 'date-time' } })

const ListQuery = z.strictObject({
  ...pageQuery,
  state: LeaseState.optional(),
  agent: Name.optional(),
  owner: Name.optional(),
  task: Name.optional(),
  grant: Name.optional(),
  tier: Name.optional(),
  since: at.optional(),
  until: at.optional(),
})

/** `GET /v1/leases` and `GET /v1/leases/{lease}`: what there is. */
export function leaseRoutes({ broker }: Services): readonly Endpoint[] {
  const { reads } = broker.store
  const list = endpoint({
    method: 'get',
    path: '/v1/leases',
    summary: 'List leases, newest first',
    tag: 'Leases',
    callers: ['operator'],
    query: ListQuery,
    answers: { 200: { description: 'One page', schema: listOf(LeaseRow) } },
    handle: async ({ query }) => {
      const { limit, cursor, ...given } = query
      const filter = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as LeaseFilter
      const asked = { list: 'leases', ...filter }
      const page = pageOf({ limit, cursor }, asked)
      if (!page.ok) return page
      const rows = await wholePage((part) => reads.leases(filter, part), page.value)
      return ok({ status: 200, body: pageBody(rows, limit, asked, (lease) => leaseRowOnWire(broker, lease)) })
    },
  })
  const show = endpoint({
    method: 'get',
    path: '/v1/leases/{lease}',
    summary: 'Read one lease, or wait for its state to change',
    tag: 'Leases',
    callers: ['agent', 'lease', 'operator'],
    params: z.object({ lease: id('lse') }),
    query: z.strictObject({ wait: count(0, 30).default(0), state: LeaseState.optional() }),
    answers: { 200: { description: 'The lease. Never a secret', schema: Lease } },
    handle: async ({ params, query, caller, end }) => {
      const found = findLease(broker, caller, params.lease)
      if (!found.ok) return found
      const state = query.state ?? shownState(broker, found.value)
      const unchanged = (): boolean => {
        const lease = reads.lease(params.lease)
        return lease !== undefined && shownState(broker, lease) === state
      }
      await waitWhile(broker, { id: params.lease, seconds: query.wait, signal: end(), unchanged })
      return ok({ status: 200, body: leaseOnWire(broker, reads.lease(params.lease) ?? found.value) })
    },
  })
  return [list, show]
}
