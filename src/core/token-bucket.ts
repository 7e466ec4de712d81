import { SECOND_MS, type Instant } from './time.ts'

/** A rate with a burst of one second's worth: how a target that came back is drained without being knocked over again. */
export interface TokenBucket {
  readonly tokens: number
  readonly at: Instant
}

/** The bucket as it is at `now`, refilled. A clock that was set back refills nothing, and goes on from there. */
export function refilled(bucket: TokenBucket | undefined, perSecond: number, now: Instant): TokenBucket {
  if (!bucket) return { tokens: perSecond, at: now }
  const gained = (Math.max(0, now - bucket.at) / SECOND_MS) * perSecond
  return { tokens: Math.min(perSecond, bucket.tokens + gained), at: now }
}

export const taken = (bucket: TokenBucket, count: number): TokenBucket => ({ ...bucket, tokens: bucket.tokens - count })
