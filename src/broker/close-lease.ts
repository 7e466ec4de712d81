import type { ApprovalState } from '../core/approval.ts'
import type { CredentialOutcome } from '../core/credential.ts'
import type { Lease, LeaseOutcome } from '../core/lease.ts'
import { approvalEntry, credentialEntry, leaseClosedEntry, type Origin } from './audit-entries.ts'
import type { Transaction } from './ports.ts'

/** Why a lease ends. */
export interface Closing {
  readonly outcome: LeaseOutcome
  readonly reason: string | null
}

/**
 * The one way a lease ends, whoever asks: the agent, an operator, the sweep, an approver, a reload. In the caller's
 * transaction the lease, its live credentials and its open approval are closed and each is recorded; every use reads the
 * lease, so from that commit on it allows nothing. Returns the lease as closed, or undefined when somebody else moved it
 * first (read it again).
 */
export function closeLease(tx: Transaction, lease: Lease, closing: Closing, origin: Origin): Lease | undefined {
  const change = { state: 'closed', closedAt: origin.now, ...closing } as const
  if (!tx.moveLease(lease, change)) return undefined
  const closed: Lease = { ...lease, ...change, fence: lease.fence + 1 }
  closeCredentials(tx, closed, closing.outcome === 'expired' ? 'expired' : 'revoked', origin)
  lapseApproval(tx, closed, origin)
  tx.append(leaseClosedEntry(closed, origin))
  return closed
}

/** A locally signed credential has no upstream to tell: closing its row is what ends it, and the confirmation too. */
function closeCredentials(tx: Transaction, lease: Lease, outcome: CredentialOutcome, origin: Origin): void {
  for (const credential of tx.credentialsOf(lease.id)) {
    if (credential.state !== 'active') continue
    const change = { state: 'closed', outcome, confirmedAt: origin.now } as const
    if (tx.moveCredential(credential, change)) {
      tx.append(credentialEntry('credential.closed', lease, { ...credential, ...change }, origin))
    }
  }
}

/**
 * An approval for a lease that has ended has nothing left to approve. One that was answered stays as it is. Lapsing is on
 * record; that one is cancelled says the record of the lease that closed under it.
 */
function lapseApproval(tx: Transaction, lease: Lease, origin: Origin): void {
  const approval = lease.approval === null ? undefined : tx.approval(lease.approval)
  if (approval?.state !== 'pending') return
  const state: ApprovalState = lease.outcome === 'expired' ? 'expired' : 'cancelled'
  if (tx.moveApproval(approval, { state, reason: lease.reason }) && state === 'expired')
    tx.append(approvalEntry('approval.expired', { ...approval, state }, lease.reason, origin))
}
