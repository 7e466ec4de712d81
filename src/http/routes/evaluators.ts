import * as z from 'zod'

import { makeEvaluateToken } from '../../broker/make-evaluate-token.ts'
import { reportResult } from '../../broker/report-result.ts'
import { err, ok } from '../../core/result.ts'
import { rfc3339 } from '../../core/time.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import { id, Instant } from '../schemas/atoms.ts'
import type { Services } from '../services.ts'
import { knownLabels } from './known-labels.ts'

const params = z.object({ lease: id('lse') })

/** What stands between an agent and its tools: tokens for it, and what it saw in results. */
export function evaluatorRoutes({ broker }: Services): readonly Endpoint[] {
  const tokens = endpoint({
    method: 'post',
    path: '/v1/leases/{lease}/tokens',
    summary: 'Make an evaluate-only token, for a hook or wrapper',
    tag: 'Leases',
    callers: ['lease'],
    params,
    body: z.strictObject({ use: z.literal('evaluate') }),
    answers: {
      201: { description: 'The token, this once', schema: z.strictObject({ token: z.string(), expires_at: Instant }) },
    },
    handle: async ({ params: { lease }, caller }) => {
      if (caller.lease !== lease) return err({ reason: 'not-found' })
      const made = await makeEvaluateToken(broker, caller)
      if (!made.ok) return made
      const { token, expiresAt } = made.value
      return ok({ status: 201, body: { token: token.unwrap(), expires_at: rfc3339(expiresAt) } })
    },
  })
  const results = endpoint({
    method: 'post',
    path: '/v1/leases/{lease}/results',
    summary: 'Report what the result of an allowed call contained',
    tag: 'Leases',
    callers: ['lease', 'evaluator', 'pep'],
    params,
    body: z.strictObject({ call_id: z.string().min(1).max(256), labels: z.array(z.string()).max(256) }),
    answers: { 204: { description: 'It joined the history' } },
    handle: async ({ params: { lease }, body, caller }) => {
      if (caller.type !== 'pep' && caller.lease !== lease) return err({ reason: 'not-found' })
      const known = knownLabels(broker, body.labels, '/labels')
      if (!known.ok) return known
      const reported = await reportResult(broker, { lease, callId: body.call_id, labels: body.labels })
      return reported.ok ? ok({ status: 204, body: null }) : reported
    },
  })
  return [tokens, results]
}
