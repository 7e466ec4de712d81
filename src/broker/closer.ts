import { allowance, CLOSED, unreachable, type Breaker } from '../core/breaker.ts'
import type { Credential } from '../core/credential.ts'
import type { CredentialId } from '../core/id.ts'
import { afterAttempt, hasEndedByItself, type AfterAttempt, type Attempt } from '../core/revocation-schedule.ts'
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

export interface Closer {
  /** Tries everything that is due now. Resolves when nothing more can be tried at this instant. */
  readonly pass: () => Promise<void>
  /** By provider: answers that were neither a confirmation nor an outage. */
  readonly failed: () => ReadonlyMap<string, number>
}

interface Parts {
  /** There is more to do as soon as the rate allows: asks for another pass in that many milliseconds. */
  readonly again: (ms: number) => void
}

/**
 * Takes credentials back upstream, for ever if need be. Each target has its own queue, breaker and rate, so an outage of
 * one holds up no other. A target that cannot be reached parks its rows and uses up none of their attempts.
 */
export function createCloser(broker: Broker, { again }: Parts): Closer {
  const { store } = broker
  const breakers = new Map<string, Breaker>()
  const buckets = new Map<string, TokenBucket>()
  const busy = new Set<CredentialId>()
  const failed = new Map<string, number>()

  async function drain(target: string): Promise<void> {
    for (;;) {
      const now = broker.clock()
      const allowed = allowance(breakers.get(target) ?? CLOSED, now)
      if (allowed === 'none') return
      const bucket = refilled(buckets.get(target), PER_SECOND, now)
      const room = allowed === 'probe' ? 1 : Math.min(AT_A_TIME, Math.floor(bucket.tokens))
      if (room < 1) {
        again(1000 / AT_A_TIME)
        return
      }
      const rows = store.reads
        .dueRevocations(target, now, room + busy.size)
        .filter(({ id }) => !busy.has(id))
        .slice(0, room)
      if (rows.length === 0) return
      if (allowed === 'probe') breakers.set(target, unreachable(now))
      buckets.set(target, taken(bucket, rows.length))
      const recorded = await Promise.all(rows.map((row) => take(target, row)))
      // Rows whose end could not be recorded are still due: going on would ask the upstream about them in a circle.
      if (!recorded.every(Boolean)) return
    }
  }

  /** One row, whatever happens to it: a row that fails is put off and never stops the loop. */
  async function take(target: string, row: Credential): Promise<boolean> {
    busy.add(row.id)
    try {
      const attempt = needsNoCall(row, broker.clock()) ? CONFIRMED : await ask(target, row)
      const now = broker.clock()
      const provider = broker.providers().get(row.provider)
      const consistencyMs = provider?.kind === 'upstream' ? provider.consistencyMs : 0
      const after = afterAttempt({ credential: row, attempt, now, consistencyMs, jitter: broker.random() })
      const settled = await store.commit((tx) => record(tx, row, after, { actor: BROKER, requestId: null, now }))
      if (settled) broker.changes.announce(row.lease)
      return true
    } catch (error) {
      broker.log.error(
        { err: error, credential: row.id },
        'the end of a credential could not be recorded; it is tried again',
      )
      again(1000)
      return false
    } finally {
      busy.delete(row.id)
    }
  }

  async function ask(target: string, row: Credential): Promise<Attempt> {
    const attempt = await askUpstream(broker, row)
    watch(target, row, attempt)
    return attempt
  }

  function watch(target: string, row: Credential, attempt: Attempt): void {
    const now = broker.clock()
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
    failed: () => failed,
    pass: async () => {
      await Promise.all(store.reads.dueTargets(broker.clock()).map(drain))
    },
  }
}

const CONFIRMED: Attempt = { class: 'revoked', effectiveAfter: null }

/** The upstream has confirmed before and only had to spread it; or it has ended the credential itself. */
function needsNoCall(row: Credential, now: number): boolean {
  return hasEndedByItself(row, now) || (row.effectiveAfter !== null && now >= row.effectiveAfter)
}

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
    stuck: false,
    lastError: null,
  } as const
  const lease = tx.lease(row.lease)
  if (!lease || !tx.moveCredential(row, change)) return false
  tx.append(credentialEntry('credential.closed', lease, { ...row, ...change }, origin))
  return settleLease(tx, lease, origin)
}
