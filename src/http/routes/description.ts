import * as z from 'zod'

import { ok } from '../../core/result.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import { openapi } from '../openapi.ts'
import { FreeJson } from '../schemas/atoms.ts'

/** These routes, and the one that describes them all. */
export function described(routes: readonly Endpoint[], version: string): readonly Endpoint[] {
  const self: Endpoint = endpoint({
    method: 'get',
    path: '/openapi.json',
    summary: 'This description',
    tag: 'Health',
    callers: [],
    answers: { 200: { description: 'OpenAPI 3.1', schema: z.record(z.string(), FreeJson) } },
    handle: () => ok({ status: 200, body: document }),
  })
  const all = [...routes, self]
  const document = openapi(all, version)
  return all
}
