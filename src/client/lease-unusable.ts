import type { Lease } from './resources.ts'

/** There is a lease, but nothing can be done with it: a person said no, it ended meanwhile, or its secrets are gone. */
export class LeaseUnusable extends Error {
  override readonly name = 'LeaseUnusable'
  readonly lease: Lease

  constructor(lease: Lease, why: string) {
    super(why)
    this.lease = lease
  }
}
