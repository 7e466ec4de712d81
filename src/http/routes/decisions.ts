import * as z from 'zod'

import { actorOf } from '../../broker/audit-entries.ts'
import type { EvaluatorCaller, LeaseCaller, PepCaller } from '../../broker/caller.ts'
import { evaluateAction } from '../../broker/evaluate-action.ts'
import type { Refusal } from '../../broker/refusal.ts'
import type { Asker, Question } from '../../broker/evaluation.ts'
import type { Action } from '../../core/action.ts'
import { parseId, type LeaseId } from '../../core/id.ts'
import { isJsonObject, type JsonObject } from '../../core/json.ts'
import { ok, type Result } from '../../core/result.ts'
import { endpoint, type Endpoint, type Reply } from '../endpoint.ts'
import { parse } from '../parse.ts'
import { EvaluationAnswer, EvaluationRequest, EvaluationsRequest } from '../schemas/evaluation.ts'
import { idempotencyHeader } from '../schemas/idempotency.ts'
import type { Services } from '../services.ts'
import { evaluationOnWire } from '../wire/evaluation.ts'
import { knownLabels } from './known-labels.ts'

type Evaluating = LeaseCaller | EvaluatorCaller | PepCaller

interface Asking {
  readonly caller: Evaluating
  readonly address: string
  readonly requestId: string
  readonly key: string | null
}

/** The decision point: OpenID AuthZEN Authorization API 1.0. A denial is an answer, and 200 like every other. */
export function decisionRoutes(services: Services): readonly Endpoint[] {
  const one = async (request: EvaluationRequest, asking: Asking): Promise<Result<JsonObject, Refusal>> => {
    const known = knownLabels(services.broker, request.context?.labels ?? [], '/context/labels')
    if (!known.ok) return known
    const question = await questionOf(services, request, asking)
    const evaluated = await evaluateAction(services.broker, question)
    return evaluated.ok ? ok(evaluationOnWire(evaluated.value, question.preflight)) : evaluated
  }
  const evaluation = endpoint({
    method: 'post',
    path: '/access/v1/evaluation',
    summary: 'May this lease do this, now? (AuthZEN)',
    tag: 'Decisions',
    callers: ['lease', 'evaluator', 'pep'],
    body: EvaluationRequest,
    answers: { 200: { description: 'The decision', schema: EvaluationAnswer } },
    headers: z.object(idempotencyHeader),
    handle: async ({ body, header, ...asking }) =>
      replied(await one(body, { ...asking, key: header('idempotency-key') ?? null })),
  })
  const evaluations = endpoint({
    method: 'post',
    path: '/access/v1/evaluations',
    summary: 'Several evaluations at once (AuthZEN)',
    tag: 'Decisions',
    callers: ['lease', 'evaluator', 'pep'],
    body: EvaluationsRequest,
    answers: {
      200: {
        description: 'The decisions in order; a single one where there is no list',
        schema: z.union([EvaluationAnswer, z.strictObject({ evaluations: z.array(EvaluationAnswer) })]),
      },
    },
    headers: z.object(idempotencyHeader),
    handle: async ({ body, header, ...known }) => {
      const key = header('idempotency-key') ?? null
      const asking = { ...known, key }
      const { evaluations: items = [], options, ...defaults } = body
      if (items.length === 0) {
        const single = parse(EvaluationRequest, defaults, 'body')
        return single.ok ? replied(await one(single.value as EvaluationRequest, asking)) : single
      }
      const answers: JsonObject[] = []
      for (const [at, item] of items.entries()) {
        const whole = EvaluationRequest.safeParse({ ...defaults, ...item })
        const own = { ...asking, key: key && `${key} ${at}` }
        const answered = whole.success ? await one(whole.data, own) : ok(MALFORMED)
        if (!answered.ok) return answered
        answers.push(answered.value)
        if (answered.value['decision'] === STOPS_AT[options?.evaluations_semantic ?? 'execute_all']) break
      }
      return ok({ status: 200, body: { evaluations: answers } })
    },
  })
  const metadata = endpoint({
    method: 'get',
    path: '/.well-known/authzen-configuration',
    summary: 'Metadata of the decision point (AuthZEN)',
    tag: 'Decisions',
    callers: [],
    answers: { 200: { description: 'Metadata', schema: z.record(z.string(), z.string()) } },
    handle: () => {
      const base = services.publicUrl()
      const body = {
        policy_decision_point: base,
        access_evaluation_endpoint: `${base}/access/v1/evaluation`,
        access_evaluations_endpoint: `${base}/access/v1/evaluations`,
      }
      return ok({ status: 200, body, headers: { 'Cache-Control': 'public, max-age=60' } })
    },
  })
  return [evaluation, evaluations, metadata]
}

const replied = (answered: Result<JsonObject, Refusal>): Result<Reply, Refusal> =>
  answered.ok ? ok({ status: 200, body: answered.value }) : answered

/** The answer after which a list is not gone on with. */
const STOPS_AT = { execute_all: null, deny_on_first_deny: false, permit_on_first_permit: true } as const

/** An item that is no evaluation is not allowed, and harms no other. */
const MALFORMED: JsonObject = {
  decision: false,
  context: {
    evaluation_id: '',
    reason: 'not_in_lease',
    rule: null,
    message: 'This item is not an evaluation: it needs subject, action and resource.',
    next_action: 'none',
    obligations: [],
    approval: null,
  },
}

async function questionOf(services: Services, request: EvaluationRequest, asking: Asking): Promise<Question> {
  const { context } = request
  return {
    asker: askerOf(asking),
    lease: await leaseOf(services, request.subject, asking.caller),
    action: actionOf(request),
    callId: context?.call_id ?? null,
    labels: context?.labels ?? [],
    preflight: context?.preflight ?? false,
    key: asking.key,
    requestId: asking.requestId,
  }
}

function askerOf({ caller, address }: Asking): Asker {
  const tools = caller.type === 'pep' ? caller.tools : null
  return { name: caller.type === 'pep' ? `pep:${caller.name}` : 'agent', actor: actorOf(caller), tools, address }
}

/** Whose lease it is. An id proves nothing, so a PEP shows the token that it was shown, unless it vouches itself. */
async function leaseOf(
  { broker, accessTokens }: Services,
  subject: EvaluationRequest['subject'],
  caller: Evaluating,
): Promise<LeaseId | null> {
  const named = subject.type === 'lease' ? (parseId('lse', subject.id) ?? null) : null
  if (caller.type !== 'pep') return named === caller.lease ? named : null
  if (subject.type === 'lease') return caller.vouchesForLease ? named : null
  if (subject.type !== 'token') return null
  const token = await accessTokens.verify(subject.id, broker.clock())
  if (!token || !caller.audiences.includes(token.audience)) return null
  const credential = broker.store.reads.credential(token.credential)
  return credential?.state === 'active' ? credential.lease : null
}

function actionOf({ action, resource }: EvaluationRequest): Action | null {
  if (resource.type === 'tool' && action.name === 'tools/call') {
    const sent = action.properties?.['arguments']
    return sent === undefined || isJsonObject(sent) ? { kind: 'tool', tool: resource.id, arguments: sent ?? {} } : null
  }
  if (resource.type !== 'grant') return null
  const on = resource.properties?.['resource']
  if (on !== undefined && on !== null && typeof on !== 'string') return null
  return { kind: 'grant', grant: resource.id, action: action.name, resource: on ?? null }
}
