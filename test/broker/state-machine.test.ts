import { expect } from 'chai'
import fc from 'fast-check'
import { keepsItsInvariants } from '../support/state-machine/tell.ts'
import type { Break } from '../support/state-machine/world.ts'

describe('the ledger as a state machine', () => {
  it('keeps its invariants after every step of every story', async function () {
    this.timeout(120_000)
    // Ended by the first failure, so that its seed is always said: the soak makes the story shorter.
    await fc.assert(keepsItsInvariants(), { numRuns: 30, endOnFailure: true })
  })
})

describe('a broken ledger, as the control,', () => {
  const controls: Readonly<Record<string, readonly [Break, RegExp]>> = {
    'that knows no stops lets what was stopped be used': [
      (_, where) => (where === 'reads' ? { marks: () => [] } : {}),
      /^[35]|reads as frozen/,
    ],
    'that knows no parents lets children outlive them': [() => ({ ancestors: () => [] }), /^[34]|a child/],
    'that closes what no upstream has confirmed leaves it alive': [
      (tx) => ({
        moveCredential: (from, change) =>
          tx.moveCredential(
            from,
            from.state === 'revoking' ? { ...change, state: 'closed', outcome: 'revoked' } : change,
          ),
      }),
      /^1/,
    ],
  }
  for (const [what, [broken, fault]] of Object.entries(controls)) {
    it(what, async function () {
      this.timeout(60_000)
      const { errorInstance, failed } = await fc.check(keepsItsInvariants(broken), { numRuns: 200, endOnFailure: true })
      expect(failed).to.equal(true)
      expect((errorInstance as Error).message).to.match(fault)
    })
  }
})
