import type { Lease } from '../core/lease.ts'
import type { Broker } from './ports.ts'

/** Wakes whoever waits for a lease, and whoever waits for the approval that ends with it. */
export function announceLease({ changes }: Pick<Broker, 'changes'>, lease: Pick<Lease, 'id' | 'approval'>): void {
  changes.announce(lease.id)
  if (lease.approval) changes.announce(lease.approval)
}
