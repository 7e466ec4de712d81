import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'

import type { Limits } from '../broker/ports.ts'
import type { Limiter } from './services.ts'

/** Rates per minute, in memory: a restart forgives, a reload takes new limits at once. */
export function createLimiter(limits: () => Pick<Limits, 'leaseRequestsPerMinute' | 'preAuthPerMinute'>): Limiter {
  const requests = perMinute(() => limits().leaseRequestsPerMinute)
  const failures = perMinute(() => limits().preAuthPerMinute)
  return {
    proofsBlocked: async (address) => waitOf(await failures().get(address), limits().preAuthPerMinute),
    proofFailed: (address) => consume(failures(), address),
    leaseRequest: (agent) => consume(requests(), agent),
  }
}

/** The limiter for the limit in force; another one when a reload has changed it. */
function perMinute(points: () => number): () => RateLimiterMemory {
  let limiter = new RateLimiterMemory({ points: points(), duration: 60 })
  return () => {
    if (limiter.points !== points()) limiter = new RateLimiterMemory({ points: points(), duration: 60 })
    return limiter
  }
}

async function consume(limiter: RateLimiterMemory, key: string): Promise<number | undefined> {
  try {
    await limiter.consume(key)
    return undefined
  } catch (refused) {
    if (refused instanceof RateLimiterRes) return seconds(refused)
    throw refused
  }
}

const waitOf = (state: RateLimiterRes | null, points: number): number | undefined =>
  state && state.consumedPoints > points ? seconds(state) : undefined

const seconds = (state: RateLimiterRes): number => Math.max(1, Math.ceil(state.msBeforeNext / 1000))
