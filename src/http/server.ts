import { randomUUID } from 'node:crypto'
import { createServer, IncomingMessage, ServerResponse, type Server } from 'node:http'
import express, { type NextFunction, type Request, type Response } from 'express'
import helmet from 'helmet'

import { onClientError } from './client-error.ts'
import { dispatch, sendProblem } from './dispatch.ts'
import { endpoints } from './endpoints.ts'
import type { Services } from './services.ts'

/** How long a slow client may take, in milliseconds, and how often that is looked at. `addressed` looks for the host. */
const PATIENCE = {
  headersTimeout: 10_000,
  requestTimeout: 15_000,
  connectionsCheckingInterval: 5_000,
  requireHostHeader: false,
} as const

/** The broker as an HTTP server, not yet listening. */
export function httpServer(services: Services): Server {
  const app = express()
  app.disable('x-powered-by').disable('etag').enable('case sensitive routing').enable('strict routing')
  app.set('trust proxy', services.trustedProxies.length > 0 ? [...services.trustedProxies] : false)
  // Queries are parsed once, strictly, in `dispatch`.
  app.set('query parser', false)
  app.use(helmet({ contentSecurityPolicy: { directives: { defaultSrc: ["'none'"] } } }))
  app.use(named(services), addressed)
  for (const [path, methods] of Map.groupBy(endpoints(services), (route) => route.path)) {
    const route = app.route(path.replace(/\{(\w+)\}/g, ':$1'))
    for (const each of methods) route[each.method](dispatch(services, each))
    const allow = methods
      .map(({ method }) => method.toUpperCase())
      .flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]))
    route.all((_req, res) => {
      sendProblem(res, { reason: 'method-not-allowed', allow }, String(res.getHeader('request-id')))
    })
  }
  app.use((_req, res) => {
    sendProblem(res, { reason: 'not-found' }, String(res.getHeader('request-id')))
  })
  app.use(failed(services))
  return listenable(app)
}

/** Gives each request its name, keeps every answer out of caches unless a route says otherwise, and counts it. */
function named({ metrics, log }: Services) {
  return (req: Request, res: Response, next: NextFunction): void => {
    const from = performance.now()
    const requestId = randomUUID()
    res.set({ 'Request-Id': requestId, 'Cache-Control': 'no-store' })
    res.once('finish', () => {
      const route = (req.route as { readonly path?: string } | undefined)?.path ?? 'none'
      const { method } = req
      const { statusCode: status } = res
      const seconds = (performance.now() - from) / 1000
      metrics.answered({ method, route, status, seconds })
      log.debug({ request_id: requestId, method, route, status, ms: Math.round(seconds * 1000) }, 'answered')
    })
    next()
  }
}

/** HTTP/1.1 names its host (RFC 9112 section 3.2). Node would refuse in a form of its own, so it is told not to look. */
function addressed(req: Request, res: Response, next: NextFunction): void {
  if (req.httpVersion !== '1.1' || req.headers.host !== undefined) {
    next()
    return
  }
  const refusal = { reason: 'invalid-request', detail: 'The request has no Host header.' } as const
  sendProblem(res, refusal, String(res.getHeader('request-id')))
}

/** A bug or an outage. The caller learns the request's name, the log learns the cause. */
function failed({ log }: Services) {
  return (error: unknown, req: Request, res: Response, next: NextFunction): void => {
    const requestId = String(res.getHeader('request-id'))
    if (req.errored) {
      log.debug({ request_id: requestId }, 'the client went away in the middle of its request')
      res.destroy()
      return
    }
    if (res.headersSent) {
      next(error)
      return
    }
    if (error instanceof URIError) {
      sendProblem(res, { reason: 'not-found' }, requestId)
      return
    }
    const outage = error instanceof Error && error.name === 'StoreUnavailable'
    log.error({ request_id: requestId, err: error }, outage ? 'the store could not be written' : 'a request failed')
    const detail = 'The store cannot be written now, so nothing was changed. Ask again in a moment.'
    sendProblem(res, outage ? { reason: 'unavailable', detail } : { reason: 'internal' }, requestId)
  }
}

/**
 * Express sets the prototype of every request and response, which makes V8 give up on both (expressjs/express#5998).
 * A server that creates them with Express' prototypes from the start makes that a no-op: 1.8 times the throughput.
 */
function listenable(app: express.Express): Server {
  class AppRequest extends IncomingMessage {}
  class AppResponse extends ServerResponse {}
  Object.setPrototypeOf(AppRequest.prototype, app.request)
  Object.setPrototypeOf(AppResponse.prototype, app.response)
  app.request = AppRequest.prototype as express.Request
  app.response = AppResponse.prototype as unknown as express.Response
  const server = createServer({ IncomingMessage: AppRequest, ServerResponse: AppResponse, ...PATIENCE }, app)
  server.on('clientError', onClientError)
  // An expectation that nobody knows is ignored (RFC 9110 section 10.1.1): Node would refuse it in a form of its own.
  server.on('checkExpectation', app)
  return server
}
