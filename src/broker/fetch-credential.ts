import { isReplaceable, type Credential } from '../core/credential.ts'
import type { Lease } from '../core/lease.ts'
import { err, ok, type Result } from '../core/result.ts'
import { SECOND_MS } from '../core/time.ts'
import { actorOf, type Origin } from './audit-entries.ts'
import type { LeaseCaller } from './caller.ts'
import { takeBack } from './close-lease.ts'
import { claimKey, inFlightName, keepKey, type IdempotencyKey } from './idempotency.ts'
import { issueCredentials } from './issue-credentials.ts'
import { mayNotMint } from './may-mint.ts'
import type { Minting } from './mint.ts'
import type { Broker } from './ports.ts'
import type { Refusal } from './refusal.ts'
import { frozen, isGrantFrozen, notUsable, standing } from './standing.ts'
import type { Reads } from './store-port.ts'

interface Fetch {
  readonly caller: LeaseCaller
  readonly grant: string
  readonly key: IdempotencyKey | null
  readonly requestId: string
}

/** The credential, with its secret the first time only. */
export interface Fetched {
  readonly credential: Credential
  readonly value: Minting['value'] | null
}

/**
 * One more credential inside the lease's access: the first after an approval, or the next when the one before is in its
 * last third or closed. The old one begins to close in the commit in which the new one stands.
 */
export async function fetchCredential(broker: Broker, call: Fetch): Promise<Result<Fetched, Refusal>> {
  if (call.key === null) return fetch(broker, call)
  const claimed = claimKey(broker, call.key)
  if (!claimed.ok) return claimed
  try {
    const id = claimed.value?.credential
    const earlier = id ? broker.store.reads.credential(id) : undefined
    return earlier ? ok({ credential: earlier, value: null }) : await fetch(broker, call)
  } finally {
    broker.inFlight.delete(inFlightName(call.key))
  }
}

async function fetch(broker: Broker, call: Fetch): Promise<Result<Fetched, Refusal>> {
  const policy = broker.policy()
  const now = broker.clock()
  const origin: Origin = { actor: actorOf(call.caller), requestId: call.requestId, now }
  const { reads } = broker.store
  const lease = reads.lease(call.caller.lease)
  if (!lease) return err({ reason: 'not-found' })
  const stop = whyNot(broker, reads, lease, call.grant) ?? mayNotMint(broker)
  if (stop) return err(stop)
  const access = lease.access.find((entry) => entry.grant === call.grant)
  const grant = policy.catalogue.grants.get(call.grant)
  if (!access || !grant) return err(notGranted(call.grant))

  const again = (tx: Reads): Refusal | undefined => {
    const current = tx.lease(lease.id)
    if (!current) return { reason: 'not-found' }
    return whyNot(broker, tx, current, call.grant)
  }
  const changed = (): Refusal | undefined =>
    broker.policy().epoch === policy.epoch
      ? undefined
      : { reason: 'unavailable', detail: 'The configuration changed while this was being minted. Ask again.' }
  const issued = await issueCredentials(broker, {
    lease,
    entries: [{ grant, access, broad: false }],
    origin,
    intend: again,
    release: (tx, intended, [made]) => {
      const late = changed() ?? (intended ? stillGood(broker, tx, lease, call.grant) : again(tx))
      if (late) return late
      if (call.key && made) keepKey(tx, call.key, { lease: lease.id, credential: made.credential.id }, now)
      for (const old of ofGrant(tx, lease, call.grant)) takeBack(tx, lease, old, origin)
      return undefined
    },
    undo: () => undefined,
  })
  if (!issued.ok) return issued
  broker.kick()
  const [made] = issued.value
  if (!made) throw new Error('Nothing was minted, and nothing failed')
  return ok(made)
}

/** Asked before the mint and again in its commits: whatever ended the lease in between wins. */
function whyNot(broker: Broker, reads: Reads, lease: Lease, grant: string): Refusal | undefined {
  const stop = stillGood(broker, reads, lease, grant)
  if (stop) return stop
  if (!lease.access.some((entry) => entry.grant === grant)) return notGranted(grant)
  const now = broker.clock()
  if (lease.expiresAt - now < SECOND_MS) {
    return { reason: 'conflict', detail: 'The lease ends within the second. Ask for a new one.', state: lease.state }
  }
  const early = ofGrant(reads, lease, grant).find((each) => each.state === 'minting' || !isReplaceable(each, now))
  if (!early) return undefined
  const detail =
    early.state === 'minting'
      ? `Credential ${early.id} is being minted for this grant right now.`
      : `Credential ${early.id} is still good. It can be replaced in its last third.`
  return { reason: 'conflict', detail, state: lease.state }
}

function stillGood(broker: Broker, reads: Reads, { id }: Lease, grant: string): Refusal | undefined {
  const lease = reads.lease(id)
  if (!lease) return { reason: 'not-found' }
  const found = standing(broker, reads, lease, broker.clock())
  if (found !== 'usable') return notUsable(lease, found)
  const provider = broker.policy().catalogue.grants.get(grant)?.provider ?? ''
  return isGrantFrozen(broker, reads, { grant, provider }) ? frozen(`Grant ${grant}`) : undefined
}

function ofGrant(reads: Reads, lease: Lease, grant: string): readonly Credential[] {
  return reads
    .credentialsOf(lease.id)
    .filter((one) => one.grant === grant && (one.state === 'active' || one.state === 'minting'))
}

function notGranted(grant: string): Refusal {
  const errors = [{ path: '/grant', message: `"${grant}" is not in the access of this lease` }]
  return { reason: 'not-granted', detail: 'The lease does not hold this grant. Ask for a new lease that does.', errors }
}
