import { expect } from 'chai'
import fc from 'fast-check'
import {
  ACCESS_TERMS,
  AUDIT_TERMS,
  DAY_MS,
  planKeys,
  type Dated,
  type KeyTerms,
} from '../../../src/store/keys/key-schedule.ts'

const HOUR = DAY_MS / 24

/** A key: the day on which it was made, and that from which on it signs. */
type Days = readonly [made: number, signs: number]
const keysOf = (...days: readonly Days[]): readonly Dated[] =>
  days.map(([made, signs]) => ({ createdAt: made * DAY_MS, signsFrom: signs * DAY_MS }))
const daysOf = (keys: readonly Dated[]): readonly number[] => keys.map(({ signsFrom }) => signsFrom / DAY_MS)
const [FIRST, SECOND, THIRD]: readonly [Days, Days, Days] = [
  [0, 0],
  [0, 25],
  [25, 50],
]

/** The keys; the moment in days; who signs, who is published, each by the day it signs from; and when the wanted one would sign. */
type Row = readonly [
  what: string,
  keys: readonly Days[],
  now: number,
  signs: number | null,
  published: readonly number[],
  wanted: number | null,
]

const MOMENT = 1 / DAY_MS
const ROWS: readonly Row[] = [
  ['there is no key', [], 3, null, [], 3],
  ['there is a first key', [FIRST], 0, 0, [0], 25],
  ['the next key is published with the first', [FIRST, SECOND], 0, 0, [0, 25], null],
  ['the next key is just before its time', [FIRST, SECOND], 25 - MOMENT, 0, [0, 25], null],
  ['the time of the next key has come', [FIRST, SECOND], 25, 25, [0, 25], 50],
  ['the one after it is published', [FIRST, SECOND, THIRD], 25, 25, [0, 25, 50], null],
  ['the last token of the first still lives', [FIRST, SECOND, THIRD], 26 + 1 / 24 - MOMENT, 25, [0, 25, 50], null],
  ['the last token of the first has ended', [FIRST, SECOND, THIRD], 26 + 1 / 24, 25, [25, 50], null],
  ['the files come in another order', [THIRD, FIRST, SECOND], 51, 50, [25, 50], 75],
  ['the broker was off for a year', [FIRST, SECOND], 365, 25, [25], 365 + 1 / 24],
  ['an operator made the next key sign on day 3', [FIRST, [0, 3]], 3, 3, [0, 3], 28],
  ['the one after that is published', [FIRST, [0, 3], [3, 28]], 4, 3, [0, 3, 28], null],
  ['the last token from before the rotation has ended', [FIRST, [0, 3], [3, 28]], 4 + 1 / 24, 3, [3, 28], null],
  ['two rotations came in one moment', [FIRST, [0, 3], [3, 3], [3, 28]], 3, 3, [0, 3, 3, 28], null],
  ['the clock was set back behind the first key', [[10, 10]], 5, 10, [10], 35],
  ['the clock was set back behind a rotation', [FIRST, [0, 3], [3, 28]], 2, 0, [0, 3, 28], null],
]

describe('the schedule of signing keys', () => {
  for (const [what, keys, now, signs, published, wanted] of ROWS) {
    it(`where ${what}: ${signs === null ? 'nobody' : `the key of day ${signs}`} signs`, () => {
      const chain = keysOf(...keys)
      const plan = planKeys(chain, ACCESS_TERMS, now * DAY_MS)
      expect(plan.signer && plan.signer.signsFrom / DAY_MS).to.equal(signs ?? undefined)
      expect(daysOf(plan.published)).to.deep.equal(published)
      expect([...plan.published, ...plan.retired]).to.have.members(chain)
      expect(plan.wanted).to.equal(wanted === null ? null : Math.round(wanted * DAY_MS))
    })
  }

  it('says when the public half of a key goes, as soon as its last signature is known', () => {
    const [first, second] = keysOf(FIRST, SECOND)
    const { endOf } = planKeys([first!, second!], ACCESS_TERMS, 0)
    expect([endOf(first!), endOf(second!)]).to.deep.equal([26 * DAY_MS + HOUR, null])
  })

  it('signs with the later one of two that begin in one moment', () => {
    const keys = keysOf([0, 3], [3, 3])
    for (const chain of [keys, keys.toReversed()])
      expect(planKeys(chain, ACCESS_TERMS, 4 * DAY_MS).signer).to.equal(keys[1])
  })

  it('never retires an audit key, so that a checkpoint of years ago still verifies', () => {
    const keys = keysOf([0, 0], [0, 300], [300, 600], [600, 900])
    const plan = planKeys(keys, AUDIT_TERMS, 3650 * DAY_MS)
    expect(daysOf(plan.published)).to.deep.equal([0, 300, 600, 900])
    expect(plan.signer?.signsFrom).to.equal(900 * DAY_MS)
    expect(keys.map(plan.endOf)).to.deep.equal([null, null, null, null])
  })

  it('keeps a key published for the longest lease after its last signature', () => {
    expect(ACCESS_TERMS.keepMs).to.be.greaterThan(24 * HOUR)
  })
})

