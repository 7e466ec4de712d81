import type { Policy } from './ports.ts'
import type { Reads } from './store-port.ts'
import type { Refusal } from './refusal.ts'

/** Quotas free up when leases end, which nobody can foretell: a fixed, honest "later". */
const RETRY_AFTER_SECONDS = 30

interface Wanted {
  readonly agent: string
  readonly pending?: true
  readonly credentials?: number
}

/** The first limit that one more lease would break, read inside the transaction that would store it. */
export function overQuota(reads: Reads, { limits, approvals }: Policy, wanted: Wanted): Refusal | undefined {
  if (reads.countLive(wanted.agent) >= limits.leasesPerAgent) {
    return exceeded(`Agent ${wanted.agent} already holds ${limits.leasesPerAgent} open leases. Complete some first.`)
  }
  if (reads.countLive(null) >= limits.liveLeases) {
    return exceeded(`This broker already holds ${limits.liveLeases} open leases.`)
  }
  if (wanted.pending && reads.countPendingApprovals(wanted.agent) >= approvals.pendingPerAgent) {
    return exceeded(`Agent ${wanted.agent} already waits for ${approvals.pendingPerAgent} approvals.`)
  }
  if ((wanted.credentials ?? 0) > limits.credentialsPerLease) {
    return exceeded(`One lease may hold ${limits.credentialsPerLease} credentials. Split the task.`)
  }
  return undefined
}

function exceeded(detail: string): Refusal {
  return { reason: 'quota-exceeded', detail, retryAfterSeconds: RETRY_AFTER_SECONDS }
}
