import type { ApprovalState } from '../core/approval.ts'
import type { Credential } from '../core/credential.ts'
import type { Lease, LeaseOutcome } from '../core/lease.ts'
import { approvalEntry, credentialEntry, leaseClosedEntry, type Origin } from './audit-entries.ts'
import type { Transaction } from './store-port.ts'

/** Why a lease ends. */
export interface Closing {
  readonly outcome: LeaseOutcome
  readonly reason: string | null
}

/**
 * The one way a lease ends, whoever asks: the agent, an operator, the sweep, a mint that went wrong, a parent's end. In
 * the caller's transaction the lease and its live credentials leave `active`, its open approval lapses, and its
 * descendants are queued; every use reads the lease and its ancestors, so from that commit on the subtree allows nothing.
 * Returns the lease as it is now, or undefined when somebody else moved it first (read it again). Kick the closer after
 * the commit.
 */
export function closeLease(tx: Transaction, lease: Lease, closing: Closing, origin: Origin): Lease | undefined {
  if (lease.state !== 'pending' && lease.state !== 'active') return undefined
  const open = tx.credentialsOf(lease.id).filter(({ state }) => state !== 'closed')
  const upstream = open.some(({ target }) => target !== null)
  const by = `${origin.actor.type}:${origin.actor.id}`
  const change = upstream
    ? ({ state: 'closing', closedBy: by, ...closing } as const)
    : ({ state: 'closed', closedAt: origin.now, closedBy: by, ...closing } as const)
  if (!tx.moveLease(lease, change)) return undefined
  const ended: Lease = { ...lease, ...change, fence: lease.fence + 1 }
  for (const credential of open) takeBack(tx, ended, credential, origin)
  lapseApproval(tx, ended, origin)
  if (tx.openChildren(lease.id, 1).length > 0) tx.beginCascade(lease.id)
  tx.append(leaseClosedEntry(ended, origin))
  return ended
}

/**
 * Starts to take one credential back: the one `close`. A signed one has no upstream to tell, so closing its row is what
 * ends it. One that is being minted right now is left to its mint, which finds the lease closed and revokes what it made:
 * a revocation that came before the mint would find nothing, and the mint would outlive it.
 */
export function takeBack(tx: Transaction, lease: Lease, credential: Credential, origin: Origin): void {
  if (credential.state !== 'active') return
  if (credential.target !== null) {
    tx.moveCredential(credential, { state: 'revoking', nextAttemptAt: origin.now, revokingAt: origin.now })
    return
  }
  const outcome = origin.now >= credential.expiresAt ? 'expired' : 'revoked'
  const change = { state: 'closed', outcome, confirmedAt: origin.now } as const
  if (tx.moveCredential(credential, change)) {
    tx.append(credentialEntry('credential.closed', lease, { ...credential, ...change }, origin))
  }
}

/** After one of its credentials has closed: the lease is closed when none is left. Returns whether it is now. */
export function settleLease(tx: Transaction, lease: Lease, origin: Origin): boolean {
  if (lease.state !== 'closing' || tx.credentialsOf(lease.id).some(({ state }) => state !== 'closed')) return false
  return tx.moveLease(lease, { state: 'closed', closedAt: origin.now })
}

/**
 * An approval for a lease that has ended has nothing left to approve. One that was answered stays as it is. Lapsing is on
 * record; that one is cancelled says the record of the lease that closed under it.
 */
function lapseApproval(tx: Transaction, lease: Lease, origin: Origin): void {
  for (const waiting of tx.pendingActions(lease.id))
    tx.moveApproval(waiting, { state: 'cancelled', reason: lease.reason })
  const approval = lease.approval === null ? undefined : tx.approval(lease.approval)
  if (approval?.state !== 'pending') return
  const state: ApprovalState = lease.outcome === 'expired' ? 'expired' : 'cancelled'
  if (tx.moveApproval(approval, { state, reason: lease.reason }) && state === 'expired')
    tx.append(approvalEntry('approval.expired', { ...approval, state }, lease.reason, origin))
}
