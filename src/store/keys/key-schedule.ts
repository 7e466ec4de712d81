import { HOUR_MS, type Instant } from '../../core/time.ts'

export const DAY_MS = 24 * HOUR_MS

/** For how long a signing key signs, in milliseconds, and for how long its public half outlasts its last signature. */
export interface KeyTerms {
  readonly signsMs: number
  readonly keepMs: number
}

/** For how long a key is published before its own time has come to sign: verifiers look again when they cached the set. */
const LEAD_MS = HOUR_MS

/** The longest lease that can be asked for, and an hour for clocks that are off. */
const LONGEST_TOKEN_MS = DAY_MS + HOUR_MS
export const ACCESS_TERMS: KeyTerms = { signsMs: 25 * DAY_MS, keepMs: LONGEST_TOKEN_MS }
/** Checkpoints are kept elsewhere for years, so the keys that verify them stay. */
export const AUDIT_TERMS: KeyTerms = { signsMs: 300 * DAY_MS, keepMs: Infinity }

/** When a key was made, and from when on it signs. An operator's rotation is a `signsFrom` that comes earlier. */
export interface Dated {
  readonly createdAt: Instant
  readonly signsFrom: Instant
}

/** What to do with one chain of keys now. Every key is published that is not `retired`. */
export interface KeyPlan<K> {
  /** Signs now; undefined only while there is no key at all. */
  readonly signer: K | undefined
  /** Published, and not signing yet. */
  readonly next: K | undefined
  readonly published: readonly K[]
  readonly retired: readonly K[]
  /** A key has to be made that signs from then on; null where there is a next one. */
  readonly wanted: Instant | null
  /** When the public half of a key is no longer needed: its last signature is known and kept long enough. Null: not yet. */
  readonly endOf: (key: K) => Instant | null
}

/**
 * The A/B schedule. There is always a next key, published long before its first signature, so that every verifier that
 * caches keys has it, whenever the change comes; the old public key stays until the last token that it signed has ended.
 * A pure function of what the keys themselves say: there is no other record of a rotation that could be lost, and a broker
 * that was off for a month goes on where it should be.
 */
export function planKeys<K extends Dated>(keys: readonly K[], { signsMs, keepMs }: KeyTerms, now: Instant): KeyPlan<K> {
  const chain = keys.toSorted((a, b) => a.signsFrom - b.signsFrom || a.createdAt - b.createdAt)
  const signing = Math.max(
    0,
    chain.findLastIndex(({ signsFrom }) => signsFrom <= now),
  )
  const [signer, next] = [chain[signing], chain[signing + 1]]
  const endOf = (key: K): Instant | null => {
    const after = chain[chain.indexOf(key) + 1]
    return after === undefined || keepMs === Infinity ? null : after.signsFrom + keepMs
  }
  const retired = chain.filter((key, at) => at < signing && (endOf(key) ?? Infinity) <= now)
  return {
    signer,
    next,
    published: chain.filter((key) => !retired.includes(key)),
    retired,
    wanted: signer === undefined ? now : next ? null : Math.max(now + LEAD_MS, signer.signsFrom + signsMs),
    endOf,
  }
}
