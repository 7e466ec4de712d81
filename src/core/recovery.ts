import type { Instant } from './time.ts'

/**
 * Why nothing may be minted until an operator has gone through a recovery: the ledger came from a backup; it is older
 * than a checkpoint that was kept beside it; a signing key that it knows is missing; an operator suspects a compromise.
 */
export const RECOVERY_CAUSES = ['restored', 'rolled_back', 'key_lost', 'suspected'] as const
export type RecoveryCause = (typeof RECOVERY_CAUSES)[number]

/** A recovery, as it is stored: it outlives every crash, and every use looks at it. */
export interface Recovery {
  readonly cause: RecoveryCause
  /** What was found, for operators: a clause that goes on from "because". */
  readonly detail: string
  /** Since when this broker stands in it; null in a backup that no broker has been started on yet. */
  readonly since: Instant | null
  /** Null until an operator has begun it: nothing is ended and nobody is cut off before. */
  readonly begun: RecoveryBegun | null
  /** By provider. One that is missing has not been asked yet. */
  readonly cutOffs: Readonly<Record<string, CutOffSoFar>>
}

export interface RecoveryBegun {
  /** Everything that was handed out before is taken back. */
  readonly at: Instant
  readonly by: string
  readonly reason: string
}

/** What became of cutting off what one provider had handed out. Texts for operators, never a secret. */
export interface CutOffSoFar {
  readonly done: boolean
  readonly ended: readonly string[]
  /** What no call can end, and when it ends by itself. */
  readonly remains: readonly string[]
  readonly error: string | null
  readonly attempts: number
  readonly nextAttemptAt: Instant
}

const FIRST_WAIT_MS = 10_000
const LONGEST_WAIT_MS = 5 * 60_000

/** A cut-off that failed: it is tried again, less and less often. */
export function failedCutOff(before: CutOffSoFar | undefined, error: string, now: Instant): CutOffSoFar {
  const attempts = (before?.attempts ?? 0) + 1
  const waitMs = Math.min(FIRST_WAIT_MS * 2 ** (attempts - 1), LONGEST_WAIT_MS)
  return { done: false, ended: [], remains: [], error, attempts, nextAttemptAt: now + waitMs }
}

/** The recovery that an operator begins: the one that the broker stands in, or a new one. */
export const begunBy = (found: Recovery | null, begun: RecoveryBegun): Recovery => ({
  ...(found ?? { cause: 'suspected', detail: 'an operator suspects a compromise', since: begun.at, cutOffs: {} }),
  begun,
})
