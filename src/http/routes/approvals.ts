import * as z from 'zod'

import { approve } from '../../broker/approve.ts'
import type { Caller } from '../../broker/caller.ts'
import { cancelApproval } from '../../broker/cancel-approval.ts'
import { denyApproval } from '../../broker/deny-approval.ts'
import type { ApprovalFilter } from '../../broker/store-port.ts'
import type { Approval as ApprovalRow } from '../../core/approval.ts'
import type { ApprovalId } from '../../core/id.ts'
import { err, ok, type Result } from '../../core/result.ts'
import { pageBody, pageOf } from '../cursor.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import type { HttpRefusal } from '../problem.ts'
import { ArgumentBounds, ArgumentName } from '../schemas/argument-bounds.ts'
import { AskedAccessList, AskedToolList } from '../schemas/access.ts'
import { Approval } from '../schemas/approval.ts'
import { ApprovalState, count, Digest, id, Name, Reason, Ttl } from '../schemas/atoms.ts'
import { toToolAccess } from '../schemas/lease-request.ts'
import { listOf, pageQuery } from '../schemas/list.ts'
import type { Services } from '../services.ts'
import { waitWhile } from '../wait-while.ts'
import { wholePage } from '../whole-page.ts'
import { approvalOnWire } from '../wire/approval.ts'

const params = z.object({ approval: id('apr') })

const Narrow = z.strictObject({
  arguments: z.record(ArgumentName, ArgumentBounds).optional(),
  access: AskedAccessList.optional(),
  tools: AskedToolList.optional(),
  ttl: Ttl.optional(),
})

const Approving = z.strictObject({
  digest: Digest,
  reason: Reason.optional(),
  scope: z.enum(['once', 'task']).optional(),
  ttl: z.int().min(1).max(86_400).optional(),
  uses: z.int().min(1).max(1000).optional(),
  narrow: Narrow.optional(),
})

/** Reading and answering approvals. A lease token may read its own, and take its question back. */
export function approvalRoutes({ broker }: Services): readonly Endpoint[] {
  const { reads } = broker.store
  const shown = (answered: Result<ApprovalRow, HttpRefusal>) =>
    answered.ok ? ok({ status: 200, body: approvalOnWire(reads, answered.value) }) : answered
  const visible = (caller: Caller, approvalId: ApprovalId): Result<ApprovalRow, HttpRefusal> => {
    const approval = reads.approval(approvalId)
    // Whether a credential of it is given up on is between operators.
    const mine = caller.type === 'lease' && approval?.lease === caller.lease && approval.kind === 'lease'
    return approval && (caller.type === 'operator' || mine) ? ok(approval) : err({ reason: 'not-found' })
  }
  return [
    endpoint({
      method: 'get',
      path: '/v1/approvals',
      summary: 'List approvals, newest first',
      tag: 'Approvals',
      callers: ['operator'],
      query: z.strictObject({
        ...pageQuery,
        state: ApprovalState.optional(),
        agent: Name.optional(),
        task: Name.optional(),
      }),
      answers: { 200: { description: 'One page', schema: listOf(Approval) } },
      handle: async ({ query: { limit, cursor, ...given } }) => {
        const filter = Object.fromEntries(
          Object.entries(given).filter(([, value]) => value !== undefined),
        ) as ApprovalFilter
        const asked = { list: 'approvals', ...filter }
        const page = pageOf({ limit, cursor }, asked)
        if (!page.ok) return page
        const rows = await wholePage((part) => reads.approvals(filter, part), page.value)
        return ok({ status: 200, body: pageBody(rows, limit, asked, (row) => approvalOnWire(reads, row)) })
      },
    }),
    endpoint({
      method: 'get',
      path: '/v1/approvals/{approval}',
      summary: 'Read one approval, or wait for its answer',
      tag: 'Approvals',
      callers: ['lease', 'operator'],
      params,
      query: z.strictObject({ wait: count(0, 30).default(0) }),
      answers: { 200: { description: 'The approval', schema: Approval } },
      handle: async ({ params: { approval }, query, caller, end }) => {
        const found = visible(caller, approval)
        if (!found.ok) return found
        const unchanged = (): boolean => reads.approval(approval)?.state === 'pending'
        await waitWhile(broker, { id: approval, seconds: query.wait, signal: end(), unchanged })
        return shown(visible(caller, approval))
      },
    }),
    endpoint({
      method: 'post',
      path: '/v1/approvals/{approval}/approve',
      summary: 'Say yes to exactly what the digest covers, or to less',
      tag: 'Approvals',
      callers: ['operator'],
      role: 'approver',
      params,
      body: Approving,
      answers: { 200: { description: 'The approval; still pending below the quorum', schema: Approval } },
      handle: async ({ params: { approval }, body, caller, requestId }) =>
        shown(
          await approve(broker, {
            operator: caller,
            approval,
            digest: body.digest,
            reason: body.reason ?? null,
            narrow: body.narrow ? narrowing(body.narrow) : null,
            permission: permissionOf(body),
            requestId,
          }),
        ),
    }),
    endpoint({
      method: 'post',
      path: '/v1/approvals/{approval}/deny',
      summary: 'Say no: the lease is closed',
      tag: 'Approvals',
      callers: ['operator'],
      role: 'approver',
      params,
      body: z.strictObject({ digest: Digest, reason: Reason }),
      answers: { 200: { description: 'The approval', schema: Approval } },
      handle: async ({ params: { approval }, body, caller, requestId }) =>
        shown(
          await denyApproval(broker, {
            operator: caller,
            approval,
            digest: body.digest,
            reason: body.reason,
            requestId,
          }),
        ),
    }),
    endpoint({
      method: 'post',
      path: '/v1/approvals/{approval}/cancel',
      summary: 'Take the question back: the lease is closed',
      tag: 'Approvals',
      callers: ['lease'],
      params,
      answers: { 200: { description: 'The approval', schema: Approval } },
      handle: async ({ params: { approval }, caller, requestId }) => {
        const found = visible(caller, approval)
        return found.ok ? shown(await cancelApproval(broker, { caller, approval, requestId })) : found
      },
    }),
  ]
}

/** What was left out of the narrowing stays as it was asked. */
function narrowing(body: z.output<typeof Narrow>) {
  const access = body.access?.map((entry) => ({
    grant: entry.grant,
    actions: entry.actions ?? null,
    resources: entry.resources ?? null,
  }))
  return { access: access ?? null, tools: body.tools?.map(toToolAccess) ?? null, ttlSeconds: body.ttl ?? null }
}

/** Undefined members of the kind of approval that it is not: `approve` refuses what does not belong to it. */
function permissionOf({ scope, ttl, uses, narrow }: z.output<typeof Approving>) {
  if (scope === undefined && ttl === undefined && uses === undefined && narrow?.arguments === undefined) return null
  const bounds = narrow?.arguments && toToolAccess({ tool: '', arguments: narrow.arguments }).arguments
  return { scope: scope ?? 'once', ttlSeconds: ttl ?? 600, uses: uses ?? 10, arguments: bounds ?? null }
}
