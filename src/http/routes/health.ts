import * as z from 'zod'

import { ok } from '../../core/result.ts'
import { endpoint, type Endpoint } from '../endpoint.ts'
import type { Services } from '../services.ts'

/** Is it alive, can it serve, how is it doing. */
export function healthRoutes(services: Services): readonly Endpoint[] {
  const live = endpoint({
    method: 'get',
    path: '/livez',
    summary: 'The process answers',
    tag: 'Health',
    callers: [],
    answers: { 200: { description: 'Alive', schema: z.strictObject({ alive: z.literal(true) }) } },
    handle: () => ok({ status: 200, body: { alive: true } }),
  })
  const Ready = z.strictObject({ ready: z.boolean(), reasons: z.array(z.string()) })
  const ready = endpoint({
    method: 'get',
    path: '/readyz',
    summary: 'The broker can grant: store, keys, rules and sweep are good',
    tag: 'Health',
    callers: [],
    answers: {
      200: { description: 'Ready', schema: Ready },
      503: { description: 'Not ready, and why', schema: Ready },
    },
    handle: () => {
      const reasons = services.notReady()
      return ok({ status: reasons.length === 0 ? 200 : 503, body: { ready: reasons.length === 0, reasons } })
    },
  })
  const metrics = endpoint({
    method: 'get',
    path: '/metrics',
    summary: 'Prometheus metrics; open on loopback, else for viewers',
    tag: 'Health',
    callers: services.onLoopback ? [] : ['operator'],
    answers: { 200: { description: 'Text exposition format', contentType: 'text/plain', schema: z.string() } },
    handle: async () => {
      const { contentType, text } = await services.metrics.render()
      return ok({ status: 200, body: text, headers: { 'Content-Type': contentType } })
    },
  })
  return [live, ready, metrics]
}
