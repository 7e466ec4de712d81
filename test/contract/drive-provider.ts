import { setTimeout as wait } from 'node:timers/promises'
import type { Plan, Revocable, RevokeAnswer, UpstreamMinted, UpstreamOrder } from '../../src/broker/provider-port.ts'
import type { JsonObject } from '../../src/core/json.ts'
import type { Fault } from '../support/backends/fault-proxy.ts'
import type { ProviderSetup } from './provider-setup.ts'

/** What came of a mint, whether it ended well or not. */
interface Outcome {
  readonly order: UpstreamOrder
  readonly plan: Plan
  readonly recorded: readonly JsonObject[]
  readonly minted: UpstreamMinted | null
  readonly error: unknown
}

export function planOf(setup: ProviderSetup, order: UpstreamOrder): Plan {
  const plan = setup.provider.plan(order)
  if (!plan.ok) throw new Error(`The order was refused: ${plan.error.detail}`)
  return plan.value
}

export interface MintOptions {
  readonly lifeMs?: number
  readonly record?: (needed: JsonObject) => Promise<void>
  readonly signal?: AbortSignal
}

export async function mint(setup: ProviderSetup, options: MintOptions = {}): Promise<Outcome> {
  const order = setup.order(options.lifeMs)
  const plan = planOf(setup, order)
  const recorded: JsonObject[] = []
  const record = async (needed: JsonObject): Promise<void> => {
    await options.record?.(needed)
    recorded.push(needed)
  }
  const signal = options.signal ?? AbortSignal.timeout(10_000)
  const ended = { order, plan, recorded }
  return setup.provider.mint(order, plan, record, signal).then(
    (minted) => ({ ...ended, minted, error: null }),
    (error: unknown) => ({ ...ended, minted: null, error }),
  )
}

/** A mint whose request number `step`, counted from 1, meets the fault. */
export async function mintMeeting(setup: ProviderSetup, fault: Fault, step: number): Promise<Outcome> {
  let seen = 0
  using _ = setup.faults.inject(fault, () => ++seen === step)
  return await mint(setup)
}

type Ended = Pick<Outcome, 'order' | 'plan' | 'recorded'>

const revocableOf = ({ order, plan, recorded }: Ended): Revocable => ({
  handle: plan.handle,
  target: plan.target,
  grant: order.grant.name,
  recorded: recorded.at(-1) ?? null,
  issuedAt: order.now,
  notAfter: plan.notAfter,
})

export const revoke = (
  setup: ProviderSetup,
  ended: Ended,
  signal = AbortSignal.timeout(10_000),
): Promise<RevokeAnswer> => setup.provider.revoke(revocableOf(ended), signal)

const FINAL: readonly RevokeAnswer['class'][] = ['revoked', 'gone', 'at_expiry']

/** Does what the closer does: asks until the answer is final, then lets what the answer says pass. */
export async function endOf(setup: ProviderSetup, ended: Ended): Promise<RevokeAnswer['class']> {
  for (let attempt = 0; attempt < 5; attempt += 1) {
    const answer = await revoke(setup, ended)
    if (answer.class === 'revoked' && answer.effectiveAfter !== null)
      await setup.pass(answer.effectiveAfter - setup.clock())
    const tooYoung = answer.class === 'gone' && setup.clock() - ended.order.now < setup.provider.consistencyMs
    if (!tooYoung && FINAL.includes(answer.class)) return answer.class
    await setup.pass(tooYoung ? setup.provider.consistencyMs : setup.selfHealsAfterMs)
  }
  throw new Error('The revocation did not come to an end')
}

/** Enough turns of the event loop for a step that does not wait to reach the proxy. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await wait(1)
}

export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 8_000
  while (performance.now() < end) {
    if (await holds()) return
    await turns(5)
  }
  throw new Error('It never came to be so')
}
