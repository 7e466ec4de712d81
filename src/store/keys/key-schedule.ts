import { HOUR_MS, type Instant } from '../../core/time.ts'

export const DAY_MS = 24 * HOUR_MS

/** Life of a signing key, in milliseconds, and for how long its public half outlasts its last signature. */
export interface KeyTerms {
  readonly lifeMs: number
  readonly keepMs: number
}

/** For how long a key that was made late is published before it signs: verifiers look again when they cached the set. */
const LEAD_MS = HOUR_MS

/** The longest lease that can be asked for, and an hour for clocks that are off. */
const LONGEST_TOKEN_MS = DAY_MS + HOUR_MS
export const ACCESS_TERMS: KeyTerms = { lifeMs: 30 * DAY_MS, keepMs: LONGEST_TOKEN_MS }
/** Checkpoints are kept elsewhere for years, so the keys that verify them stay. */
export const AUDIT_TERMS: KeyTerms = { lifeMs: 365 * DAY_MS, keepMs: Infinity }

export interface Aged {
  readonly createdAt: Instant
}

/** What to do with one chain of keys now. Every key is published that is not `retired`. */
export interface KeyPlan<K> {
  /** Signs now; undefined only while there is no key at all. */
  readonly signer: K | undefined
  readonly published: readonly K[]
  readonly retired: readonly K[]
  /** A next key is due. */
  readonly wantsNext: boolean
}

/**
 * The A/B schedule. The next key is published at half life, so that every verifier that caches keys has it before its first
 * signature at five sixths; the old public key stays until the last token that it signed has ended. A pure function of when
 * keys were made: nothing to store, and a broker that was off for a month goes on where it should be: the old key signs for another hour.
 */
export function planKeys<K extends Aged>(keys: readonly K[], { lifeMs, keepMs }: KeyTerms, now: Instant): KeyPlan<K> {
  const chain = keys.toSorted((a, b) => a.createdAt - b.createdAt)
  /** When a key takes over from the one before it. */
  const takesOver = (at: number): Instant => {
    const [before, key] = [chain[at - 1], chain[at]]
    return before && key ? Math.max(key.createdAt + LEAD_MS, before.createdAt + (lifeMs * 5) / 6) : -Infinity
  }
  const signing = chain.findLastIndex((_, at) => takesOver(at) <= now)
  const retired = chain.filter((_, at) => at < signing && takesOver(at + 1) + keepMs <= now)
  const newest = chain.at(-1)
  return {
    signer: chain[signing],
    published: chain.filter((key) => !retired.includes(key)),
    retired,
    wantsNext: newest === undefined || now >= newest.createdAt + lifeMs / 2,
  }
}