/** Hours from one look at the keys to the next, mostly regular, with outages of up to three months; and whether an operator rotates then. */
const looks = fc.array(
  fc.record({
    pause: fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: 1, max: 72 }) },
      { weight: 1, arbitrary: fc.integer({ min: 1, max: 2000 }) },
    ),
    rotates: fc.oneof({ weight: 6, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  }),
  { minLength: 5, maxLength: 80 },
)

interface Look {
  readonly at: number
  readonly keys: readonly Dated[]
}

const completed = (keys: readonly Dated[], terms: KeyTerms, at: number): readonly Dated[] => {
  const { wanted } = planKeys(keys, terms, at)
  return wanted === null ? keys : completed([...keys, { createdAt: at, signsFrom: wanted }], terms, at)
}

/** As an operator does it, who leaves an hour between two changes: the next key signs from now on. */
const rotated = (keys: readonly Dated[], terms: KeyTerms, at: number): readonly Dated[] => {
  const { next } = planKeys(keys, terms, at)
  return keys.map((key) => (key === next && at - key.createdAt >= HOUR ? { ...key, signsFrom: at } : key))
}

/** The keys after each look of a broker that does what the plan says. */
const looksOf = (pauses: readonly { readonly pause: number; readonly rotates: boolean }[], terms: KeyTerms) =>
  pauses.reduce<readonly Look[]>((done, { pause, rotates }) => {
    const before = done.at(-1)
    const at = before ? before.at + pause * HOUR : 0
    const keys = completed(planKeys(before?.keys ?? [], terms, at).published, terms, at)
    return [...done, { at, keys: rotates ? completed(rotated(keys, terms, at), terms, at) : keys }]
  }, [])

/** One token of up to a day, minted near a change of keys, and one verifier with keys that it fetched before. */
const verification = (terms: KeyTerms, cacheHours: number) =>
  fc.property(
    looks,
    fc.nat(),
    fc.nat(26 * 60),
    fc.nat(24 * 60),
    fc.nat(cacheHours * 60),
    (pauses, near, ...minutes) => {
      const done = looksOf(pauses, terms)
      const planAt = (at: number) => planKeys(done.findLast((look) => look.at <= at)?.keys ?? [], terms, at)
      const changes = done.flatMap(({ keys }) => keys.map(({ signsFrom }) => signsFrom))
      const [afterChange = 0, untilUse = 0, sinceFetch = 0] = minutes.map((each) => (each / 60) * HOUR)
      const minted = (changes[near % changes.length] ?? 0) + afterChange
      const used = minted + untilUse
      const published = planAt(Math.max(0, used - sinceFetch)).published.map(({ createdAt }) => createdAt)
      expect(published).to.include(planAt(minted).signer?.createdAt)
    },
  )

describe('verification during rotation', () => {
  it('never fails, for any outages, rotations by hand, any token of a day and any verifier that keeps keys for an hour', () => {
    fc.assert(verification(ACCESS_TERMS, 1), { numRuns: 5_000 })
  })

  const controls: readonly (readonly [string, KeyTerms, number])[] = [
    ['old keys left after an hour', { ...ACCESS_TERMS, keepMs: HOUR }, 1],
    ['a verifier kept keys for three days, and an operator rotated twice in between', ACCESS_TERMS, 72],
  ]
  for (const [what, terms, cacheHours] of controls) {
    it(`would fail if ${what} (a control)`, () => {
      expect(fc.check(verification(terms, cacheHours), { numRuns: 50_000 }).failed).to.equal(true)
    })
  }
})
