import { isReplaceable, type Credential } from '../core/credential.ts'
import { isUsable, type Lease } from '../core/lease.ts'
import { err, ok, type Result } from '../core/result.ts'
import { SECOND_MS } from '../core/time.ts'
import { actorOf, credentialEntry, type Origin } from './audit-entries.ts'
import type { LeaseCaller } from './caller.ts'
import { mint, type Minting } from './mint.ts'
import type { Broker, Reads, Transaction } from './ports.ts'
import type { Refusal } from './refusal.ts'

interface Fetch {
  readonly caller: LeaseCaller
  readonly grant: string
  readonly requestId: string
}

/**
 * One more credential inside the lease's access: the first after an approval, or the next when the one before is in its
 * last third or closed. The old one is closed in the commit in which the new one stands.
 */
export async function fetchCredential(broker: Broker, call: Fetch): Promise<Result<Minting, Refusal>> {
  const policy = broker.policy()
  const now = broker.clock()
  const origin: Origin = { actor: actorOf(call.caller), requestId: call.requestId, now }
  const lease = broker.store.reads.lease(call.caller.lease)
  if (!lease) return err({ reason: 'not-found' })
  const stop = whyNot(broker.store.reads, broker, { lease, grant: call.grant })
  if (stop) return err(stop)
  const access = lease.access.find((entry) => entry.grant === call.grant)
  const grant = policy.catalogue.grants.get(call.grant)
  if (!access || !grant) return err(notGranted(call.grant))

  const minted = await mint(broker, { lease, grant, access, now }).catch(() => null)
  if (!minted)
    return err({ reason: 'provider-unavailable', detail: 'The credential could not be minted. Ask again later.' })
  return broker.store.commit((tx) => {
    const current = tx.lease(lease.id)
    if (!current) return err({ reason: 'not-found' })
    const late = whyNot(tx, broker, { lease: current, grant: call.grant })
    if (late) return err(late)
    if (broker.policy().epoch !== policy.epoch) {
      return err({ reason: 'unavailable', detail: 'The configuration changed while this was being minted. Ask again.' })
    }
    replace(tx, current, call.grant, origin)
    tx.insertCredential(minted.credential)
    tx.append(credentialEntry('credential.minted', current, minted.credential, origin))
    return ok(minted)
  })
}

/** Asked before the mint and again in the commit: whatever closed the lease in between wins. */
function whyNot(
  reads: Reads,
  broker: Pick<Broker, 'clock'>,
  { lease, grant }: { readonly lease: Lease; readonly grant: string },
): Refusal | undefined {
  const now = broker.clock()
  const usable = isUsable(lease, now) && reads.ancestors(lease).every((ancestor) => isUsable(ancestor, now))
  if (!usable)
    return {
      reason: 'conflict',
      detail: `The lease is ${lease.state}; only an active one gives credentials.`,
      state: lease.state,
    }
  if (!lease.access.some((entry) => entry.grant === grant)) return notGranted(grant)
  if (lease.expiresAt - now < SECOND_MS)
    return { reason: 'conflict', detail: 'The lease ends within the second. Ask for a new one.', state: lease.state }
  const early = open(reads, lease, grant).find((credential) => !isReplaceable(credential, now))
  if (!early) return undefined
  return {
    reason: 'conflict',
    detail: `Credential ${early.id} is still good. It can be replaced in its last third.`,
    state: lease.state,
  }
}

function replace(tx: Transaction, lease: Lease, grant: string, origin: Origin): void {
  for (const credential of open(tx, lease, grant)) {
    const change = { state: 'closed', outcome: 'revoked', confirmedAt: origin.now } as const
    if (tx.moveCredential(credential, change)) {
      tx.append(credentialEntry('credential.closed', lease, { ...credential, ...change }, origin))
    }
  }
}

function open(reads: Reads, lease: Lease, grant: string): readonly Credential[] {
  return reads.credentialsOf(lease.id).filter((one) => one.grant === grant && one.state === 'active')
}

function notGranted(grant: string): Refusal {
  const errors = [{ path: '/grant', message: `"${grant}" is not in the access of this lease` }]
  return { reason: 'not-granted', detail: 'The lease does not hold this grant. Ask for a new lease that does.', errors }
}
