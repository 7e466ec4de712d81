import { inspect } from 'node:util'
import { expect } from 'chai'
import type { RevokeAnswer } from '../../src/broker/provider-port.ts'
import type { Fault } from '../support/backends/fault-proxy.ts'
import { endOf, mint, mintMeeting, planOf, revoke, turns, until } from './drive-provider.ts'
import { expectSecretless } from './expect-secretless.ts'
import type { ProviderSetup } from './provider-setup.ts'

/** Nobody waits longer than that for an abort to be noticed. */
const PROMPT_MS = 1_000

/**
 * What every provider with an upstream has to keep, whatever it mints: `UpstreamProvider` in MUST language, as tests
 * against the real backend. `start` is called for every test.
 */
export function providerContract(name: string, start: () => Promise<ProviderSetup>): void {
  describe(`the contract of a provider, kept by ${name}`, () => {
    describe('a plan', () => {
      it('names a handle that an order keeps and no other order has, without asking the upstream', async () => {
        await using setup = await start()
        const [one, other] = [setup.order(), setup.order()]
        const plan = planOf(setup, one)
        expect(plan.handle).to.be.a('string').that.is.not.empty
        expect(planOf(setup, one)).to.deep.equal(plan)
        expect(planOf(setup, other).handle).to.not.equal(plan.handle)
        expect(plan.notAfter).to.be.greaterThan(one.now)
        expect(setup.faults.exchanges).to.deep.equal([])
      })

      it('is refused for whatever cannot be narrowed to the order', async () => {
        await using setup = await start()
        expect(setup.unnarrowable).to.not.be.empty
        for (const { why, order } of setup.unnarrowable) {
          const plan = setup.provider.plan(order)
          expect(plan.ok, why).to.be.false
          expect(!plan.ok && plan.error.detail, why).to.be.a('string').that.is.not.empty
        }
      })
    })

    describe('a mint', () => {
      it('makes a credential that works, ends no later than planned, and can do nothing beyond its order', async () => {
        await using setup = await start()
        const { order, plan, minted } = await mint(setup)
        if (!minted) return expect.fail('nothing was minted')
        expect(await setup.works(minted)).to.be.true
        expect(await setup.alive(plan)).to.be.true
        expect(await setup.exceeds(minted)).to.deep.equal([])
        expect(minted.expiresAt).to.be.greaterThan(setup.clock()).and.at.most(order.lease.expiresAt)
        expect(minted.hardExpiresAt).to.be.at.least(minted.expiresAt).and.at.most(plan.notAfter)
        expect(minted.fingerprint).to.match(/^[0-9a-f]{64}$/)
        expect(JSON.stringify(minted) + inspect(minted, { depth: 9 })).to.not.include(setup.secretOf(minted))
      })

      it("ends with its grant's maximum where the lease goes on", async () => {
        await using setup = await start()
        const most = setup.order().grant.maxTtlSeconds * 1000
        const { order, minted } = await mint(setup, { lifeMs: 2 * most })
        expect(minted?.expiresAt)
          .to.be.greaterThan(setup.clock() + most / 2)
          .and.at.most(order.now + most)
      })

      it('never gives two orders the same credential: ending one leaves the other', async () => {
        await using setup = await start()
        const [one, other] = await Promise.all([mint(setup), mint(setup)])
        if (!one.minted || !other.minted) return expect.fail('nothing was minted')
        expect(one.minted.fingerprint).to.not.equal(other.minted.fingerprint)
        expect(setup.secretOf(one.minted)).to.not.equal(setup.secretOf(other.minted))
        await endOf(setup, one)
        expect(await setup.works(other.minted)).to.be.true
        expect(await setup.alive(one.plan)).to.equal(one.plan.revocation === 'at_expiry')
      })

      it('awaits each record before its next step upstream', async () => {
        await using setup = await start()
        await mint(setup)
        let [calls, asked] = [0, 0]
        const { minted } = await mint(setup, {
          async record() {
            calls += 1
            asked = setup.faults.exchanges.length
            await turns(20)
            expect(setup.faults.exchanges.length, 'a step was taken before the record was durable').to.equal(asked)
          },
        })
        expect(minted).to.not.be.null
        expect(calls).to.equal(setup.records)
      })

      it('fails where a record fails, takes no further step, and what it made can be ended', async () => {
        await using setup = await start()
        for (let failing = 0; failing < setup.records; failing += 1) {
          let [calls, asked] = [0, 0]
          const outcome = await mint(setup, {
            record: () => {
              if (calls++ < failing) return Promise.resolve()
              asked = setup.faults.exchanges.length
              return Promise.reject(new Error('the disk is full'))
            },
          })
          expect(outcome.minted, `record ${failing + 1}`).to.be.null
          expect(setup.faults.exchanges.length, `record ${failing + 1}`).to.equal(asked)
          await endOf(setup, outcome)
          expect(await setup.alive(outcome.plan), `record ${failing + 1}`).to.be.false
        }
      })

      it('whose answer is lost, at whichever step, fails, and what it made can be ended', async () => {
        await using setup = await start()
        await mint(setup)
        const before = setup.faults.exchanges.length
        await mint(setup)
        const steps = setup.faults.exchanges.length - before
        expect(steps).to.be.at.least(1)
        for (const kind of ['cut-answer', 'half-answer', 'cut-request'] as const) {
          for (let step = 1; step <= steps; step += 1) {
            const outcome = await mintMeeting(setup, { kind }, step)
            const where = `${kind} at step ${step} of ${steps}`
            expect(outcome.minted, where).to.be.null
            expectSecretless(setup, outcome.error, where)
            await endOf(setup, outcome)
            expect(await setup.alive(outcome.plan), where).to.be.false
          }
        }
      })

      it('ends when its signal aborts', async () => {
        await using setup = await start()
        await mint(setup)
        for (const kind of ['hang', 'black-hole'] as const) {
          using _ = setup.faults.inject({ kind })
          const abort = new AbortController()
          const minting = mint(setup, { signal: abort.signal })
          await until(() => setup.faults.exchanges.at(-1)?.request !== undefined)
          const at = performance.now()
          abort.abort()
          const { minted, error } = await minting
          expect(minted, kind).to.be.null
          expect(performance.now() - at, kind).to.be.lessThan(PROMPT_MS)
          expectSecretless(setup, error, kind)
        }
      })

      it('ends by itself at its time, with nobody to take it back', async () => {
        await using setup = await start()
        const { plan, minted } = await mint(setup, { lifeMs: setup.shortestLifeMs })
        if (!minted) return expect.fail('nothing was minted')
        expect(await setup.works(minted), 'a control').to.be.true
        await setup.pass(minted.expiresAt - setup.clock())
        await until(async () => !(await setup.works(minted)))
        await setup.pass(plan.notAfter - setup.clock())
        await until(async () => !(await setup.alive(plan)))
      })
    })

    describe('a revocation', () => {
      it('is confirmed only once the credential is dead, and asking again is harmless', async () => {
        await using setup = await start()
        const outcome = await mint(setup)
        if (!outcome.minted) return expect.fail('nothing was minted')
        expect(await setup.works(outcome.minted), 'a control').to.be.true
        const answer = await revoke(setup, outcome)
        if (outcome.plan.revocation === 'at_expiry') return void expect(answer.class).to.equal('at_expiry')
        expect(answer.class).to.equal('revoked')
        if (answer.class === 'revoked' && answer.effectiveAfter !== null)
          await setup.pass(answer.effectiveAfter - setup.clock())
        expect(await setup.works(outcome.minted)).to.be.false
        expect(await setup.alive(outcome.plan)).to.be.false
        expect((await revoke(setup, outcome)).class).to.be.oneOf(['revoked', 'gone'])
      })

      for (const kind of ['cut-answer', 'half-answer'] as const) {
        it(`whose answer is lost (${kind}) is tried again until it is confirmed`, async () => {
          await using setup = await start()
          const outcome = await mint(setup)
          {
            using _ = setup.faults.inject({ kind })
            const answer = await revoke(setup, outcome)
            expect(answer.class).to.be.oneOf(['unreachable', 'unknown', 'at_expiry'])
            expectSecretless(setup, answer, kind)
          }
          await endOf(setup, outcome)
          expect(await setup.alive(outcome.plan)).to.equal(outcome.plan.revocation === 'at_expiry')
        })
      }

      it('of what never existed ends', async () => {
        await using setup = await start()
        const order = setup.order()
        const plan = planOf(setup, order)
        expect(await endOf(setup, { order, plan, recorded: [] })).to.be.oneOf(['gone', 'revoked', 'at_expiry'])
      })

      const troubles: readonly (readonly [string, Fault | null, readonly RevokeAnswer['class'][]])[] = [
        ['an upstream that resets the connection', { kind: 'cut-request' }, ['unreachable']],
        ['an upstream that says nothing', { kind: 'black-hole' }, ['unreachable']],
        ['an upstream that is overloaded', { kind: 'answer', status: 503, body: '{}' }, ['unreachable', 'throttled']],
        ['an upstream that fails', { kind: 'answer', status: 500, body: '{}' }, ['unreachable', 'unknown']],
        ['a proxy that finds nothing', { kind: 'answer', status: 404, body: 'not found' }, ['unknown']],
        ['a success that says nothing', { kind: 'answer', status: 200, body: '<html>' }, ['unknown']],
        ['an upstream that is asked too often', null, ['throttled']],
      ]
      for (const [trouble, fault, classes] of troubles) {
        it(`is not taken for done by ${trouble}`, async () => {
          await using setup = await start()
          const outcome = await mint(setup)
          if (!outcome.minted) return expect.fail('nothing was minted')
          if (outcome.plan.revocation !== 'at_expiry') {
            using _ = setup.faults.inject(fault ?? { kind: 'answer', ...setup.throttled })
            const answer = await revoke(setup, outcome)
            expect(answer.class).to.be.oneOf(classes)
            expectSecretless(setup, answer, trouble)
          }
          expect(await setup.works(outcome.minted)).to.be.true
          await endOf(setup, outcome)
        })
      }

      it('that the broker may not do is said, never taken for done, and works once it may', async () => {
        await using setup = await start()
        const outcome = await mint(setup)
        if (!outcome.minted) return expect.fail('nothing was minted')
        if (outcome.plan.revocation === 'at_expiry') {
          expect((await revoke(setup, outcome)).class).to.equal('at_expiry')
          return
        }
        {
          await using _ = await setup.forbidRevocation()
          const answer = await revoke(setup, outcome)
          expect(answer.class).to.equal('permanent')
          expectSecretless(setup, answer, 'a forbidden revocation')
          expect(await setup.works(outcome.minted)).to.be.true
        }
        await endOf(setup, outcome)
        expect(await setup.alive(outcome.plan)).to.be.false
      })

      it('ends when its signal aborts, as an answer and not as an error', async () => {
        await using setup = await start()
        const outcome = await mint(setup)
        using _ = setup.faults.inject({ kind: 'black-hole' })
        const before = setup.faults.exchanges.length
        const abort = new AbortController()
        const revoking = revoke(setup, outcome, abort.signal)
        await until(() => setup.faults.exchanges.length > before || outcome.plan.revocation === 'at_expiry')
        const at = performance.now()
        abort.abort()
        expect((await revoking).class).to.be.oneOf(['unreachable', 'unknown', 'at_expiry'])
        expect(performance.now() - at).to.be.lessThan(PROMPT_MS)
      })
    })

    describe('a check', () => {
      it('finds nothing wrong where nothing is, and changes nothing', async () => {
        await using setup = await start()
        const before = await setup.state()
        const findings = await setup.provider.check(AbortSignal.timeout(10_000))
        expect(findings).to.not.be.empty
        expect(findings.filter(({ ok }) => !ok)).to.deep.equal([])
        expect(await setup.state()).to.deep.equal(before)
      })

      it('finds each fault that was planted, says how to mend it, and changes nothing', async () => {
        await using setup = await start()
        expect(setup.planted).to.not.be.empty
        for (const { name: fault, finding, plant } of setup.planted) {
          await using _ = await plant()
          const before = await setup.state()
          const findings = await setup.provider.check(AbortSignal.timeout(10_000))
          const found = findings.filter(({ ok, check }) => !ok && check === finding)
          expect(found, `${fault}: ${inspect(findings)}`).to.have.length.at.least(1)
          for (const { mend } of found) expect(mend, fault).to.be.a('string').that.is.not.empty
          expectSecretless(setup, findings, fault)
          expect(await setup.state(), fault).to.deep.equal(before)
        }
      })

      for (const kind of ['cut-request', 'black-hole'] as const) {
        it(`says so where the upstream cannot be reached (${kind})`, async () => {
          await using setup = await start()
          using _ = setup.faults.inject({ kind })
          const findings = await setup.provider.check(AbortSignal.timeout(10_000))
          expect(findings.filter(({ ok }) => !ok)).to.have.length.at.least(1)
          expectSecretless(setup, findings, kind)
        })
      }
    })

    it('says no secret in any error, whatever answers', async () => {
      await using setup = await start()
      await mint(setup)
      const faults: readonly Fault[] = [
        { kind: 'cut-request' },
        { kind: 'half-answer' },
        ...[400, 403, 404, 429, 500, 503].map(
          (status) => ({ kind: 'answer', status, body: '{"errors":["no"]}' }) as const,
        ),
        ...['<html>', '{}', '[]', 'null', '"text"'].map((body) => ({ kind: 'answer', status: 200, body }) as const),
      ]
      for (const fault of faults) {
        using _ = setup.faults.inject(fault)
        const where = inspect(fault)
        const { minted, error } = await mint(setup)
        expect(minted, where).to.be.null
        expectSecretless(setup, error, where)
        const upkeep = setup.provider.upkeep?.(AbortSignal.timeout(5_000)) ?? Promise.resolve()
        expectSecretless(setup, await upkeep.catch((caught: unknown) => caught), where)
      }
    })
  })
}
