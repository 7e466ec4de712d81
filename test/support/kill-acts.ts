import { ORDINARY } from './broker.ts'
import type { ProcessBroker } from './broker-process.ts'
import { type CrashWorld, type HeldLease } from './crash-world.ts'
import type { KillPoint } from './kill-points.ts'
import { grantOf } from './upstream-broker.ts'

/** A world and the broker that runs over it now. */
export interface Session {
  readonly world: CrashWorld
  readonly broker: ProcessBroker
}

/** What somebody does when the broker dies: what comes before is answered in peace, and the deed itself may never be. */
type Act = (session: Session) => Promise<() => Promise<unknown>>

const grant: Act = ({ world, broker }) => Promise.resolve(() => world.grant(broker))

/** In the last third of the credential it may be replaced. */
const replacement: Act = async ({ world, broker }) => {
  const lease = await world.grant(broker)
  await world.advance(broker, 250_000)
  // A broker whose sweep is late grants nothing.
  await broker.sweep()
  return async () => {
    const body = { grant: grantOf(world.upstream).name }
    const answer = await broker.call('POST', `/v1/leases/${lease.id}/credentials`, { token: lease.token, body })
    if (answer.status === 201) world.hold({ ...lease, handle: answer.body.value.username })
  }
}

/** The first answer was lost: the same request again, with the same key. */
const reissue: Act = async ({ world, broker }) => {
  const key = { 'idempotency-key': `reissue-${world.upstream.mints.size}` }
  world.letGo(await world.grant(broker, {}, key))
  return () => world.grant(broker, {}, { ...key, 'mayfly-reissue': 'true' })
}

/** Ends it, as its agent or as an operator, and keeps in mind what was answered. */
export async function end({ world, broker }: Session, lease: HeldLease, verb: 'complete' | 'revoke'): Promise<number> {
  world.letGo(lease)
  const call =
    verb === 'complete'
      ? { token: lease.token, body: { outcome: 'success' } }
      : { token: world.operator('operator'), body: { reason: 'Stop' } }
  const { status } = await broker.call('POST', `/v1/leases/${lease.id}/${verb}`, call)
  if (status === 200) world.ended(lease)
  return status
}

const completion: Act = async (session) => {
  const lease = await session.world.grant(session.broker)
  return () => end(session, lease, 'complete')
}

const revocation: Act = async (session) => {
  // A task of its own: whoever was revoked has to ask a human before the same task goes on.
  const lease = await session.world.grant(session.broker, { task: `run-${session.world.upstream.mints.size}` })
  return () => end(session, lease, 'revoke')
}

const expiry: Act = async ({ world, broker }) => {
  await world.grant(broker)
  await world.advance(broker, 301_000)
  return () => broker.sweep()
}

const renew = ({ broker }: Session, { id, token }: HeldLease) =>
  broker.call('POST', `/v1/leases/${id}/renew`, { token, body: { ttl: ORDINARY.ttl + 100 } })

const renewal: Act = async (session) => {
  const lease = await session.world.grant(session.broker)
  return () => renew(session, lease)
}

/** Three agents at once that ask, renew, and complete every other lease, until the broker is gone. */
export async function keepBusy(session: Session): Promise<void> {
  const { world, broker } = session
  const busy = async (): Promise<void> => {
    for (let at = 0; ; at += 1) {
      const lease = await world.grant(broker)
      if (at % 3 === 2) await renew(session, lease)
      if (at % 2 === 0) await end(session, lease, 'complete')
    }
  }
  // It ends as everything does that is connected to a broker when that is killed.
  await Promise.all([busy(), busy(), busy()].map((each) => each.catch(() => undefined)))
}

/** Where a kill falls. `during`: the upstream has the call and has not done anything yet. */
export type KillMoment = KillPoint | { readonly step: 'mint' | 'revoke'; readonly when: 'during' }

export interface KillPlan {
  readonly what: string
  readonly act: Act
  readonly moment: KillMoment
}

const around = (step: KillPoint['step'], ...when: readonly KillPoint['when'][]): readonly KillMoment[] =>
  when.map((each) => ({ step, when: each }))
const DURING_MINT = { step: 'mint', when: 'during' } as const
const DURING_REVOKE = { step: 'revoke', when: 'during' } as const

const OF_MINTS = [
  ...around('intent', 'before', 'inside', 'after'),
  ...around('mint', 'before', 'after'),
  DURING_MINT,
  ...around('record', 'before', 'inside', 'after'),
  ...around('reveal', 'after'),
  ...around('release', 'before', 'inside', 'after'),
]
const OF_ENDS = [
  ...around('close', 'before', 'inside', 'after'),
  ...around('revoke', 'before', 'after'),
  DURING_REVOKE,
  ...around('end', 'before', 'inside', 'after'),
]
const OF_RENEWALS = around('renew', 'before', 'inside', 'after')

const plans = (what: string, act: Act, moments: readonly KillMoment[]): readonly KillPlan[] =>
  moments.map((moment) => ({ what: `${what}, ${moment.when} ${moment.step}`, act, moment }))

/** Every act, with every moment at which it can be cut off. */
export const KILL_PLANS: Readonly<Record<string, readonly KillPlan[]>> = {
  'a grant': plans('a grant', grant, OF_MINTS),
  'the replacement of a credential': plans('a replacement', replacement, OF_MINTS),
  'a reissue': plans('a reissue', reissue, OF_MINTS),
  'a completion': plans('a completion', completion, OF_ENDS),
  'a revocation': plans('a revocation', revocation, OF_ENDS),
  'an expiry': plans('an expiry', expiry, OF_ENDS),
  'a renewal': plans('a renewal', renewal, OF_RENEWALS),
}
