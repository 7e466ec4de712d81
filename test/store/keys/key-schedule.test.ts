import { expect } from 'chai'
import fc from 'fast-check'
import {
  ACCESS_TERMS,
  AUDIT_TERMS,
  DAY_MS,
  planKeys,
  type Aged,
  type KeyTerms,
} from '../../../src/store/keys/key-schedule.ts'

const HOUR = DAY_MS / 24
const days = (...list: readonly number[]) => list.map((day) => ({ createdAt: day * DAY_MS }))
const daysOf = (keys: readonly { readonly createdAt: number }[]): readonly number[] =>
  keys.map(({ createdAt }) => createdAt / DAY_MS)

/** Keys by the day they were made; the moment; who signs; who is published; whether a next one is due. */
type Row = readonly [
  what: string,
  made: readonly number[],
  now: number,
  signs: number | null,
  published: readonly number[],
  next: boolean,
]

const LIFE_30_DAYS: readonly Row[] = [
  ['there is no key', [], 0, null, [], true],
  ['the first key is new', [0], 0, 0, [0], false],
  ['it is just before half life', [0], 15 * DAY_MS - 1, 0, [0], false],
  ['it is at half life', [0], 15 * DAY_MS, 0, [0], true],
  ['the next key is published', [0, 15], 15 * DAY_MS, 0, [0, 15], false],
  ['it is just before five sixths', [0, 15], 25 * DAY_MS - 1, 0, [0, 15], false],
  ['it is at five sixths', [0, 15], 25 * DAY_MS, 15, [0, 15], false],
  ['the last token of the old key still lives', [0, 15], 25 * DAY_MS + 25 * HOUR - 1, 15, [0, 15], false],
  ['the last token of the old key has ended', [0, 15], 25 * DAY_MS + 25 * HOUR, 15, [15], false],
  ['the next key is at half life itself', [0, 15], 30 * DAY_MS, 15, [15], true],
  ['the third key is published', [0, 15, 30], 30 * DAY_MS, 15, [15, 30], false],
  ['the third key takes over', [0, 15, 30], 40 * DAY_MS, 30, [15, 30], false],
  ['the order of the files is another', [30, 0, 15], 40 * DAY_MS, 30, [15, 30], false],
  ['nobody made the next key for a year', [0], 365 * DAY_MS, 0, [0], true],
  ['the next key was made a year late', [0, 365], 365 * DAY_MS, 0, [0, 365], false],
  ['a late key is just before its hour', [0, 365], 365 * DAY_MS + HOUR - 1, 0, [0, 365], false],
  ['a late key was published for an hour', [0, 365], 365 * DAY_MS + HOUR, 365, [0, 365], false],
  ['the clock was set back behind the first key', [10], 5 * DAY_MS, 10, [10], false],
  ['the clock was set back behind the next key', [0, 15], 10 * DAY_MS, 0, [0, 15], false],
]

describe('the schedule of signing keys', () => {
  for (const [what, made, now, signs, published, next] of LIFE_30_DAYS) {
    it(`where ${what}: ${signs === null ? 'nobody' : `the key of day ${signs}`} signs`, () => {
      const keys = days(...made)
      const plan = planKeys(keys, ACCESS_TERMS, now)
      expect(plan.signer?.createdAt ?? null).to.equal(signs === null ? null : signs * DAY_MS)
      expect(daysOf(plan.published)).to.deep.equal(published)
      expect(daysOf(plan.retired)).to.deep.equal(
        made.filter((day) => !published.includes(day)).toSorted((a, b) => a - b),
      )
      expect(plan.wantsNext).to.equal(next)
    })
  }

  it('never retires an audit key, so that a checkpoint of years ago still verifies', () => {
    const keys = days(0, 182.5, 365, 547.5)
    const plan = planKeys(keys, AUDIT_TERMS, 3650 * DAY_MS)
    expect(daysOf(plan.published)).to.deep.equal([0, 182.5, 365, 547.5])
    expect(plan.signer?.createdAt).to.equal(547.5 * DAY_MS)
  })

  it('keeps a key published for the longest lease after its last signature', () => {
    expect(ACCESS_TERMS.keepMs).to.be.greaterThan(24 * HOUR)
  })
})

/** Hours from one look at the keys to the next: mostly regular, with outages of up to three months. */
const pauses = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 1, max: 72 }) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 2000 }) },
  ),
  { minLength: 5, maxLength: 80 },
)

interface Look {
  readonly at: number
  readonly keys: readonly Aged[]
}

/** The keys after each look of a broker that does what the plan says. */
const looksOf = (hours: readonly number[], terms: KeyTerms): readonly Look[] =>
  hours.reduce<readonly Look[]>((looks, pause) => {
    const before = looks.at(-1)
    const at = before ? before.at + pause * HOUR : 0
    const plan = planKeys(before?.keys ?? [], terms, at)
    return [...looks, { at, keys: plan.wantsNext ? [...plan.published, { createdAt: at }] : plan.published }]
  }, [])

/** One token of up to a day, minted near a change of keys, and one verifier with keys that it fetched before. */
const verification = (terms: KeyTerms, cacheHours: number) =>
  fc.property(
    pauses,
    fc.nat(),
    fc.nat(26 * 60),
    fc.nat(24 * 60),
    fc.nat(cacheHours * 60),
    (hours, near, ...minutes) => {
      const looks = looksOf(hours, terms)
      const planAt = (at: number) => planKeys(looks.findLast((look) => look.at <= at)?.keys ?? [], terms, at)
      const changes = looks.flatMap(({ keys }) => keys.flatMap(({ createdAt }) => [createdAt, createdAt + 25 * DAY_MS]))
      const [afterChange = 0, untilUse = 0, sinceFetch = 0] = minutes.map((each) => (each / 60) * HOUR)
      const minted = (changes[near % changes.length] ?? 0) + afterChange
      const used = minted + untilUse
      const published = planAt(Math.max(0, used - sinceFetch)).published.map(({ createdAt }) => createdAt)
      expect(published).to.include(planAt(minted).signer?.createdAt)
    },
  )

describe('verification during rotation', () => {
  it('never fails, for any outages, any token of a day and any verifier that keeps keys for an hour', () => {
    fc.assert(verification(ACCESS_TERMS, 1), { numRuns: 5_000 })
  })

  const controls: readonly (readonly [string, KeyTerms, number])[] = [
    ['old keys left after an hour', { ...ACCESS_TERMS, keepMs: HOUR }, 1],
    ['a verifier kept keys for a day', ACCESS_TERMS, 24],
  ]
  for (const [what, terms, cacheHours] of controls) {
    it(`would fail if ${what} (a control)`, () => {
      expect(fc.check(verification(terms, cacheHours), { numRuns: 50_000 }).failed).to.equal(true)
    })
  }
})
