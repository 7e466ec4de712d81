import { expect } from 'chai'
import fc from 'fast-check'

import type { Credential } from '../../src/core/credential.ts'
import { afterAttempt, hasEndedByItself, retryAfterMs, type Attempt } from '../../src/core/revocation-schedule.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../src/core/time.ts'
import { sampleCredential, sampleLease } from '../support/sample-rows.ts'

const ISSUED = Date.UTC(2026, 10, 25)
const NOW = ISSUED + MINUTE_MS
const ENDS = ISSUED + 30 * DAY_MS

const row = (over: Partial<Credential> = {}): Credential =>
  sampleCredential(sampleLease(), {
    state: 'revoking',
    provider: 'up',
    target: 'up.test',
    issuedAt: ISSUED,
    notAfter: ENDS,
    hardExpiresAt: ENDS,
    nextAttemptAt: NOW,
    ...over,
  })

const tried = (attempt: Attempt, over: Partial<Credential> = {}, { now = NOW, consistencyMs = 0, jitter = 0.5 } = {}) =>
  afterAttempt({ credential: row(over), attempt, now, consistencyMs, jitter })

/** What a row that is not closed has become. */
const waiting = (...args: Parameters<typeof tried>) => {
  const after = tried(...args)
  if (after.kind !== 'waiting') throw new Error(`It is closed: ${after.outcome}`)
  return after.change
}

const failures = ['permanent', 'throttled', 'unreachable', 'unknown'] as const

describe('a credential that an upstream was asked to take back', () => {
  it('is closed as revoked once the upstream has confirmed', () => {
    for (const effectiveAfter of [null, NOW - 1, NOW])
      expect(tried({ class: 'revoked', effectiveAfter })).to.deep.equal({ kind: 'closed', outcome: 'revoked' })
  })

  it('waits, and is not called revoked, while what was confirmed still spreads', () => {
    const effectiveAfter = NOW + 5 * MINUTE_MS
    expect(waiting({ class: 'revoked', effectiveAfter })).to.include({
      nextAttemptAt: effectiveAfter,
      effectiveAfter,
      stuck: false,
      lastError: null,
    })
  })

  it('is closed when it is gone: as revoked, or as never minted where nothing of it was ever seen', () => {
    expect(tried({ class: 'gone' })).to.deep.equal({ kind: 'closed', outcome: 'revoked' })
    expect(tried({ class: 'gone' }, { fingerprint: '' })).to.deep.equal({ kind: 'closed', outcome: 'never_minted' })
  })

  it('is not gone while it is so young that "not found" may mean "not yet"', () => {
    const young = { consistencyMs: 10 * MINUTE_MS }
    const change = waiting({ class: 'gone' }, {}, young)
    expect(change.nextAttemptAt).to.equal(ISSUED + 10 * MINUTE_MS)
    const last = ISSUED + 10 * MINUTE_MS - 1
    expect(tried({ class: 'gone' }, {}, { ...young, now: last }).kind).to.equal('waiting')
    expect(tried({ class: 'gone' }, {}, { ...young, now: last + 1 }).kind).to.equal('closed')
  })

  it('that can only end by itself waits for that, with room for two clocks that differ', () => {
    expect(waiting({ class: 'at_expiry' }).nextAttemptAt).to.equal(ENDS + MINUTE_MS)
  })

  it('with a permanent answer is stuck, says why, and is asked for again every hour', () => {
    expect(waiting({ class: 'permanent', detail: 'forbidden' })).to.include({
      stuck: true,
      lastError: 'forbidden',
      nextAttemptAt: NOW + HOUR_MS,
    })
  })

  it('is no longer stuck once the upstream confirms', () => {
    const change = waiting({ class: 'revoked', effectiveAfter: NOW + 1 }, { stuck: true, lastError: 'forbidden' })
    expect(change).to.include({ stuck: false, lastError: null })
  })

  it('keeps being stuck, so that somebody still looks, while other answers come', () => {
    for (const kind of ['throttled', 'unreachable', 'unknown'] as const)
      expect(waiting({ class: kind, detail: 'x' }, { stuck: true }).stuck, kind).to.equal(true)
  })

  it('uses up an attempt with every answer, and with no outage', () => {
    for (const kind of failures) {
      const { attempts } = waiting({ class: kind, detail: 'x' }, { attempts: 3 })
      expect(attempts, kind).to.equal(kind === 'unreachable' ? 3 : 4)
    }
  })

  it('has ended by itself a minute after its hard end, or after the latest end that was planned where none is known', () => {
    expect(hasEndedByItself(row(), ENDS + MINUTE_MS - 1)).to.equal(false)
    expect(hasEndedByItself(row(), ENDS + MINUTE_MS)).to.equal(true)
    const planned = row({ hardExpiresAt: null, notAfter: ISSUED + HOUR_MS })
    expect(hasEndedByItself(planned, ISSUED + HOUR_MS + MINUTE_MS - 1)).to.equal(false)
    expect(hasEndedByItself(planned, ISSUED + HOUR_MS + MINUTE_MS)).to.equal(true)
  })

  it('is closed as expired after that, whatever the upstream fails to say', () => {
    for (const kind of failures)
      expect(tried({ class: kind, detail: 'x' }, {}, { now: ENDS + MINUTE_MS })).to.deep.equal({
        kind: 'closed',
        outcome: 'expired',
      })
  })
})

