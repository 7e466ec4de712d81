import type { Approval } from '../core/approval.ts'
import type { Credential } from '../core/credential.ts'
import type { CredentialId } from '../core/id.ts'
import { err, ok, type Result } from '../core/result.ts'
import { rfc3339, SECOND_MS } from '../core/time.ts'
import { actorOf, credentialEntry, type Origin } from './audit-entries.ts'
import type { OperatorCaller } from './caller.ts'
import { settleLease } from './close-lease.ts'
import type { Broker } from './ports.ts'
import type { Refusal } from './refusal.ts'
import type { Transaction } from './store-port.ts'

interface Call {
  readonly operator: OperatorCaller
  readonly credential: CredentialId
  readonly reason: string
  readonly requestId: string
}

/**
 * Asks another admin to give up on a credential that cannot be taken back: it may live on at the upstream, so it takes
 * two people, and the record says so. Asking again answers with the same approval.
 */
export async function askToAbandon(broker: Broker, call: Call): Promise<Result<Approval, Refusal>> {
  const now = broker.time.believed()
  return broker.store.commit((tx): Result<Approval, Refusal> => {
    const credential = tx.credential(call.credential)
    const lease = credential && tx.lease(credential.lease)
    if (!lease) return err({ reason: 'not-found' })
    if (credential.state !== 'revoking') {
      const detail = `The credential is ${credential.state}. Only one that is being taken back can be given up on.`
      return err({ reason: 'conflict', detail, state: credential.state })
    }
    const open = tx.pendingAbandon(credential.id)
    if (open) return ok(open)
    const subject = {
      credential: credential.id,
      lease: lease.id,
      agent: lease.agent,
      grant: credential.grant,
      provider: credential.provider,
      handle: credential.handle,
      ends_by_itself: rfc3339(credential.hardExpiresAt ?? credential.notAfter),
      last_error: credential.lastError,
      asked_by: call.operator.id,
      reason: call.reason,
    }
    const approval: Approval = {
      id: broker.ids.approval(),
      kind: 'abandon',
      state: 'pending',
      fence: 0,
      lease: lease.id,
      abandon: { credential: credential.id, askedBy: call.operator.id },
      action: null,
      permission: null,
      agent: lease.agent,
      owner: lease.owner,
      task: lease.task,
      createdAt: now,
      expiresAt: now + broker.policy().approvals.expireAfterSeconds * SECOND_MS,
      subject,
      digest: broker.digests.ofJson(subject),
      asks: [],
      answered: [],
      needed: 1,
      approvedBy: [],
      deniedBy: null,
      reason: null,
    }
    tx.insertApproval(approval)
    return ok(approval)
  })
}

/** The second admin has said yes: the row is closed, and on record as abandoned and not as revoked. */
export function abandon(tx: Transaction, id: CredentialId, origin: Origin): void {
  const credential = tx.credential(id)
  const lease = credential && tx.lease(credential.lease)
  if (!lease || credential.state !== 'revoking') return
  const change = { state: 'closed', outcome: 'abandoned', stuck: false, nextAttemptAt: null } as const
  if (!tx.moveCredential(credential, change)) return
  tx.append(credentialEntry('credential.closed', lease, { ...credential, ...change }, origin))
  settleLease(tx, lease, origin)
}

/** Tries a credential again now, instead of when it would be due. */
export async function retryCredential(
  broker: Broker,
  call: Omit<Call, 'reason'>,
): Promise<Result<Credential, Refusal>> {
  const origin: Origin = { actor: actorOf(call.operator), requestId: call.requestId, now: broker.time.believed() }
  const result = await broker.store.commit((tx): Result<Credential, Refusal> => {
    const credential = tx.credential(call.credential)
    if (!credential) return err({ reason: 'not-found' })
    const change = { nextAttemptAt: origin.now, stuck: false } as const
    if (credential.state !== 'revoking' || !tx.moveCredential(credential, change)) {
      const detail = `The credential is ${credential.state}. Only one that is being taken back can be tried again.`
      return err({ reason: 'conflict', detail, state: credential.state })
    }
    return ok({ ...credential, ...change, fence: credential.fence + 1 })
  })
  if (result.ok) broker.kick()
  return result
}
