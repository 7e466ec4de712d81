import type { Request, Response } from 'express'

import type { Caller } from '../broker/caller.ts'
import { hearOf } from '../broker/hear-of.ts'
import { requireRole } from '../broker/require-role.ts'
import { err, ok, type Result } from '../core/result.ts'
import { authenticate } from './authenticate.ts'
import type { Endpoint, Input, Reply } from './endpoint.ts'
import { speaksOauth, toOauthError } from './oauth-error.ts'
import { parse } from './parse.ts'
import { toProblem, type HttpRefusal } from './problem.ts'
import { readFormBody, readJsonBody } from './read-json-body.ts'
import type { Services } from './services.ts'

/** One request through one endpoint: who calls, what was sent, what it does, what goes back. The same steps for every route. */
export function dispatch(services: Services, endpoint: Endpoint) {
  return async (req: Request, res: Response): Promise<void> => {
    const requestId = String(res.getHeader('request-id'))
    const outcome = await answer(services, endpoint, req, {
      requestId,
      address: req.ip ?? 'unknown',
      end: () => endOf(res, services.stopping),
    })
    if (outcome.ok) send(res, outcome.value)
    else sendProblem(res, outcome.error, requestId)
  }
}

async function answer(
  services: Services,
  endpoint: Endpoint,
  req: Request,
  known: Pick<Input<null, null, null, null>, 'requestId' | 'address' | 'end'>,
): Promise<Result<Reply, HttpRefusal>> {
  const caller = await identify(services, endpoint, req, known.requestId)
  if (!caller.ok) return caller
  const [reason] = endpoint.grants ? services.notReady() : []
  if (reason !== undefined) return err({ reason: 'unavailable', detail: `${reason}. Ask again in a moment.` })
  const input = await read(endpoint, req, { ...known, caller: caller.value })
  return input.ok ? endpoint.handle(input.value) : input
}

/** Authentication, then whether this kind of caller, in this role, has any business here. */
async function identify(
  services: Services,
  endpoint: Endpoint,
  req: Request,
  requestId: string,
): Promise<Result<Caller | null, HttpRefusal>> {
  if (endpoint.callers.length === 0) return ok(null)
  const { authorization } = req.headers
  const address = req.ip ?? 'unknown'
  const blocked = await services.limiter.proofsBlocked(address)
  if (blocked !== undefined && !holdsMayflyToken(authorization)) return err(tooFast(blocked))
  const proven = await authenticate({ ...services.broker, identities: services.identities }, authorization)
  if (!proven.ok) {
    const { reason, detail, cause } = proven.error
    await services.refusedProofs.note({ source: address, cause, requestId })
    services.log.warn({ request_id: requestId, source: address, cause }, 'a proof of identity was refused')
    const wait = await services.limiter.proofFailed(address)
    return err(wait === undefined ? { reason, detail } : tooFast(wait))
  }
  const caller = proven.value
  if (caller.type === 'lease') await hearOf(services.broker, caller.lease)
  if (caller.type === 'operator' || !endpoint.callers.includes(caller.type)) {
    if (!endpoint.callers.includes('operator'))
      return err({ reason: 'forbidden', detail: `This call takes ${endpoint.callers.join(' or ')} tokens.` })
    const what = `${endpoint.method.toUpperCase()} ${endpoint.path}`
    return requireRole(services.broker, { caller, role: endpoint.role, what, requestId })
  }
  return ok(caller)
}

/** Looking up a Mayfly token is one hash: it is never throttled, so a flood of bad proofs locks nobody out who has one. */
const holdsMayflyToken = (authorization: string | undefined): boolean => /^Bearer mf[a-z]_/i.test(authorization ?? '')

const tooFast = (seconds: number): HttpRefusal => ({
  reason: 'rate-limited',
  detail: 'Too many proofs from this address were refused.',
  retryAfterSeconds: seconds,
})

