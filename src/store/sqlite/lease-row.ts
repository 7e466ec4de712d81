import * as z from 'zod'

import type { LeaseChange } from '../../broker/store-port.ts'
import type { LeaseId, ApprovalId } from '../../core/id.ts'
import { LEASE_OUTCOMES, LEASE_STATES, type Lease } from '../../core/lease.ts'

/** The shape of one row, checked on the way out: a row that does not fit is a bug, not a lease. */
export const LeaseRow = z.strictObject({
  id: z.string(),
  state: z.enum(LEASE_STATES),
  fence: z.int(),
  task: z.string(),
  agent: z.string(),
  owner: z.string(),
  root_agent: z.string(),
  instance: z.string(),
  parent: z.string().nullable(),
  root: z.string(),
  depth: z.int(),
  created_at: z.int(),
  activated_at: z.int().nullable(),
  expires_at: z.int(),
  max_expires_at: z.int().nullable(),
  ttl_seconds: z.int(),
  heartbeat_seconds: z.int().nullable(),
  silent_at: z.int().nullable(),
  token_hash: z.string(),
  token_used: z.union([z.literal(0), z.literal(1)]),
  tier: z.string(),
  approval: z.string().nullable(),
  closed_at: z.int().nullable(),
  closed_by: z.string().nullable(),
  outcome: z.enum(LEASE_OUTCOMES).nullable(),
  reason: z.string().nullable(),
  detail: z.string(),
})

export const LEASE_COLUMNS = Object.keys(LeaseRow.shape).join(', ')

type Detail = Pick<Lease, 'identity' | 'intent' | 'context' | 'access' | 'tools' | 'decision'>

/** What this store itself wrote as JSON, and SQLite checked to be JSON. */
const detailOf = (text: string): Detail => JSON.parse(text) as Detail

export function toLease(raw: unknown): Lease {
  const row = LeaseRow.parse(raw)
  return {
    id: row.id as LeaseId,
    state: row.state,
    fence: row.fence,
    task: row.task,
    agent: row.agent,
    owner: row.owner,
    rootAgent: row.root_agent,
    instance: row.instance,
    parent: row.parent as LeaseId | null,
    root: row.root as LeaseId,
    depth: row.depth,
    createdAt: row.created_at,
    activatedAt: row.activated_at,
    expiresAt: row.expires_at,
    maxExpiresAt: row.max_expires_at,
    ttlSeconds: row.ttl_seconds,
    heartbeatSeconds: row.heartbeat_seconds,
    silentAt: row.silent_at,
    tokenHash: row.token_hash,
    tokenUsed: row.token_used === 1,
    approval: row.approval as ApprovalId | null,
    closedAt: row.closed_at,
    closedBy: row.closed_by,
    outcome: row.outcome,
    reason: row.reason,
    ...detailOf(row.detail),
  }
}

export function fromLease(lease: Lease): z.infer<typeof LeaseRow> {
  const { identity, intent, context, access, tools, decision } = lease
  const detail: Detail = { identity, intent, context, access, tools, decision }
  return {
    id: lease.id,
    state: lease.state,
    fence: lease.fence,
    task: lease.task,
    agent: lease.agent,
    owner: lease.owner,
    root_agent: lease.rootAgent,
    instance: lease.instance,
    parent: lease.parent,
    root: lease.root,
    depth: lease.depth,
    created_at: lease.createdAt,
    activated_at: lease.activatedAt,
    expires_at: lease.expiresAt,
    max_expires_at: lease.maxExpiresAt,
    ttl_seconds: lease.ttlSeconds,
    heartbeat_seconds: lease.heartbeatSeconds,
    silent_at: lease.silentAt,
    token_hash: lease.tokenHash,
    token_used: lease.tokenUsed ? 1 : 0,
    tier: lease.decision.risk.tier,
    approval: lease.approval,
    closed_at: lease.closedAt,
    closed_by: lease.closedBy,
    outcome: lease.outcome,
    reason: lease.reason,
    detail: JSON.stringify(detail),
  }
}

type Plain = Omit<LeaseChange, 'access' | 'tools' | 'decision' | 'tokenUsed'>

/** Where the members that change are kept; beside them `token_used`, and `detail` with the tier in it. */
const COLUMNS = {
  state: 'state',
  activatedAt: 'activated_at',
  expiresAt: 'expires_at',
  maxExpiresAt: 'max_expires_at',
  ttlSeconds: 'ttl_seconds',
  silentAt: 'silent_at',
  tokenHash: 'token_hash',
  approval: 'approval',
  closedAt: 'closed_at',
  closedBy: 'closed_by',
  outcome: 'outcome',
  reason: 'reason',
} as const satisfies Record<keyof Plain, keyof z.infer<typeof LeaseRow>>

/** The columns of a change. What people and rules read is one column, and is written whole. Undefined: there is no such lease. */
export function changedColumns(
  { access, tools, decision, tokenUsed, ...plain }: LeaseChange,
  current: () => Lease | undefined,
): Partial<z.infer<typeof LeaseRow>> | undefined {
  const columns = Object.fromEntries(
    Object.entries(plain).map(([name, value]) => [COLUMNS[name as keyof Plain], value]),
  ) as Partial<z.infer<typeof LeaseRow>>
  const used = tokenUsed === undefined ? {} : ({ token_used: tokenUsed ? 1 : 0 } as const)
  const detailed = { ...(access && { access }), ...(tools && { tools }), ...(decision && { decision }) }
  if (Object.keys(detailed).length === 0) return { ...columns, ...used }
  const lease = current()
  if (!lease) return undefined
  const { tier, detail } = fromLease({ ...lease, ...detailed })
  return { ...columns, ...used, tier, detail }
}
