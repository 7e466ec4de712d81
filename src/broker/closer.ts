import { allowance as allowanceOf, CLOSED, unreachable, type Breaker } from '../core/breaker.ts'
import type { Credential } from '../core/credential.ts'
import type { CredentialId } from '../core/id.ts'
import { afterAttempt, hasEndedByItself, type AfterAttempt, type Attempt } from '../core/revocation-schedule.ts'
import { MINUTE_MS, type Instant } from '../core/time.ts'
import { refilled, taken, type TokenBucket } from '../core/token-bucket.ts'
import { BROKER, credentialEntry, type Origin } from './audit-entries.ts'
import { askUpstream } from './ask-upstream.ts'
import { settleLease } from './close-lease.ts'
import type { Broker } from './ports.ts'
import type { Transaction } from './store-port.ts'

/** A target that came back is drained at this rate, and no faster. */
const PER_SECOND = 50
/** Calls to one target at a time. A slow target never takes a place from another. */
const AT_A_TIME = 10
/** A row whose end cannot be recorded is put off for that long. */
const PUT_OFF_MS = MINUTE_MS
/** Where more rows than this cannot be recorded, it is the ledger that fails, and no row. */
const MANY = 50

export interface Closer {
  /** Targets that have something to take back now. */
  readonly due: () => readonly string[]
  /** Tries everything of one target that is due, until nothing more can be tried at this instant. MUST run once at a time. */
  readonly drain: (target: string) => Promise<void>
  /** By provider: answers that were neither a confirmation nor an outage. */
  readonly failed: () => ReadonlyMap<string, number>
}

interface Parts {
  /** There is more to do as soon as the rate allows: asks for another look in that many milliseconds. */
  readonly again: (ms: number) => void
  /** The broker is stopping: what has been asked is recorded, and nobody is asked anew. */
  readonly stopped: () => boolean
}

/**
 * Takes credentials back upstream, for ever if need be. Each target has its own queue, breaker and rate, so an outage of
 * one holds up no other. A target that cannot be reached parks its rows and uses up none of their attempts. All of it
 * goes by the time that is believed: a clock that jumped ahead must neither end a row unasked nor put it off for years.
 */
export function createCloser(broker: Broker, { again, stopped }: Parts): Closer {
  const { store, time } = broker
  const breakers = new Map<string, Breaker>()
  const buckets = new Map<string, TokenBucket>()
  const failed = new Map<string, number>()
  const unrecorded = new Map<CredentialId, Instant>()

  async function drain(target: string): Promise<void> {
    while (!stopped()) {
      const now = time.believed()
      const rows = store.reads
        .dueRevocations(target, now, AT_A_TIME + unrecorded.size)
        .filter(({ id }) => now >= (unrecorded.get(id) ?? 0))
        .slice(0, AT_A_TIME)
      const settled = rows.filter((row) => needsNoCall(row, now))
      const open = rows.filter((row) => !needsNoCall(row, now))
      const asked = allowed(target, open, now)
      if (settled.length + asked.length === 0) return
      await Promise.all([...settled, ...asked].map((row) => take(target, row)))
      if (unrecorded.size > MANY) return
    }
  }

  /** Of the rows that need a call, those that the target may be asked about now. */
  function allowed(target: string, rows: readonly Credential[], now: Instant): readonly Credential[] {
    const allowance = allowanceOf(breakers.get(target) ?? CLOSED, now)
    if (allowance === 'none' || rows.length === 0) return []
    const bucket = refilled(buckets.get(target), PER_SECOND, now)
    const room = allowance === 'probe' ? 1 : Math.floor(bucket.tokens)
    if (room < 1) {
      again(1000 / AT_A_TIME)
      return []
    }
    // A row that nobody can answer for must not be the only one that ever asks whether the target is back.
    const turns = allowance === 'probe' ? rows.toSorted((a, b) => dueAt(a) - dueAt(b)) : rows
    const asked = turns.slice(0, room)
    if (allowance === 'probe') breakers.set(target, unreachable(now))
    buckets.set(target, taken(bucket, asked.length))
    return asked
  }

  /** One row, whatever happens to it: a row that fails is put off and never stops the loop. */
  async function take(target: string, row: Credential): Promise<void> {
    try {
      const attempt = withoutCall(row, time.believed()) ?? (await ask(target, row))
      const now = time.believed()
      const provider = broker.providers().get(row.provider)
      const consistencyMs = provider?.kind === 'upstream' ? provider.consistencyMs : 0
      const after = afterAttempt({ credential: row, attempt, now, consistencyMs, jitter: broker.random() })
      const settled = await store.commit((tx) => record(tx, row, after, { actor: BROKER, requestId: null, now }))
      unrecorded.delete(row.id)
      if (settled) broker.changes.announce(row.lease)
    } catch (error) {
      broker.log.error(
        { err: error, credential: row.id },
        'the end of a credential could not be recorded; it is tried again',
      )
      unrecorded.set(row.id, time.believed() + PUT_OFF_MS)
    }
  }

  async function ask(target: string, row: Credential): Promise<Attempt> {
    const attempt = await askUpstream(broker, row)
    watch(target, row, attempt)
    return attempt
  }

  function watch(target: string, row: Credential, attempt: Attempt): void {
    const now = time.believed()
    if (attempt.class === 'unreachable') {
      breakers.set(target, unreachable(now))
      return
    }
    // Back: drained from a random fill, so that many brokers or targets behind one gate do not start in step.
    if (breakers.delete(target)) buckets.set(target, { tokens: PER_SECOND * broker.random(), at: now })
    if (attempt.class === 'permanent' || attempt.class === 'unknown') {
      failed.set(row.provider, (failed.get(row.provider) ?? 0) + 1)
    }
    if (attempt.class === 'permanent' && !row.stuck) {
      const fields = { credential: row.id, provider: row.provider, detail: attempt.detail }
      broker.log.error(
        fields,
        'a credential cannot be taken back: somebody has to look (mayfly credential list --stuck)',
      )
    }
  }

  return {
    due: () => store.reads.dueTargets(time.believed()),
    drain,
    failed: () => failed,
  }
}

const dueAt = ({ nextAttemptAt }: Credential): Instant => nextAttemptAt ?? 0

/** What is known without asking: it has ended by itself, or the upstream has confirmed before and only had to spread it. */
function withoutCall(row: Credential, now: Instant): Attempt | undefined {
  if (hasEndedByItself(row, now)) return { class: 'at_expiry' }
  return row.effectiveAfter !== null && now >= row.effectiveAfter
    ? { class: 'revoked', effectiveAfter: null }
    : undefined
}

const needsNoCall = (row: Credential, now: Instant): boolean => withoutCall(row, now) !== undefined

/** Returns whether the lease is closed now. A row that somebody else moved meanwhile is left to them. */
function record(tx: Transaction, row: Credential, after: AfterAttempt, origin: Origin): boolean {
  if (after.kind === 'waiting') {
    tx.moveCredential(row, after.change)
    return false
  }
  const change = {
    state: 'closed',
    outcome: after.outcome,
    confirmedAt: origin.now,
    nextAttemptAt: null,
    stuck: false,
    lastError: null,
  } as const
  const lease = tx.lease(row.lease)
  if (!lease || !tx.moveCredential(row, change)) return false
  tx.append(credentialEntry('credential.closed', lease, { ...row, ...change }, origin))
  return settleLease(tx, lease, origin)
}
