import type { Transaction } from '../../src/broker/store-port.ts'
import type { LeaseId } from '../../src/core/id.ts'
import type { Lease } from '../../src/core/lease.ts'
import { expect } from 'chai'
import {
  mintBesideComplete,
  mintBesideFreeze,
  mintBesideReload,
  renewBesideRevoke,
  type Race,
} from '../support/races.ts'
import { raceWorld, type RaceWorld } from '../support/race-world.ts'

const INTERLEAVINGS = 1000

/** Runs one race with each seed, on one broker, until one goes wrong like that. */
async function firstFault(race: Race, world: RaceWorld, like = /./): Promise<readonly string[]> {
  for (let seed = 0; seed < INTERLEAVINGS; seed += 1) {
    const faults = await race(world, seed)
    if (faults.some((fault) => like.test(fault))) return faults
  }
  return []
}

describe('whatever order two verbs come in', () => {
  const races: Readonly<Record<string, Race>> = {
    'no renewal outlives a revocation': renewBesideRevoke,
    'no secret leaves after the lease was completed': mintBesideComplete,
    'no secret leaves after a freeze, and none is lost by it': mintBesideFreeze,
    'no secret leaves after a reload has closed its lease': mintBesideReload,
  }
  for (const [what, race] of Object.entries(races)) {
    it(`${what} (${INTERLEAVINGS} interleavings)`, async function () {
      this.timeout(120_000)
      await using world = await raceWorld()
      expect(await firstFault(race, world)).to.deep.equal([])
    })
  }
})

/** Goes on seeing a lease as it was while it was active. */
function stale(): (tx: Transaction) => Partial<Transaction> {
  const seen = new Map<LeaseId, Lease>()
  return (tx) => ({
    lease: (id) => {
      const now = tx.lease(id)
      if (now?.state === 'active') seen.set(id, now)
      return seen.get(id) ?? now
    },
  })
}

/** And changes it, whatever it has become. */
function reckless(): (tx: Transaction) => Partial<Transaction> {
  const blind = stale()
  return (tx) => ({
    ...blind(tx),
    moveLease: (from, change) => tx.moveLease(tx.lease(from.id) ?? from, change),
  })
}

describe('a broker that does not look twice, as the control,', () => {
  const controls: Readonly<Record<string, readonly [Race, (tx: Transaction) => Partial<Transaction>, RegExp]>> = {
    'renews what was revoked': [renewBesideRevoke, reckless(), /more time|says active/],
    'gives away a secret of a lease that was completed': [mintBesideComplete, stale(), /left after/],
    'gives away a secret after a freeze': [mintBesideFreeze, () => ({ marks: () => [] }), /left after the freeze/],
    'gives away a secret of a lease that a reload has closed': [mintBesideReload, stale(), /left after/],
  }
  for (const [what, [race, broken, fault]] of Object.entries(controls)) {
    it(what, async function () {
      this.timeout(30_000)
      await using world = await raceWorld(broken)
      expect(await firstFault(race, world, fault)).to.not.deep.equal([])
    })
  }
})