describe('the time until the next attempt', () => {
  const steady = (attempts: number): number => Math.min(10 * SECOND_MS * 2 ** attempts, 5 * MINUTE_MS)

  it('doubles from 10 s up to 5 min', () => {
    const waits = Array.from({ length: 8 }, (_, attempts) => retryAfterMs(attempts, 0.5) / SECOND_MS)
    expect(waits).to.deep.equal([10, 20, 40, 80, 160, 300, 300, 300])
  })

  it('is spread by half to both sides, and stays a safe number after any number of attempts', () => {
    fc.assert(
      fc.property(
        fc.nat(1_000_000),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (attempts, jitter) => {
          const wait = retryAfterMs(attempts, jitter)
          expect(Number.isSafeInteger(wait)).to.equal(true)
          expect(wait).to.be.within(steady(attempts) * 0.5, steady(attempts) * 1.5)
        },
      ),
    )
  })
})

describe('taking a credential back', () => {
  const answers: fc.Arbitrary<Attempt> = fc.oneof(
    fc.constantFrom(...failures).map((kind) => ({ class: kind, detail: 'x' })),
    fc.constant({ class: 'at_expiry' } as const),
    fc.record({
      class: fc.constant('revoked' as const),
      effectiveAfter: fc.option(fc.integer({ min: NOW, max: ENDS })),
    }),
    fc.constant({ class: 'gone' } as const),
  )

  it('never gives up: after any answers at any times it is closed for good reason, or due again within an hour', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(answers, fc.nat(HOUR_MS), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })), {
          minLength: 1,
          maxLength: 200,
        }),
        (story) => {
          let [credential, now] = [row(), NOW]
          for (const [attempt, laterMs, jitter] of story) {
            now = Math.max(now, credential.nextAttemptAt ?? 0) + laterMs
            const after = afterAttempt({ credential, attempt, now, consistencyMs: MINUTE_MS, jitter })
            if (after.kind === 'closed') {
              const confirmed = attempt.class === 'gone' || attempt.class === 'revoked'
              expect(confirmed || hasEndedByItself(credential, now), 'closed without a reason').to.equal(true)
              return
            }
            const { nextAttemptAt, attempts } = after.change
            const promised = attempt.class === 'revoked' ? (attempt.effectiveAfter ?? now) : now
            const latest = attempt.class === 'at_expiry' ? ENDS + MINUTE_MS : Math.max(now + HOUR_MS, promised)
            expect(nextAttemptAt).to.be.within(Math.min(now, credential.nextAttemptAt ?? now), latest)
            expect(attempts).to.be.within(credential.attempts, credential.attempts + 1)
            credential = { ...credential, ...after.change }
          }
        },
      ),
    )
  })

  it('from a target that cannot be reached comes last among those that wait for the next probe', () => {
    const change = waiting({ class: 'unreachable', detail: 'x' }, { nextAttemptAt: NOW - HOUR_MS })
    expect(change).to.include({ nextAttemptAt: NOW + 15 * SECOND_MS, lastError: 'x' })
  })
})
