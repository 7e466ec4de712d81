import { randomBytes } from 'node:crypto'
import { expect } from 'chai'
import { setTimeout as wait } from 'node:timers/promises'
import { ACCOUNT } from '../../support/backends/ministack.ts'
import { startBrokerProcess, type BrokerProcess } from '../../support/broker-process.ts'
import { disposedBy } from '../../support/disposed-by.ts'
import { until } from '../../support/until.ts'
import { ROLE_ARN, shipped } from '../../providers/aws-sts/support/aws-account.ts'
import { AWS_PLANS, VAULT_PLANS, type KillPlan, type KillPlans } from './kill-plans.ts'
import { faultsOf, killRound, restart, type KillGround } from './kill-rounds.ts'
import { killWorld } from './kill-world.ts'
import { livingInAws, livingInVault } from './living.ts'
import type { Upstreams } from './real-upstreams.ts'

export interface KillSize {
  /** Brokers of one process: each stops where it was told to, and one SIGKILL ends them all. */
  readonly sideBySide: number
  readonly rounds: number
}

/** Brokers over the same ledgers, in front of one provider, that are killed again and again. */
export interface KilledBrokers extends AsyncDisposable {
  /** Returns how many died. */
  readonly kill: () => Promise<number>
  /** Ends every lease, and looks that nothing is left: alive upstream, or open in a ledger. */
  readonly end: () => Promise<void>
}

/** To the last third of a lease of 300 s, and over its end. */
const PASSES = { replaced: 220_000, expired: 301_000 }
/** Over everything that a row may still wait for: a policy that spreads, a retry, STS's own end. */
const OVER_MS = 1_020_000
/** OpenBao's time is real: a token that nobody has recorded lives for a minute. */
const HEALED_MS = 62_000

interface Phase {
  readonly list: readonly KillPlan[]
  readonly last: readonly KillPlan[]
  readonly passesMs: number
}

/**
 * Time passes first, because OpenBao's does not, and what heals itself does it by OpenBao's. Then what heals itself, so
 * that it has while the rest goes on.
 */
function phasesOf(plans: KillPlans, rounds: number, timed: number): Phase[] {
  const { first, expired, replaced, healing, others, inside: last } = plans
  const times = (count: number, phase: Phase): Phase[] => Array.from({ length: count }, () => phase)
  const phases = [
    ...times(Number(first.length > 0), { list: first, last, passesMs: 0 }),
    ...times(timed, { list: expired, last, passesMs: PASSES.expired }),
    ...times(timed, { list: replaced, last, passesMs: PASSES.replaced }),
    ...times(Number(healing.length > 0), { list: healing, last: plans.healingInside, passesMs: 0 }),
  ]
  return [...phases, ...times(rounds - phases.length, { list: others, last, passesMs: 0 })]
}

export async function brokersToKill(
  upstreams: Upstreams,
  provider: 'vault' | 'aws',
  { sideBySide, rounds }: KillSize,
  healing = new Set<string>(),
): Promise<KilledBrokers> {
  await using started = new AsyncDisposableStack()
  const { ministack } = upstreams
  const aws = provider === 'aws'
  const plans = aws ? AWS_PLANS : VAULT_PLANS
  const worlds = await Promise.all(
    Array.from({ length: sideBySide }, async () =>
      started.use(
        await killWorld(
          upstreams,
          aws ? await roleOf(upstreams, `agent-orders-${randomBytes(4).toString('hex')}`) : ROLE_ARN,
        ),
      ),
    ),
  )
  const sessions = livingInAws(upstreams, () => worlds.map(({ toAws }) => toAws))
  const living = aws ? sessions.living : livingInVault(upstreams)
  const ground: KillGround = { worlds, living, healing }
  let [ahead, healsSince] = [0, 0]
  const pass = async (ms: number): Promise<void> => {
    ahead += ms
    if (aws) await ministack.setAhead(ahead)
  }
  if (aws) started.defer(() => ministack.setAhead(0))

  const processes = [startBrokerProcess()]
  started.defer(async () => {
    for (const each of processes) await (await each)[Symbol.asyncDispose]()
  })
  /** The next one loads while this one runs. */
  const nextProcess = async (): Promise<BrokerProcess> => {
    processes.push(startBrokerProcess())
    const loaded = await processes.at(-2)
    if (!loaded) throw new Error('There is always one')
    return loaded
  }
  // The SDK signs by the machine's clock, and AWS takes no signature that is a quarter of an hour old.
  const timed = aws ? Number(ministack.movable) : Math.ceil(rounds / 5)
  const turn = new Map<readonly KillPlan[], number>()
  const nextOf = (list: readonly KillPlan[]): readonly KillPlan[] => {
    const at = turn.get(list) ?? 0
    turn.set(list, at + 1)
    const plan = list[at % list.length]
    return plan ? [plan] : []
  }

  return {
    async kill() {
      let killed = 0
      for (const { list, last, passesMs } of phasesOf(plans, rounds, timed)) {
        // The one that kills its own process comes last: the others wait where they are.
        const held = Array.from({ length: sideBySide - 1 }, () => nextOf(list)).flat()
        const round = {
          plans: [...held, ...nextOf(last)],
          passesMs,
          pass: () => pass(passesMs),
          bystanders: list !== plans.first,
        }
        killed += await killRound(ground, await nextProcess(), round)
        if (list === plans.healing) healsSince = performance.now()
      }
      return killed
    },
    async end() {
      const brokers = await restart(ground, await nextProcess())
      await Promise.all(brokers.map(({ world, broker }) => world.endAll(broker)))
      const left = async (): Promise<readonly string[]> =>
        [...(await living())].filter((handle) => !ground.healing.has(handle))
      await until('nothing works any more', async () => (await left()).length === 0)
      if (ground.healing.size > 0) await wait(Math.max(0, healsSince + HEALED_MS - performance.now()))
      expect([...(await living())], 'what had no handle').to.deep.equal([])

      expect([...(await sessions.revived())], 'what was denied, and is no more').to.deep.equal([])
      await pass(OVER_MS)
      await Promise.all(brokers.map(({ world, broker }) => world.advance(broker, OVER_MS)))
      const open = (): readonly string[] =>
        worlds.flatMap((world) =>
          [...world.ledger().credentials.values()].flatMap(({ state, id }) => (state === 'closed' ? [] : [id])),
        )
      await until('every row is closed', async () => {
        await Promise.all(brokers.map(({ broker }) => broker.sweep()))
        return open().length === 0
      })
      expect(await faultsOf(ground), 'at the end').to.deep.equal([])
    },
    ...disposedBy(started),
  }
}

/** Each broker is the one writer of the deny policy of its role. */
async function roleOf({ ministack }: Upstreams, name: string): Promise<string> {
  const trust = await shipped('role-trust-policy')
  await ministack.root('iam', 'CreateRole', { RoleName: name, AssumeRolePolicyDocument: trust })
  const policy = { RoleName: name, PolicyName: 'orders', PolicyDocument: await shipped('role-policy') }
  await ministack.root('iam', 'PutRolePolicy', policy)
  return `arn:aws:iam::${ACCOUNT}:role/${name}`
}
