import * as z from 'zod'

import { AUDIT_KINDS, AUDIT_STREAMS } from '../../core/audit.ts'
import type { Json } from '../../core/json.ts'
import { ok } from '../../core/result.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import { count, FreeJson, Instant } from '../schemas/atoms.ts'
import { Decision } from '../schemas/lease.ts'
import type { Services } from '../services.ts'

const AuditRecord = z
  .strictObject({
    seq: z.int(),
    time: Instant,
    stream: z.enum(AUDIT_STREAMS),
    kind: z.literal(Object.keys(AUDIT_KINDS)),
    actor: z.strictObject({ type: z.string(), id: z.string() }),
    agent: z.string().nullable(),
    owner: z.string().nullable(),
    task: z.string().nullable(),
    lease: z.string().nullable(),
    subject: z.record(z.string(), FreeJson),
    decision: Decision.nullable(),
    fingerprint: z.string().nullable(),
    request_id: z.string().nullable(),
    prev: z.string(),
    hash: z.string().meta({ description: 'Hex SHA-256 over the RFC 8785 form of the record without this member' }),
  })
  .meta({ id: 'AuditRecord' })

const MAX_SEQ = 2 ** 53 - 1

/** The three chained streams, and what proves that nobody cut their tails. */
export function auditRoutes(services: Services): readonly Endpoint[] {
  const { broker } = services
  const { reads } = broker.store
  const stream = endpoint({
    method: 'get',
    path: '/v1/audit/{stream}',
    summary: 'Read one audit stream, oldest first',
    tag: 'Audit',
    callers: ['operator'],
    params: z.object({ stream: z.enum(AUDIT_STREAMS) }),
    query: z.strictObject({ after: count(0, MAX_SEQ).default(0), limit: count(1, 200).default(50) }),
    answers: {
      200: { description: 'Records after that one', schema: z.strictObject({ items: z.array(AuditRecord) }) },
    },
    handle: ({ params, query }) => {
      const items = reads.audit(params.stream, query.after, query.limit)
      return ok({
        status: 200,
        body: { items: items.map((record): Json => ({ ...record, actor: { ...record.actor } })) },
      })
    },
  })
  const checkpoint = endpoint({
    method: 'get',
    path: '/v1/audit/checkpoint',
    summary: 'The heads of the three chains, signed',
    tag: 'Audit',
    callers: ['operator'],
    answers: {
      200: { description: 'A JWS, `typ: mayfly-audit+jwt`', contentType: 'application/jwt', schema: z.string() },
    },
    handle: async () => {
      const heads = Object.fromEntries(AUDIT_STREAMS.map((name) => [name, reads.auditHead(name)])) as Parameters<
        Services['signCheckpoint']
      >[0]
      const jws = await services.signCheckpoint(heads, broker.clock())
      return ok({ status: 200, body: jws, headers: { 'Content-Type': 'application/jwt' } })
    },
  })
  const keys = endpoint({
    method: 'get',
    path: '/v1/audit/keys',
    summary: 'The public keys that checkpoints are signed with',
    tag: 'Audit',
    callers: ['operator'],
    answers: {
      200: { description: 'A JWK Set', schema: z.strictObject({ keys: z.array(z.record(z.string(), FreeJson)) }) },
    },
    handle: () => ok({ status: 200, body: services.publicKeys.audit() }),
  })
  return [checkpoint, keys, stream]
}
