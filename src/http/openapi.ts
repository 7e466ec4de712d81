import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiPathsObject } from 'zod-openapi'

import type { JsonObject } from '../core/json.ts'
import type { Endpoint } from './endpoint.ts'
import { speaksOauth } from './oauth-error.ts'
import { PROBLEM_SLUGS, PROBLEMS, type ProblemSlug } from './problem.ts'
import { OauthError, Problem } from './schemas/problem.ts'

/** OpenAPI 3.1, made from the same schemas that parse and the same table that refuses. */
export function openapi(endpoints: readonly Endpoint[], version: string): JsonObject {
  const paths: Record<string, ZodOpenApiPathsObject[string]> = {}
  for (const endpoint of endpoints)
    paths[endpoint.path] = { ...paths[endpoint.path], [endpoint.method]: operation(endpoint) }
  const document = createDocument({
    openapi: '3.1.0',
    info: {
      title: 'Mayfly',
      version,
      summary: 'A credential broker for AI agents',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    paths,
    components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
  })
  return JSON.parse(JSON.stringify(document)) as JsonObject
}

function operation(endpoint: Endpoint): ZodOpenApiOperationObject {
  const { params, query, headers, body } = endpoint
  return {
    operationId: operationId(endpoint),
    summary: endpoint.summary,
    tags: [endpoint.tag],
    ...(endpoint.callers.length === 0
      ? { security: [] }
      : { security: [{ bearer: [] }], description: callers(endpoint) }),
    requestParams: { ...(params && { path: params }), ...(query && { query }), ...(headers && { header: headers }) },
    ...(body && {
      requestBody: {
        required: !body.safeParse(undefined).success,
        content: { [contentType(endpoint)]: { schema: body } },
      },
    }),
    responses: { ...answers(endpoint), ...problems(endpoint) },
  }
}

const contentType = ({ bodyType }: Endpoint): string =>
  bodyType === 'form' ? 'application/x-www-form-urlencoded' : 'application/json'

const callers = ({ callers: kinds, role }: Endpoint): string =>
  `Takes ${kinds.map((kind) => (kind === 'operator' ? `operator (${role})` : kind)).join(', ')} tokens.`

/** `post /v1/leases/{lease}/complete` is `postLeasesLeaseComplete`: stable, and readable in a client. */
function operationId({ method, path }: Endpoint): string {
  const words = path.split(/[^A-Za-z0-9]+/).filter((word) => word !== '' && word !== 'v1')
  return method + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')
}

function answers(endpoint: Endpoint): ZodOpenApiOperationObject['responses'] {
  const entries = Object.entries(endpoint.answers).map(
    ([status, { description, schema, contentType: type = 'application/json' }]) => [
      status,
      { description, ...(schema && { content: { [type]: { schema } } }) },
    ],
  )
  return Object.fromEntries(entries) as ZodOpenApiOperationObject['responses']
}

/** The statuses that this route can refuse with, each with the slugs behind it. */
function problems(endpoint: Endpoint): ZodOpenApiOperationObject['responses'] {
  const slugs = PROBLEM_SLUGS.filter(
    (slug) => reaches(endpoint, slug) && endpoint.answers[PROBLEMS[slug].status] === undefined,
  )
  const byStatus = Map.groupBy(slugs, (slug) => PROBLEMS[slug].status)
  const content = speaksOauth(endpoint.path)
    ? { 'application/json': { schema: OauthError } }
    : { 'application/problem+json': { schema: Problem } }
  const entries = [...byStatus].map(([status, some]) => [String(status), { description: some.join(', '), content }])
  return Object.fromEntries(entries) as ZodOpenApiOperationObject['responses']
}

function reaches(endpoint: Endpoint, slug: ProblemSlug): boolean {
  const { callers: kinds, method, params, path } = endpoint
  switch (slug) {
    case 'invalid-request':
    case 'internal':
      return true
    case 'unauthenticated':
    case 'unknown-agent':
    case 'forbidden':
    case 'rate-limited':
    case 'unavailable':
    case 'frozen':
      return kinds.length > 0
    case 'payload-too-large':
      return method === 'post'
    case 'not-found':
      return params !== null
    case 'conflict':
      return method === 'post' && path.startsWith('/v1/')
    case 'gone':
      return path.startsWith('/v1/approvals/') && method === 'post'
    case 'denied':
    case 'idempotency-mismatch':
      return path === '/v1/leases' && method === 'post'
    case 'not-granted':
    case 'provider-unavailable':
    case 'quota-exceeded':
      return method === 'post' && (path === '/v1/leases' || path.endsWith('/credentials'))
    case 'method-not-allowed':
      return false
  }
}