async function read(
  endpoint: Endpoint,
  req: Request,
  known: Pick<Input<null, null, null, Caller | null>, 'requestId' | 'address' | 'end' | 'caller'>,
): Promise<Result<Input<unknown, unknown, unknown, Caller | null>, HttpRefusal>> {
  const params = endpoint.params === null ? null : endpoint.params.safeParse(req.params)
  if (params && !params.success) return err({ reason: 'not-found' })
  const query = queryOf(req)
  if (!query.ok) return query
  const parsedQuery = endpoint.query === null ? noQuery(query.value) : parse(endpoint.query, query.value, 'query')
  if (!parsedQuery.ok) return parsedQuery
  const headers =
    endpoint.headers === null ? ok(null) : parse(endpoint.headers, headersOf(req, endpoint.headers), 'header')
  if (!headers.ok) return headers
  const raw = endpoint.bodyType === 'form' ? await readFormBody(req) : await readJsonBody(req)
  if (!raw.ok) return raw
  const body = endpoint.body === null ? noBody(raw.value) : parse(endpoint.body, raw.value, 'body')
  if (!body.ok) return body
  return ok({
    ...known,
    params: params?.data ?? null,
    query: parsedQuery.value,
    body: body.value,
    header: (name) => req.get(name),
  })
}

/** A parameter given twice means two different things to two readers. */
function queryOf(req: Request): Result<Readonly<Record<string, string>>, HttpRefusal> {
  const at = req.originalUrl.indexOf('?')
  const query = new URLSearchParams(at < 0 ? '' : req.originalUrl.slice(at + 1))
  const twice = [...query.keys()].find((name, index, names) => names.indexOf(name) !== index)
  if (twice === undefined) return ok(Object.fromEntries(query))
  return err({
    reason: 'invalid-request',
    detail: 'A query parameter is given twice.',
    errors: [{ path: `/${twice.slice(0, 100)}`, message: 'is given twice' }],
  })
}

function noQuery(query: Readonly<Record<string, string>>): Result<null, HttpRefusal> {
  const errors = Object.keys(query).map((name) => ({
    path: `/${name.slice(0, 100)}`,
    message: 'is not a parameter of this call',
  }))
  return errors.length === 0
    ? ok(null)
    : err({ reason: 'invalid-request', detail: 'This call takes no query parameters.', errors })
}

/** A call without a body takes none, or `{}`, which generic clients send. */
function noBody(body: unknown): Result<null, HttpRefusal> {
  const empty =
    body === undefined ||
    (typeof body === 'object' && body !== null && !Array.isArray(body) && Object.keys(body).length === 0)
  return empty ? ok(null) : err({ reason: 'invalid-request', detail: 'This call takes no body.' })
}

function headersOf(req: Request, schema: NonNullable<Endpoint['headers']>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.keys(schema.shape).flatMap((name) => (req.get(name) === undefined ? [] : [[name, req.get(name) ?? '']])),
  )
}

/** Aborted when the client goes away or the broker stops, so that nobody waits for an answer that nobody reads. */
function endOf(res: Response, stopping: AbortSignal): AbortSignal {
  const gone = new AbortController()
  res.once('close', () => {
    gone.abort()
  })
  return AbortSignal.any([gone.signal, stopping])
}

function send(res: Response, reply: Reply): void {
  res.status(reply.status).set(reply.headers ?? {})
  if (reply.body === null) res.end()
  else if (typeof reply.body === 'string') res.send(reply.body)
  else res.json(reply.body)
}

/** The one way a refusal leaves as HTTP. */
export function sendProblem(res: Response, refusal: HttpRefusal, requestId: string): void {
  const oauth = speaksOauth(res.req.path)
  const { status, headers, body } = oauth ? toOauthError(refusal, requestId) : toProblem(refusal, requestId)
  const type = oauth ? 'application/json' : 'application/problem+json'
  res.status(status).set(headers).type(type).send(JSON.stringify(body))
}
