import { createHash } from 'node:crypto'
import type { Answered } from '../broker.ts'
import { brokenChains, readLedger, undone } from '../ledger-file.ts'
import { orphans } from '../upstream-broker.ts'
import { isGrantFrozen, standingIn, timeOf, type Model, type ModelLease } from './model.ts'
import type { World } from './world.ts'

export class Violated extends Error {
  override readonly name = 'Violated'
}

export function must(holds: boolean, what: string): void {
  if (!holds) throw new Violated(what)
}

export const beat = async (world: World, { id, token }: ModelLease): Promise<number> =>
  (await world.broker().call('POST', `/v1/leases/${id}/heartbeat`, { token })).status

async function isActive(world: World, token: string): Promise<boolean> {
  const { body } = await world.broker().call('POST', '/oauth/introspect', {
    token: world.broker().pep,
    body: new URLSearchParams({ token }).toString(),
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  })
  return body.active as boolean
}

/** Invariants 2 and 6: what has just left is on record already, and says which rules let it. */
export function received(world: World, { body }: Answered): void {
  const { credentials, audit } = readLedger(world.folder)
  const minted = audit.filter(({ record }) => record.includes('"credential.minted"'))
  for (const credential of body.credentials ?? [body]) {
    if (!credential.value) continue
    const secret = String(credential.value.access_token ?? credential.value.password)
    const fingerprint = createHash('sha256').update(secret).digest('hex')
    const state = credentials.get(credential.id)?.state
    must(state === 'active', `2: a secret left, and its row is ${String(state)}`)
    must(
      minted.some(({ record }) => record.includes(fingerprint)),
      '2: a secret left without a record of it',
    )
  }
  if (!body.decision) return
  must(body.decision.rules_digest === world.rules(), '6: a decision names other rules than those in force')
  must(/^dec_/.test(body.decision.id) && Array.isArray(body.decision.rules), '6: a decision has no name, or no rules')
}

/** Invariants 1, 3, 4, 5 and 7, of everything that there is. */
export async function checkAll(model: Model, world: World): Promise<void> {
  const lost = orphans(world.folder, world.upstream)
  must(lost.length === 0, `1: ${lost.join()} works, and no open row knows it`)
  const now = readLedger(world.folder)
  const back = undone(world.seen, now)
  must(back.length === 0, `3 and 7: ${back.join('; ')}`)
  world.seen = now

  const { stop } = timeOf(model)
  const reasons: string = (await world.broker().call('GET', '/readyz')).body.reasons.join()
  must(
    reasons.includes('clock') === (stop !== null),
    `5: the clock is ${String(stop)}, and readiness says "${reasons}"`,
  )
  for (const lease of model.leases) await checkLease(model, world, lease)
}

async function checkLease(model: Model, world: World, lease: ModelLease): Promise<void> {
  if (lease.unsure && world.seen.leases.get(lease.id)?.outcome === 'lost') lease.ended = true
  const standing = standingIn(model, lease)
  const { use } = timeOf(model)
  const which = `${lease.id} (${lease.agent}, ${lease.task}${lease.parent ? ', a child' : ''})`
  if (standing === 'dead') {
    const status = await beat(world, lease)
    lease.lastHeardAt = timeOf(model).believed
    must(status === 409, `3, 4 and 7: ${which} has ended, and a use of it is answered with ${status}`)
  } else {
    const { body } = await world
      .broker()
      .call('GET', `/v1/leases/${lease.id}`, { token: world.broker().operator('viewer') })
    const seen = `${String(body.state)} (${String(body.outcome)})`
    must(body.state === 'active', `${which} is good, and reads as ${seen}`)
    must(body.frozen === (standing === 'waits'), `${which} ${standing}, and reads as frozen: ${String(body.frozen)}`)
  }
  if (!lease.jwt) return
  const good = standing === 'usable' && use < lease.jwt.until && !isGrantFrozen(model, 'refunds-api')
  const active = await isActive(world, lease.jwt.token)
  must(active === good, `3 and 4: the token of ${which}, which ${standing}, is ${active ? 'active' : 'not active'}`)
}

/** The end of a run: whatever was wrong is over, time passes, and nothing is left alive or open. */
export async function checkEnd(model: Model, world: World): Promise<void> {
  const broker = world.broker()
  world.upstream.script({ mint: 'ok', revoke: 'ok' })
  world.clocks.setRight()
  await broker.call('POST', '/v1/clock/accept', { token: broker.operator('admin') })
  for (const { id, ended } of model.leases)
    if (!ended)
      await broker.call('POST', `/v1/leases/${id}/revoke`, {
        token: broker.operator('operator'),
        body: { reason: 'Over' },
      })
  for (let hour = 0; hour < 3; hour += 1) await broker.pass(3_600_000)
  const waits = [...readLedger(world.folder).credentials.values()].filter(({ state }) => state !== 'closed')
  // What an upstream can only let end by itself.
  if (waits.length > 0) await broker.pass(31 * 86_400_000)
  must(world.upstream.live().length === 0, `1: ${world.upstream.live().join()} works after everything has ended`)
  const ledger = readLedger(world.folder)
  const open = [...ledger.leases.values(), ...ledger.credentials.values()].filter(({ state }) => state !== 'closed')
  must(
    open.length === 0,
    `1: ${open.map(({ id, state }) => `${id} is ${state}`).join('; ')} after everything has ended`,
  )
  must(brokenChains(ledger).length === 0, `the chains ${brokenChains(ledger).join()} do not hold`)
}
